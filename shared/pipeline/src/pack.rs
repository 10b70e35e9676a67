//! Cutting a chat into blocks.

use std::ops::Range;
use std::time::Duration;

use crate::block::{Block, RenderedPart};
use crate::chunk::Record;
use crate::context::ContextRule;

pub(crate) mod costs;
#[cfg(test)]
mod naive;
pub(crate) mod rendered;
pub(crate) mod template;

/// An estimate let a message in that an exact count would have refused.
#[derive(Debug)]
pub(crate) struct Misjudgment;

/// How a block is measured while it grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measuring {
    /// By estimates where these are far from the maximum.
    Estimated,
    /// Exactly, at each message.
    Exact,
}

/// Counts a block as it grows.
pub(crate) trait BlockMeter {
    /// Begins a block with the message at `index` after this context; whether that is within the maximum.
    fn start(&mut self, context: Range<usize>, index: usize, measuring: Measuring) -> bool;

    /// Adds the message at `index` if the block stays within the maximum with it.
    fn extend(&mut self, index: usize) -> bool;

    /// The block's tokens, exactly. Where it was measured exactly, there is no misjudgment.
    fn tokens(&mut self) -> Result<u64, Misjudgment>;

    /// What the model's chat template rendered of the block, if it did.
    fn rendered(&mut self) -> Option<RenderedPart> {
        None
    }
}

/// `token_budget: content`: the sum of the messages' own tokens.
pub(crate) struct ContentMeter<'a> {
    records: &'a [Record],
    max: u64,
    tokens: u64,
}

impl<'a> ContentMeter<'a> {
    pub(crate) fn new(records: &'a [Record], max: u64) -> Self {
        Self {
            records,
            max,
            tokens: 0,
        }
    }
}

impl BlockMeter for ContentMeter<'_> {
    fn start(&mut self, context: Range<usize>, index: usize, _: Measuring) -> bool {
        self.tokens =
            content_tokens(&self.records[context]) + u64::from(self.records[index].tokens);
        self.tokens <= self.max
    }

    fn extend(&mut self, index: usize) -> bool {
        let tokens = self.tokens + u64::from(self.records[index].tokens);
        if tokens <= self.max {
            self.tokens = tokens;
        }
        tokens <= self.max
    }

    fn tokens(&mut self) -> Result<u64, Misjudgment> {
        Ok(self.tokens)
    }
}

/// The tokens of the messages' own texts.
pub(crate) fn content_tokens(records: &[Record]) -> u64 {
    records.iter().map(|record| u64::from(record.tokens)).sum()
}

/// Cuts messages, ordered by time, into blocks: a message continues the block if the gap to the one
/// before it is at most `threshold` and the block stays within the maximum. Where the maximum cuts, the
/// next block gets the context that `context` allows, as far as it fits.
pub(crate) fn pack(
    records: &[Record],
    threshold: Duration,
    context: &ContextRule<'_>,
    meter: &mut impl BlockMeter,
) -> Vec<Block> {
    let threshold = i64::try_from(threshold.as_micros()).unwrap_or(i64::MAX);
    let goes_on =
        |index: usize| records[index].time.saturating_sub(records[index - 1].time) <= threshold;
    let mut blocks: Vec<Block> = Vec::new();
    let mut start = 0;
    let mut measuring = Measuring::Estimated;
    while start < records.len() {
        let (context, conversation) = match blocks.last() {
            Some(before) if goes_on(start) => {
                let context = context.before(start, before.messages.start);
                (context, before.conversation)
            }
            Some(before) => (start..start, before.conversation + 1),
            None => (start..start, 0),
        };
        let begin = Beginning {
            context,
            start,
            measuring,
        };
        match grow(records.len(), begin, goes_on, meter) {
            Ok(mut block) => {
                start = block.messages.end;
                block.conversation = conversation;
                blocks.push(block);
                measuring = Measuring::Estimated;
            }
            Err(Misjudgment) => measuring = Measuring::Exact,
        }
    }
    blocks
}

/// What a block begins with, and how it is measured.
struct Beginning {
    context: Range<usize>,
    start: usize,
    measuring: Measuring,
}

fn grow(
    end: usize,
    beginning: Beginning,
    goes_on: impl Fn(usize) -> bool,
    meter: &mut impl BlockMeter,
) -> Result<Block, Misjudgment> {
    let Beginning {
        mut context,
        start,
        measuring,
    } = beginning;
    while !meter.start(context.clone(), start, measuring) && !context.is_empty() {
        context.start += 1;
    }
    let mut block = Block::beginning(context, start);
    let messages = &mut block.messages;
    while messages.end < end && goes_on(messages.end) && meter.extend(messages.end) {
        messages.end += 1;
    }
    block.tokens = meter.tokens()?;
    block.rendered = meter.rendered();
    Ok(block)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::line_extra::LineExtra;

    /// Messages at the given seconds with the given tokens.
    fn records(messages: &[(i64, u32)]) -> Vec<Record> {
        let record = |&(seconds, tokens)| Record {
            time: seconds * 1_000_000,
            stamp: 0,
            text_start: 0,
            text_len: 0,
            tokens,
            sender: 0,
            written_len: 0,
            line_extra: LineExtra::default(),
        };
        messages.iter().map(record).collect()
    }

    fn blocks(messages: &[(i64, u32)], threshold: u64, max: u64) -> Vec<(Range<usize>, u64)> {
        let records = records(messages);
        let mut meter = ContentMeter::new(&records, max);
        pack(
            &records,
            Duration::from_secs(threshold),
            &ContextRule::NONE,
            &mut meter,
        )
        .into_iter()
        .map(|block| (block.messages, block.tokens))
        .collect()
    }

    #[test]
    fn a_gap_of_the_threshold_continues_and_a_longer_one_cuts() {
        assert_eq!(
            blocks(&[(0, 1), (60, 1), (121, 1)], 60, 9),
            [(0..2, 2), (2..3, 1)]
        );
    }

    #[test]
    fn tokens_up_to_the_maximum_stay_together() {
        assert_eq!(
            blocks(&[(0, 4), (0, 5), (0, 1), (0, 9)], 60, 9),
            [(0..2, 9), (2..3, 1), (3..4, 9)]
        );
    }

    #[test]
    fn a_message_over_the_maximum_stands_alone_and_cuts() {
        assert_eq!(
            blocks(&[(0, 2), (0, 10), (0, 2)], 60, 9),
            [(0..1, 2), (1..2, 10), (2..3, 2)]
        );
    }

    proptest! {
        #[test]
        fn blocks_cover_all_messages_and_cannot_be_joined(
            messages in prop::collection::vec((0_i64..500, 0_u32..20), 0..60),
            threshold in 0_u64..60,
            max in 1_u64..40,
        ) {
            let mut messages = messages;
            messages.sort_by_key(|message| message.0);
            let blocks = blocks(&messages, threshold, max);
            let mut next = 0;
            for (range, tokens) in &blocks {
                prop_assert_eq!(range.start, next);
                next = range.end;
                prop_assert!(*tokens <= max || range.len() == 1);
                let sum: u64 = messages[range.clone()].iter().map(|m| u64::from(m.1)).sum();
                prop_assert_eq!(sum, *tokens);
            }
            prop_assert_eq!(next, messages.len());
            for pair in blocks.windows(2) {
                let first = pair[1].0.start;
                let gap = messages[first].0 - messages[first - 1].0;
                let fits = pair[0].1 + u64::from(messages[first].1) <= max;
                prop_assert!(gap > i64::try_from(threshold).unwrap() || !fits);
            }
        }
    }
}
