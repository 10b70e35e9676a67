//! A few blocks out of all, evenly spread over them.

use std::ops::Range;

use crate::block::Block;
use crate::lines::Lines;
use crate::roles::Role;
use crate::split::Split;

/// So many messages of a sample are kept.
const MESSAGES: usize = 40;
/// So many characters of a message.
const CHARACTERS: usize = 500;
/// With so many characters, no further message of a sample is kept.
const CHARACTERS_OF_ALL: usize = 4_000;

/// Messages of one side in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampledTurn {
    /// Whether the target says them.
    pub is_target: bool,
    /// Whether they are context, which is not learned.
    pub is_context: bool,
    /// When the first was sent, as the export has it.
    pub timestamp: String,
    /// Their texts. One that is long is cut, and then ends with `…`.
    pub texts: Vec<String>,
}

/// A block to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Its place among all blocks of the run.
    place: u64,
    /// Its chat, as the statistics name it.
    pub chat: String,
    /// Its tokens, as they were held against the limits.
    pub tokens: u64,
    /// What it is for.
    pub split: Split,
    /// What is said in it, from the beginning.
    pub turns: Vec<SampledTurn>,
    /// Messages that come after that.
    pub left_out: u64,
}

/// Blocks evenly spread over all of a run.
///
/// Every `stride`-th block is kept. When there are twice as many as are wanted, every other is let go of,
/// and the stride is twice as long: so the choice depends on the order of the blocks alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Samples {
    wanted: usize,
    stride: u64,
    offered: u64,
    kept: Vec<Sample>,
}

impl Samples {
    pub(crate) fn new(wanted: u32) -> Self {
        Self {
            wanted: usize::try_from(wanted).unwrap_or(usize::MAX),
            stride: 1,
            offered: 0,
            kept: Vec::new(),
        }
    }

    /// Whether any are wanted.
    pub fn are_wanted(&self) -> bool {
        self.wanted > 0
    }

    /// Takes the next block, if it is its turn.
    pub(crate) fn offer(&mut self, chat: &str, lines: Lines<'_>, block: &Block) {
        let place = self.offered;
        self.offered += 1;
        if self.wanted == 0 || !place.is_multiple_of(self.stride) {
            return;
        }
        if self.kept.len() == self.wanted.saturating_mul(2) {
            self.stride *= 2;
            let stride = self.stride;
            self.kept
                .retain(|sample| sample.place.is_multiple_of(stride));
            if !place.is_multiple_of(stride) {
                return;
            }
        }
        self.kept.push(Sample::of(place, chat, lines, block));
    }

    /// The samples, in the order of the output.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Sample> {
        let (all, wanted) = (self.kept.len(), self.wanted.min(self.kept.len()));
        // The middle of each of as many equal parts.
        (0..wanted).map(move |part| &self.kept[(2 * part + 1) * all / (2 * wanted)])
    }
}

impl Sample {
    fn of(place: u64, chat: &str, lines: Lines<'_>, block: &Block) -> Self {
        let mut sample = Self {
            place,
            chat: chat.to_owned(),
            tokens: block.tokens,
            split: block.split,
            turns: Vec::new(),
            left_out: 0,
        };
        let mut room = Room {
            messages: MESSAGES,
            characters: CHARACTERS_OF_ALL,
        };
        let parts = [(&block.context, true), (&block.messages, false)];
        for (messages, is_context) in parts {
            for run in lines.merged(messages.clone()) {
                sample.add(lines, run, is_context, &mut room);
            }
        }
        sample
    }

    fn add(&mut self, lines: Lines<'_>, run: Range<usize>, is_context: bool, room: &mut Room) {
        let texts: Vec<_> = run
            .clone()
            .map_while(|index| room.take(lines.text(index)))
            .collect();
        self.left_out += (run.len() - texts.len()) as u64;
        if texts.is_empty() {
            return;
        }
        let mut timestamp = String::new();
        lines.records[run.start].write_timestamp(lines.arena, &mut timestamp);
        self.turns.push(SampledTurn {
            is_target: lines.role(run.start) == Role::Assistant,
            is_context,
            timestamp,
            texts,
        });
    }
}

/// How much more of a sample is kept.
struct Room {
    messages: usize,
    characters: usize,
}

impl Room {
    /// The text or its beginning; `None` if there is no room left.
    fn take(&mut self, text: &str) -> Option<String> {
        if self.messages == 0 || self.characters == 0 {
            return None;
        }
        self.messages -= 1;
        let mut taken: String = text.chars().take(CHARACTERS).collect();
        self.characters = self.characters.saturating_sub(taken.chars().count());
        if taken.len() < text.len() {
            taken.push('…');
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chunk::Record;
    use crate::line_extra::LineExtra;

    /// Offers blocks of one message each, and gives the places of those that are chosen.
    fn chosen(wanted: u32, blocks: usize) -> Vec<u64> {
        let mut samples = Samples::new(wanted);
        for _ in 0..blocks {
            offer(&mut samples, &["x"]);
        }
        assert!(samples.kept.len() <= 2 * wanted as usize);
        samples.iter().map(|sample| sample.place).collect()
    }

    fn offer(samples: &mut Samples, texts: &[&str]) {
        let arena = texts.concat();
        let mut end = 0;
        let records = texts.iter().map(|text| {
            let start = end;
            end += text.len();
            Record {
                time: 0,
                stamp: 0,
                text_start: start as u64,
                text_len: u32::try_from(text.len()).unwrap(),
                tokens: 1,
                sender: 0,
                written_len: 0,
                line_extra: LineExtra::default(),
            }
        });
        let records: Vec<_> = records.collect();
        let lines = Lines {
            records: &records,
            arena: &arena,
            targets: &[true],
            delimiter: "",
        };
        let mut block = Block::beginning(0..0, 0);
        block.messages = 0..records.len();
        samples.offer("Ann", lines, &block);
    }

    #[test]
    fn samples_are_spread_over_all_blocks() {
        assert_eq!(chosen(0, 100), [0; 0]);
        assert_eq!(chosen(3, 2), [0, 1]);
        assert_eq!(chosen(2, 4), [1, 3]);
        assert_eq!(chosen(4, 1000), [128, 384, 640, 896]);
    }

    #[test]
    fn a_long_block_is_cut() {
        let mut samples = Samples::new(1);
        let (long, short) = ("ü".repeat(CHARACTERS + 1), "short");
        offer(&mut samples, &[&long, short]);
        let sample = &samples.kept[0];
        let texts = &sample.turns[0].texts;
        assert_eq!(texts[0].chars().count(), CHARACTERS + 1);
        assert!(texts[0].ends_with("ü…"));
        assert_eq!((&*texts[1], sample.left_out), (short, 0));

        let mut samples = Samples::new(1);
        offer(&mut samples, &[short; MESSAGES + 2]);
        assert_eq!(samples.kept[0].left_out, 2);
        let mut samples = Samples::new(1);
        offer(&mut samples, &[&*long; 10]);
        assert_eq!(samples.kept[0].left_out, 2);
    }

    proptest! {
        #[test]
        fn as_many_are_chosen_as_are_wanted_and_there(wanted in 0_u32..12, blocks in 0_usize..300) {
            let places = chosen(wanted, blocks);
            prop_assert_eq!(places.len(), blocks.min(wanted as usize));
            prop_assert!(places.is_sorted_by(|one, next| one < next));
            prop_assert!(places.iter().all(|place| *place < blocks as u64));
        }
    }
}
