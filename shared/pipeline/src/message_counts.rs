//! Counting the contents of merged messages, each once.

use std::ops::Range;

use crate::block::Block;
use crate::block_text::{PlacedPrompt, SystemPrompt, push_folded};
use crate::lines::Lines;
use crate::tokens::TokenCounter;

/// Exact counts of the merged messages of one chat, in the order of the blocks that they are in.
#[derive(Debug, Default)]
pub(crate) struct KnownCounts {
    counts: Vec<(Range<usize>, u64)>,
}

impl KnownCounts {
    /// Forgets those of the chat before.
    pub(crate) fn clear(&mut self) {
        self.counts.clear();
    }

    fn of(&self, run: &Range<usize>) -> Option<u64> {
        let after = self
            .counts
            .partition_point(|(known, _)| known.start <= run.start);
        let (known, tokens) = self.counts[..after].last()?;
        (known == run).then_some(*tokens)
    }
}

/// A merged message: a run of lines, which the system prompt may come before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MergedMessage {
    pub(crate) run: Range<usize>,
    pub(crate) has_prompt: bool,
}

/// Counts what a block is emitted with.
pub(crate) struct MessageCounter<'a, C> {
    pub(crate) counter: &'a mut C,
    pub(crate) known: &'a mut KnownCounts,
    pub(crate) lines: Lines<'a>,
    pub(crate) prompt: SystemPrompt<'a>,
    /// The tokens of the system prompt alone.
    pub(crate) prompt_tokens: u64,
    /// Filled for each message that is counted.
    pub(crate) text: String,
}

impl<C: TokenCounter> MessageCounter<'_, C> {
    /// The tokens of the system prompt as a message of its own, if a block has one, and the block's other
    /// messages.
    pub(crate) fn messages(&self, block: &Block) -> (u64, impl Iterator<Item = MergedMessage>) {
        let lines = self.lines;
        let mut runs = lines.runs(block).peekable();
        let first = runs.peek().map_or(block.messages.start, |run| run.start);
        let (prompt, mut has_prompt) = match self.prompt.placed(lines.role(first)) {
            PlacedPrompt::Nowhere => (0, false),
            PlacedPrompt::Message { .. } => (self.prompt_tokens, false),
            PlacedPrompt::Folded(_) => (0, true),
        };
        let messages = runs.map(move |run| MergedMessage {
            run,
            has_prompt: std::mem::take(&mut has_prompt),
        });
        (prompt, messages)
    }

    /// The tokens of a message's content, exactly.
    pub(crate) fn count(&mut self, message: &MergedMessage) -> u64 {
        if let Some(tokens) = self.sum(message) {
            return tokens;
        }
        self.text.clear();
        if message.has_prompt
            && let PlacedPrompt::Folded(prompt) =
                self.prompt.placed(self.lines.role(message.run.start))
        {
            push_folded(prompt, &mut self.text);
        }
        self.lines.push_content(message.run.clone(), &mut self.text);
        self.counter.count(&self.text).into()
    }

    /// The sum of a message's lines, where that is what the message has.
    pub(crate) fn sum(&self, message: &MergedMessage) -> Option<u64> {
        let lines = &self.lines.records[message.run.clone()];
        let (last, followed) = lines.split_last()?;
        if message.has_prompt {
            return None;
        }
        let mut tokens = u64::from(last.line_tokens()?.last);
        for line in followed {
            tokens += u64::from(line.line_tokens()?.followed);
        }
        Some(tokens)
    }

    /// The tokens of a block's contents, exactly.
    pub(crate) fn count_block(&mut self, block: &Block) -> u64 {
        let (prompt, messages) = self.messages(block);
        let messages: Vec<_> = messages.collect();
        let count = |message: &MergedMessage| {
            let known = self.known.of(&message.run).filter(|_| !message.has_prompt);
            known.unwrap_or_else(|| self.count(message))
        };
        prompt + messages.iter().map(count).sum::<u64>()
    }

    /// Remembers the tokens of a message, for as long as the chat lasts.
    pub(crate) fn remember(&mut self, message: &MergedMessage, tokens: u64) {
        let counts = &mut self.known.counts;
        let is_later = counts
            .last()
            .is_none_or(|(last, _)| last.start < message.run.start);
        if is_later && !message.has_prompt {
            counts.push((message.run.clone(), tokens));
        }
    }
}
