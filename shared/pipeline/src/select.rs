//! Which blocks of a chat are kept: packed, measured, and held against the limits.

use std::ops::Range;

use crate::explain::{BlockDrop, BlockTally};
use crate::funnel::{DroppedMessages, MessageDrop};
use crate::lines::Lines;
use crate::pack::rendered::RenderedMeter;
use crate::pack::{self, Block, ContentMeter};
use crate::roles;
use crate::settings::{RoleOrder, Settings, TokenBudget};
use crate::tokens::TokenCounter;

/// Cuts chats into blocks and keeps those that the settings allow.
pub(crate) struct BlockSelector<'a, C> {
    settings: &'a Settings,
    counter: C,
    system_tokens: u64,
    tally: BlockTally,
}

impl<'a, C: TokenCounter> BlockSelector<'a, C> {
    pub(crate) fn new(settings: &'a Settings, mut counter: C) -> Self {
        let system_prompt = settings.system_prompt.as_deref();
        let system_tokens = system_prompt.map_or(0, |prompt| u64::from(counter.count(prompt)));
        Self {
            settings,
            counter,
            system_tokens,
            tally: BlockTally::default(),
        }
    }

    /// What became of all blocks so far.
    pub(crate) fn tally(&self) -> BlockTally {
        self.tally
    }

    /// The tokens of the system prompt.
    pub(crate) fn system_tokens(&self) -> u64 {
        self.system_tokens
    }

    /// Counts an emitted message's content.
    pub(crate) fn count(&mut self, content: &str) -> u64 {
        self.counter.count(content).into()
    }

    /// The blocks of a chat that are kept; the messages of the others are counted in `dropped`.
    pub(crate) fn blocks(&mut self, lines: Lines<'_>, dropped: &mut DroppedMessages) -> Vec<Block> {
        let mut kept = Vec::new();
        for block in self.pack(lines) {
            let messages = block.messages.len() as u64;
            self.tally.largest_tokens = self.tally.largest_tokens.max(block.tokens);
            match self.select(lines, block) {
                Ok(block) => {
                    dropped.add(
                        MessageDrop::RoleOrder,
                        messages - block.messages.len() as u64,
                    );
                    kept.push(block);
                }
                Err(reason) => {
                    dropped.add(reason.of_messages(), messages);
                    self.tally.add(reason);
                }
            }
        }
        kept
    }

    fn pack(&mut self, lines: Lines<'_>) -> Vec<Block> {
        let (records, threshold) = (lines.records, self.settings.threshold);
        let max = self.settings.limits.max();
        match self.settings.token_budget {
            TokenBudget::Content => {
                pack::pack(records, threshold, &mut ContentMeter::new(records, max))
            }
            TokenBudget::Rendered => {
                let mut meter =
                    RenderedMeter::new(&mut self.counter, lines, self.system_tokens, max);
                pack::pack(records, threshold, &mut meter)
            }
        }
    }

    /// What is kept of a block, or why nothing is.
    fn select(&mut self, lines: Lines<'_>, block: Block) -> Result<Block, BlockDrop> {
        let limits = self.settings.limits;
        if block.tokens > limits.max() {
            return Err(BlockDrop::TooLong);
        }
        if block.tokens < limits.min() {
            return Err(BlockDrop::TooShort);
        }
        if self.settings.role_order == RoleOrder::AsIs {
            return Ok(block);
        }
        let messages = roles::user_first(block.messages.clone(), |index| lines.role(index))
            .ok_or(BlockDrop::NoExchange)?;
        if messages == block.messages {
            return Ok(block);
        }
        let tokens = self.measure(lines, messages.clone());
        if tokens < limits.min() {
            return Err(BlockDrop::TooShort);
        }
        Ok(Block { messages, tokens })
    }

    /// The tokens of a run of messages, as the budget counts them.
    fn measure(&mut self, lines: Lines<'_>, messages: Range<usize>) -> u64 {
        match self.settings.token_budget {
            TokenBudget::Content => lines.records[messages]
                .iter()
                .map(|record| u64::from(record.tokens))
                .sum(),
            TokenBudget::Rendered => {
                let mut content = String::new();
                let mut tokens = self.system_tokens;
                for run in lines.merged(messages) {
                    content.clear();
                    lines.push_content(run, &mut content);
                    tokens += self.count(&content);
                }
                tokens
            }
        }
    }
}
