//! Blocks that were dropped as too short, by their tokens: what a lower minimum would keep.

use serde::{Serialize, Serializer};

/// Into so many ranges of equal width what is below the minimum is divided.
const RANGES: usize = 12;

/// A block that is too short, as it would be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShortBlock {
    /// The largest minimum with which it is kept.
    pub(crate) tokens: u64,
    /// The messages that it then has.
    pub(crate) messages: u64,
}

/// Blocks and the messages in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BlockCount {
    /// The blocks.
    pub blocks: u64,
    /// Their messages.
    pub messages: u64,
}

/// Blocks that only the minimum keeps out, by their tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShortBlocks {
    min: u64,
    ranges: [BlockCount; RANGES],
}

impl ShortBlocks {
    /// None so far, where blocks have this many tokens at least.
    pub(crate) fn new(min: u64) -> Self {
        Self {
            min,
            ..Self::default()
        }
    }

    pub(crate) fn add(&mut self, block: ShortBlock) {
        let range = (0..RANGES)
            .rev()
            .find(|&range| self.edge(range) <= block.tokens);
        let range = &mut self.ranges[range.unwrap_or(0)];
        range.blocks += 1;
        range.messages += block.messages;
    }

    /// The fewest tokens of a range.
    fn edge(&self, range: usize) -> u64 {
        self.min * range as u64 / RANGES as u64
    }

    /// What a minimum at the beginning of a range would keep.
    fn kept_from(&self, range: usize) -> BlockCount {
        let mut kept = BlockCount::default();
        for count in &self.ranges[range..] {
            kept.blocks += count.blocks;
            kept.messages += count.messages;
        }
        kept
    }

    /// A half, a third and a quarter of the minimum, and what each would keep in addition. Still shorter blocks have
    /// little in them to learn.
    pub(crate) fn lower_minimums(&self) -> impl Iterator<Item = (u64, BlockCount)> {
        let ranges = [RANGES / 2, RANGES / 3, RANGES / 4].into_iter();
        ranges.map(|range| (self.edge(range), self.kept_from(range)))
    }
}

impl Serialize for ShortBlocks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Range {
            from_tokens: u64,
            #[serde(flatten)]
            count: BlockCount,
        }
        let ranges = self.ranges.iter().enumerate();
        serializer.collect_seq(ranges.map(|(range, count)| Range {
            from_tokens: self.edge(range),
            count: *count,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_minimum_keeps_the_blocks_that_have_as_many_tokens() {
        let mut short = ShortBlocks::new(300);
        for tokens in [0, 24, 25, 74, 75, 149, 150, 299] {
            let messages = 10;
            short.add(ShortBlock { tokens, messages });
        }
        let kept: Vec<_> = short
            .lower_minimums()
            .map(|(min, kept)| (min, kept.blocks, kept.messages))
            .collect();
        assert_eq!(kept, [(150, 2, 20), (100, 3, 30), (75, 4, 40)]);
    }

    #[test]
    fn a_minimum_that_has_fewer_tokens_than_there_are_ranges_is_divided_as_well() {
        let mut short = ShortBlocks::new(3);
        for tokens in 0..3 {
            let messages = 1;
            short.add(ShortBlock { tokens, messages });
        }
        let kept: Vec<_> = short
            .lower_minimums()
            .map(|(min, kept)| (min, kept.blocks))
            .collect();
        assert_eq!(kept, [(1, 2), (1, 2), (0, 3)]);
    }
}
