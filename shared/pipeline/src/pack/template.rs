//! `token_budget: template`: blocks measured as the model's chat template renders them.

use std::ops::Range;

use resonare_consumers::MessageRef;

use super::costs::LineCosts;
use super::{BlockMeter, Measuring, Misjudgment};
use crate::block::Block;
use crate::block_text::{BlockText, Composer, PlacedPrompt};
use crate::chat_template::ChatTemplate;
use crate::lines::Lines;
use crate::roles::{self, Role};
use crate::settings::RoleOrder;

/// What a chat template adds, as far as a few chats show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TemplateCosts {
    /// Tokens of a chat without turns, the system prompt included.
    chat: u64,
    /// Tokens of a turn without its content.
    turn: u64,
    line: LineCosts,
}

/// A template with what decides on the messages that it renders.
#[derive(Clone, Copy)]
pub(crate) struct TemplateMeasure<'a> {
    pub(crate) template: &'a dyn ChatTemplate,
    pub(crate) composer: Composer<'a>,
    pub(crate) role_order: RoleOrder,
    pub(crate) costs: TemplateCosts,
}

impl TemplateCosts {
    /// The costs, where the system prompt alone has `prompt` tokens.
    pub(crate) fn of(
        template: &dyn ChatTemplate,
        composer: Composer<'_>,
        prompt: u64,
        line: LineCosts,
    ) -> Self {
        let placed = || composer.prompt.placed(Role::User);
        let (folded, prompt) = match placed() {
            PlacedPrompt::Nowhere => (0, 0),
            PlacedPrompt::Message { .. } => (0, prompt),
            PlacedPrompt::Folded(_) => (prompt, prompt),
        };
        let exchanges = |number: usize| {
            let system = match placed() {
                PlacedPrompt::Message { role, text } => Some(MessageRef::new(role, text)),
                PlacedPrompt::Nowhere | PlacedPrompt::Folded(_) => None,
            };
            let turns = ["user", "assistant"].map(|role| MessageRef::new(role, "a"));
            let messages: Vec<_> = system.into_iter().chain(turns.repeat(number)).collect();
            template.count(&messages).ok()
        };
        match (exchanges(1), exchanges(2)) {
            (Some(one), Some(two)) => {
                let turn = two.saturating_sub(one) / 2;
                Self {
                    chat: one.saturating_sub(2 * turn) + folded,
                    turn,
                    line,
                }
            }
            _ => Self {
                chat: prompt,
                turn: 8,
                line,
            },
        }
    }
}

impl TemplateMeasure<'_> {
    /// The tokens of a block as it is, or the template's own words if it refuses the block.
    pub(crate) fn count(
        &self,
        lines: Lines<'_>,
        block: &Block,
        block_text: &mut BlockText,
    ) -> Result<u64, String> {
        self.composer.compose(lines, block, block_text);
        let messages: Vec<_> = block_text.messages().collect();
        self.template.count(&messages)
    }
}

/// Counts a block as the template renders what is emitted of it.
///
/// To render it at each of its messages would take long, so a block is measured by an estimate until that
/// comes near the maximum, and exactly before it is handed out; should it then be too large, it is packed
/// again without estimates. A block that the template refuses is measured by the estimate, and left to
/// others to drop.
pub(crate) struct TemplateMeter<'a> {
    measure: TemplateMeasure<'a>,
    lines: Lines<'a>,
    max: u64,
    block: Block,
    estimate: u64,
    /// The exact count of the block, where it is known.
    exact: Option<u64>,
    measuring: Measuring,
    block_text: &'a mut BlockText,
}

impl<'a> TemplateMeter<'a> {
    pub(crate) fn new(
        measure: TemplateMeasure<'a>,
        lines: Lines<'a>,
        max: u64,
        block_text: &'a mut BlockText,
    ) -> Self {
        Self {
            measure,
            lines,
            max,
            block: Block::beginning(0..0, 0),
            estimate: 0,
            exact: None,
            measuring: Measuring::Estimated,
            block_text,
        }
    }

    /// What the message at `index` adds after the one at `before`.
    fn cost(&self, index: usize, before: Option<usize>) -> u64 {
        let costs = self.measure.costs;
        let is_turn = before.is_none_or(|before| self.lines.role(before) != self.lines.role(index));
        let turn = if is_turn { costs.turn } else { 0 };
        costs.line.line(&self.lines.records[index], is_turn) + turn
    }

    /// The tokens of the block as far as it has come.
    fn count(&mut self) -> u64 {
        let block = match self.measure.role_order {
            RoleOrder::AsIs => Some(self.block.clone()),
            // Many templates refuse what the assistant begins.
            RoleOrder::UserFirst => {
                roles::from_first_user(&self.block, |index| self.lines.role(index))
            }
        };
        block
            .and_then(|block| self.measure.count(self.lines, &block, self.block_text).ok())
            .unwrap_or(self.estimate)
    }

    /// Whether an estimate is far enough from the maximum.
    fn is_surely_within(&self, estimate: u64) -> bool {
        self.measuring == Measuring::Estimated && estimate <= self.max - self.max / 8
    }
}

impl BlockMeter for TemplateMeter<'_> {
    fn start(&mut self, context: Range<usize>, index: usize, measuring: Measuring) -> bool {
        self.measuring = measuring;
        let mut before = None;
        self.estimate = self.measure.costs.chat;
        for line in context.clone().chain([index]) {
            self.estimate += self.cost(line, before);
            before = Some(line);
        }
        self.block = Block::beginning(context, index);
        self.exact = None;
        if self.is_surely_within(self.estimate) {
            return true;
        }
        let tokens = self.count();
        self.exact = Some(tokens);
        tokens <= self.max
    }

    fn extend(&mut self, index: usize) -> bool {
        let (estimate, exact) = (self.estimate, self.exact);
        self.estimate += self.cost(index, Some(index - 1));
        self.block.messages.end = index + 1;
        self.exact = None;
        if self.is_surely_within(self.estimate) {
            return true;
        }
        let tokens = self.count();
        if tokens <= self.max {
            self.exact = Some(tokens);
            return true;
        }
        self.block.messages.end = index;
        (self.estimate, self.exact) = (estimate, exact);
        false
    }

    fn tokens(&mut self) -> Result<u64, Misjudgment> {
        if let Some(tokens) = self.exact {
            return Ok(tokens);
        }
        let tokens = self.count();
        let is_one = self.block.context.is_empty() && self.block.messages.len() == 1;
        if tokens > self.max && self.measuring == Measuring::Estimated && !is_one {
            return Err(Misjudgment);
        }
        self.exact = Some(tokens);
        Ok(tokens)
    }
}
