//! `token_budget: rendered`: blocks measured as they will be emitted.

use std::ops::Range;

use super::costs::LineCosts;
use super::{BlockMeter, Measuring, Misjudgment};
use crate::block::Block;
use crate::message_counts::{MergedMessage, MessageCounter};
use crate::tokens::TokenCounter;

/// Counts the emitted contents: merged lines with their delimiters, and the system prompt.
///
/// Where lines have their own tokens, those are added up. Other counts do not add up across a join, so such a merged
/// message is counted whole. To count it at each of its lines would take quadratic time, so lines are estimated while
/// what was estimated leaves room for its error, and messages are counted when it doesn't, or when the block ends.
pub(crate) struct RenderedMeter<'a, C> {
    counter: MessageCounter<'a, C>,
    costs: LineCosts,
    max: u64,
    measuring: Measuring,
    messages: Vec<MeasuredMessage>,
    /// Tokens of the system prompt and of all messages, estimates among them.
    total: u64,
    /// How many of them are estimated.
    estimated: u64,
}

/// A message of a block that grows.
struct MeasuredMessage {
    message: MergedMessage,
    tokens: u64,
    /// How many of them were added by estimates since it was counted.
    estimated: u64,
    /// Whether they are the sum of its lines' own.
    is_sum: bool,
}

impl<'a, C: TokenCounter> RenderedMeter<'a, C> {
    pub(crate) fn new(counter: MessageCounter<'a, C>, costs: LineCosts, max: u64) -> Self {
        Self {
            counter,
            costs,
            max,
            measuring: Measuring::Estimated,
            messages: Vec::new(),
            total: 0,
            estimated: 0,
        }
    }

    /// Whether the block is within the maximum with what is added, even if all that is estimated has an eighth more.
    fn is_surely_within(&self, added: u64) -> bool {
        let estimated = self.estimated + added;
        self.measuring == Measuring::Estimated && self.total + added + estimated / 8 + 2 <= self.max
    }

    /// What a message is estimated to have.
    fn estimate(&self, message: &MergedMessage) -> u64 {
        let folded = if message.has_prompt {
            self.counter.prompt_tokens + 1
        } else {
            0
        };
        let (run, records) = (message.run.clone(), self.counter.lines.records);
        let first = run.start;
        let lines = run.map(|index| self.costs.line(&records[index], index == first));
        folded + lines.sum::<u64>()
    }

    /// A message of which nothing was counted as a whole.
    fn measured(&self, message: MergedMessage) -> MeasuredMessage {
        let sum = self.counter.sum(&message);
        let estimated = match sum {
            Some(_) => 0,
            None => self.estimate(&message),
        };
        MeasuredMessage {
            message,
            tokens: sum.unwrap_or(estimated),
            estimated,
            is_sum: sum.is_some(),
        }
    }

    /// Counts those of the messages that have estimates in them.
    fn count(&mut self, messages: Range<usize>) {
        for measured in &mut self.messages[messages] {
            if measured.estimated > 0 {
                let tokens = self.counter.count(&measured.message);
                self.total = self.total - measured.tokens + tokens;
                self.estimated -= measured.estimated;
                measured.tokens = tokens;
                measured.estimated = 0;
            }
        }
    }

    /// The tokens of the last message with another line, if it is a sum and remains one.
    fn longer_sum(&self, index: usize) -> Option<u64> {
        let records = self.counter.lines.records;
        let last = self.messages.last().filter(|last| last.is_sum)?;
        let before = records[last.message.run.end - 1].line_tokens()?;
        let added = records[index].line_tokens()?.last;
        Some(last.tokens - u64::from(before.last) + u64::from(before.followed) + u64::from(added))
    }

    /// Adds a line to the last message.
    fn extend_message(&mut self, index: usize) -> bool {
        if let Some(tokens) = self.longer_sum(index) {
            return self.extend_sum(index, tokens);
        }
        let added = self.costs.line(&self.counter.lines.records[index], false);
        let is_surely_within = self.is_surely_within(added);
        let before = self.messages.len() - 1;
        if !is_surely_within {
            self.count(0..before);
        }
        let last = &mut self.messages[before];
        last.message.run.end = index + 1;
        let was_sum = std::mem::take(&mut last.is_sum);
        if is_surely_within {
            last.tokens += added;
            last.estimated += added;
            self.total += added;
            self.estimated += added;
            return true;
        }
        let tokens = self.counter.count(&last.message);
        let total = self.total - last.tokens + tokens;
        if total > self.max {
            last.message.run.end = index;
            last.is_sum = was_sum;
            return false;
        }
        self.total = total;
        self.estimated -= last.estimated;
        last.tokens = tokens;
        last.estimated = 0;
        true
    }

