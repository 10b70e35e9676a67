//! `token_budget: rendered`: blocks measured as they will be emitted.

use std::ops::Range;

use super::{BlockMeter, Misjudgment};
use crate::block_text::{PlacedPrompt, SystemPrompt, push_folded};
use crate::lines::Lines;
use crate::tokens::TokenCounter;

/// Counts the emitted contents: merged lines with their delimiters, and the system prompt.
///
/// Counts do not add up across a join, so a merged message is counted whole. To count it at each of
/// its lines would take quadratic time, so between two exact counts the sum of the lines is an
/// estimate, trusted for half of the room that the last exact count left. The block is counted
/// exactly before it is handed out; should it then be too large, it is packed again without
/// estimates.
pub(crate) struct RenderedMeter<'a, C> {
    counter: &'a mut C,
    lines: Lines<'a>,
    prompt: SystemPrompt<'a>,
    max: u64,
    /// Tokens of the system prompt and of the merged messages before the last.
    closed: u64,
    /// The last merged message's content.
    open: String,
    open_first: usize,
    open_tokens: u64,
    /// `open_tokens` at the last exact count.
    exact_tokens: u64,
    estimates: bool,
}

impl<'a, C: TokenCounter> RenderedMeter<'a, C> {
    pub(crate) fn new(
        counter: &'a mut C,
        lines: Lines<'a>,
        prompt: SystemPrompt<'a>,
        max: u64,
    ) -> Self {
        Self {
            counter,
            lines,
            prompt,
            max,
            closed: 0,
            open: String::new(),
            open_first: 0,
            open_tokens: 0,
            exact_tokens: 0,
            estimates: true,
        }
    }

    fn begin_message(&mut self, index: usize) {
        self.open.clear();
        self.open_first = index;
        self.lines.push_line(index, &mut self.open);
        self.count_open();
    }

    fn count_open(&mut self) {
        let tokens = self.counter.count(&self.open);
        self.set_exact(tokens.into());
    }

    fn set_exact(&mut self, tokens: u64) {
        self.open_tokens = tokens;
        self.exact_tokens = tokens;
    }

    fn is_exact(&self) -> bool {
        self.open_tokens == self.exact_tokens
    }

    fn extend_message(&mut self, index: usize) -> bool {
        let before = self.open.len();
        self.open.push('\n');
        self.lines.push_line(index, &mut self.open);
        if self.estimates {
            let added = u64::from(self.counter.count(&self.open[before..])).max(1);
            let room = self.max.saturating_sub(self.closed + self.exact_tokens);
            if self.open_tokens + added - self.exact_tokens <= room / 2 {
                self.open_tokens += added;
                return true;
            }
        }
        let tokens = u64::from(self.counter.count(&self.open));
        if self.closed + tokens <= self.max {
            self.set_exact(tokens);
            return true;
        }
        self.open.truncate(before);
        false
    }
}

impl<C: TokenCounter> BlockMeter for RenderedMeter<'_, C> {
    fn start(&mut self, context: Range<usize>, index: usize) -> bool {
        let first = if context.is_empty() {
            index
        } else {
            context.start
        };
        self.closed = 0;
        self.open.clear();
        self.open_first = first;
        match self.prompt.placed(self.lines.role(first)) {
            PlacedPrompt::Nowhere => {}
            PlacedPrompt::Message { text, .. } => self.closed = self.counter.count(text).into(),
            PlacedPrompt::Folded(text) => push_folded(text, &mut self.open),
        }
        for line in context.chain([index]) {
            if self.lines.role(line) != self.lines.role(self.open_first) {
                self.closed += u64::from(self.counter.count(&self.open));
                self.open.clear();
                self.open_first = line;
            } else if line != first {
                self.open.push('\n');
            }
            self.lines.push_line(line, &mut self.open);
        }
        self.count_open();
        self.closed + self.open_tokens <= self.max
    }

    fn extend(&mut self, index: usize) -> Result<bool, Misjudgment> {
        if self.lines.role(index) == self.lines.role(self.open_first) {
            return Ok(self.extend_message(index));
        }
        let block = self.tokens()?;
        let (open, first, tokens) = (
            std::mem::take(&mut self.open),
            self.open_first,
            self.open_tokens,
        );
        self.begin_message(index);
        if block + self.open_tokens <= self.max {
            self.closed = block;
            return Ok(true);
        }
        (self.open, self.open_first) = (open, first);
        self.set_exact(tokens);
        Ok(false)
    }

    fn tokens(&mut self) -> Result<u64, Misjudgment> {
        if !self.is_exact() {
            let tokens = u64::from(self.counter.count(&self.open));
            self.set_exact(tokens);
            if self.closed + tokens > self.max {
                return Err(Misjudgment);
            }
        }
        Ok(self.closed + self.open_tokens)
    }

    fn estimate_no_more(&mut self) {
        self.estimates = false;
    }
}