    /// Adds a line to the last message, which has these tokens with it.
    fn extend_sum(&mut self, index: usize, tokens: u64) -> bool {
        let last = self.messages.len() - 1;
        let before = self.messages[last].tokens;
        if !self.is_surely_within(tokens.saturating_sub(before)) {
            self.count(0..last);
            if self.total - before + tokens > self.max {
                return false;
            }
        }
        self.total = self.total - before + tokens;
        let last = &mut self.messages[last];
        last.message.run.end = index + 1;
        last.tokens = tokens;
        true
    }

    /// Adds a message of the other role.
    fn add_message(&mut self, index: usize) -> bool {
        let mut added = self.measured(MergedMessage {
            run: index..index + 1,
            has_prompt: false,
        });
        if !self.is_surely_within(added.tokens) {
            self.count(0..self.messages.len());
            if added.estimated > 0 {
                added.tokens = self.counter.count(&added.message);
                added.estimated = 0;
            }
            if self.total + added.tokens > self.max {
                return false;
            }
        }
        self.total += added.tokens;
        self.estimated += added.estimated;
        self.messages.push(added);
        true
    }
}

impl<C: TokenCounter> BlockMeter for RenderedMeter<'_, C> {
    fn start(&mut self, context: Range<usize>, index: usize, measuring: Measuring) -> bool {
        self.measuring = measuring;
        let block = Block::beginning(context, index);
        let (prompt, messages) = self.counter.messages(&block);
        self.messages.clear();
        (self.total, self.estimated) = (prompt, 0);
        for message in messages {
            let measured = self.measured(message);
            self.total += measured.tokens;
            self.estimated += measured.estimated;
            self.messages.push(measured);
        }
        if !self.is_surely_within(0) {
            self.count(0..self.messages.len());
        }
        self.total <= self.max
    }

    fn extend(&mut self, index: usize) -> bool {
        let last = self.messages.last().expect("a block begins with a message");
        let lines = self.counter.lines;
        if lines.role(last.message.run.start) == lines.role(index) {
            self.extend_message(index)
        } else {
            self.add_message(index)
        }
    }

    fn tokens(&mut self) -> Result<u64, Misjudgment> {
        self.count(0..self.messages.len());
        let is_one_line = matches!(&self.messages[..], [one] if one.message.run.len() == 1);
        if self.total > self.max && self.measuring == Measuring::Estimated && !is_one_line {
            return Err(Misjudgment);
        }
        for measured in &self.messages {
            self.counter.remember(&measured.message, measured.tokens);
        }
        Ok(self.total)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::block_text::{BlockText, Composer, SystemPrompt};
    use crate::context::ContextRule;
    use crate::message_counts::KnownCounts;
    use crate::pack::naive::{Chat, Naive, Odd, any_messages, any_settings};
    use crate::pack::pack;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn a_block_goes_on_as_long_as_an_exact_count_allows(
            messages in any_messages(),
            settings in any_settings(),
            odd in prop::sample::select(vec![Odd::Pairs, Odd::PairsByLine, Odd::Squares, Odd::Fifths]),
            max in 1_u64..300,
        ) {
            let mut counter = odd;
            let chat = Chat::of(&messages, &mut counter, &settings.message_delimiter);
            let lines = chat.lines(&settings.message_delimiter);
            let prompt = SystemPrompt::new(&settings);
            let composer = Composer { prompt, loss: settings.loss };
            let context = ContextRule::new(&settings, lines);
            let count = |block: &Block| {
                let (mut text, mut counter) = (BlockText::default(), odd);
                composer.compose(lines, block, &mut text);
                let contents = text.messages().map(|message| message.content);
                contents.map(|content| u64::from(counter.count(content))).sum::<u64>()
            };
            let mut naive = Naive::new(max, count);
            let exact = pack(&chat.records, settings.threshold, &context, &mut naive);

            let costs = LineCosts::of(&settings.message_delimiter, &mut counter);
            let prompt_tokens = settings.system_prompt.as_deref().map_or(0, |text| counter.count(text)).into();
            let mut known = KnownCounts::default();
            let counter = MessageCounter {
                counter: &mut counter,
                known: &mut known,
                lines,
                prompt,
                prompt_tokens,
                text: String::new(),
            };
            let mut meter = RenderedMeter::new(counter, costs, max);
            let blocks = pack(&chat.records, settings.threshold, &context, &mut meter);
            for block in &blocks {
                prop_assert_eq!(block.tokens, count(block));
                prop_assert_eq!(meter.counter.count_block(block), block.tokens);
            }
            if !matches!(odd, Odd::Fifths) {
                prop_assert_eq!(&blocks, &exact);
            }
            // Whatever the counter: nothing is too large, and nothing that fits is left to the next block.
            for pair in blocks.windows(2) {
                let (block, next) = (&pair[0], pair[1].messages.start);
                prop_assert!(block.tokens <= max || block.messages.len() == 1);
                let mut longer = block.clone();
                longer.messages.end = next + 1;
                let pauses = messages[next].1;
                prop_assert!(pauses || count(&longer) > max);
            }
        }
    }
}
