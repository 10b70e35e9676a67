//! `token_budget: template`: blocks measured as the model's chat template renders them.

use std::ops::Range;

use resonare_consumers::MessageRef;

use super::costs::LineCosts;
use super::{BlockMeter, Measuring, Misjudgment};
use crate::block::{Block, RenderedPart};
use crate::block_text::{BlockText, Composer, PlacedPrompt};
use crate::chat_template::{ChatTemplate, NotRendered};
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
    /// A block as it is, unless the template refuses it.
    pub(crate) fn render(
        &self,
        lines: Lines<'_>,
        block: &Block,
        block_text: &mut BlockText,
    ) -> Result<RenderedPart, NotRendered> {
        self.composer.compose(lines, block, block_text);
        let messages: Vec<_> = block_text.messages().collect();
        Ok(RenderedPart {
            context: block.context.clone(),
            messages: block.messages.clone(),
            tokens: self.template.count(&messages)?,
        })
    }
}

/// Counts a block as the template renders what is emitted of it.
///
/// To render it at each of its messages would take long, so messages are estimated while what was
/// estimated leaves room for its error, and the block is rendered when it doesn't, or when it ends. A
/// block that the template refuses is measured by the estimate, and left to others to drop.
pub(crate) struct TemplateMeter<'a> {
    measure: TemplateMeasure<'a>,
    lines: Lines<'a>,
    max: u64,
    measuring: Measuring,
    block: Block,
    /// Its tokens as far as it has come, estimates among them.
    total: u64,
    /// How many of them are estimated.
    estimated: u64,
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
            measuring: Measuring::Estimated,
            block: Block::beginning(0..0, 0),
            total: 0,
            estimated: 0,
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

    /// Whether the block is within the maximum with what is added, even if all that is estimated has an eighth more.
    fn is_surely_within(&self, added: u64) -> bool {
        self.measuring == Measuring::Estimated
            && is_surely_within(self.total + added, self.estimated + added, self.max)
    }

    fn role(&self) -> impl Fn(usize) -> Role {
        let lines = self.lines;
        move |index| lines.role(index)
    }

    /// The tokens of a part of the block, which is remembered; `None` if the template refuses it.
    fn count(&mut self, part: &Block) -> Option<u64> {
        let rendered = self.measure.render(self.lines, part, self.block_text);
        let rendered = rendered.ok()?;
        let tokens = rendered.tokens;
        self.block.rendered = Some(rendered);
        Some(tokens)
    }

    /// Renders the block as far as it has come, if the template takes it.
    fn count_all(&mut self) {
        let part = match self.measure.role_order {
            RoleOrder::AsIs => Some(self.block.clone()),
            // Many templates refuse what the assistant begins.
            RoleOrder::UserFirst => roles::from_first_user(&self.block, self.role()),
        };
        if let Some(tokens) = part.and_then(|part| self.count(&part)) {
            self.total = tokens;
        }
        self.estimated = 0;
    }

    /// Renders what is left of the block when its roles are in order, if it is within the maximum with the
    /// user's messages that follow, even if these have an eighth more than is estimated.
    fn count_exchanges(&mut self) -> bool {
        if self.measure.role_order == RoleOrder::AsIs || self.measuring == Measuring::Exact {
            return false;
        }
        let Some(part) = roles::user_first(&self.block, self.role()) else {
            return false;
        };
        let mut before = part.messages.end - 1;
        let mut after = 0;
        for index in part.messages.end..self.block.messages.end {
            after += self.cost(index, Some(before));
            before = index;
        }
        match self.count(&part) {
            Some(tokens) if is_surely_within(tokens + after, after, self.max) => {
                self.total = tokens + after;
                self.estimated = 0;
                true
            }
            _ => false,
        }
    }
}

/// Whether tokens of which some are estimated are within the maximum even if these are an eighth more.
fn is_surely_within(total: u64, estimated: u64, max: u64) -> bool {
    total + estimated / 8 + 2 <= max
}

impl BlockMeter for TemplateMeter<'_> {
    fn start(&mut self, context: Range<usize>, index: usize, measuring: Measuring) -> bool {
        self.measuring = measuring;
        let mut before = None;
        self.total = self.measure.costs.chat;
        for line in context.clone().chain([index]) {
            self.total += self.cost(line, before);
            before = Some(line);
        }
        self.estimated = self.total;
        self.block = Block::beginning(context, index);
        if !self.is_surely_within(0) {
            self.count_all();
        }
        self.total <= self.max
    }

    fn extend(&mut self, index: usize) -> bool {
        let added = self.cost(index, Some(index - 1));
        let is_surely_within = self.is_surely_within(added);
        let (before, rendered) = ((self.total, self.estimated), self.block.rendered.clone());
        self.block.messages.end = index + 1;
        self.total += added;
        self.estimated += added;
        if is_surely_within {
            return true;
        }
        self.count_all();
        if self.total <= self.max {
            return true;
        }
        self.block.messages.end = index;
        self.block.rendered = rendered;
        (self.total, self.estimated) = before;
        false
    }

    fn tokens(&mut self) -> Result<u64, Misjudgment> {
        if self.estimated > 0 && !self.count_exchanges() {
            self.count_all();
        }
        let is_one = self.block.context.is_empty() && self.block.messages.len() == 1;
        if self.total > self.max && self.measuring == Measuring::Estimated && !is_one {
            return Err(Misjudgment);
        }
        Ok(self.total)
    }

    fn rendered(&mut self) -> Option<RenderedPart> {
        self.block.rendered.take()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::block_text::SystemPrompt;
    use crate::context::ContextRule;
    use crate::pack::naive::{Chat, Naive, Odd, any_messages, any_settings};
    use crate::pack::pack;
    use crate::settings::Settings;
    use crate::tokens::TokenCounter as _;

    /// Three tokens for each turn, five for each chat; it knows how often it rendered.
    struct Counted {
        counter: Odd,
        renders: AtomicUsize,
    }

    impl ChatTemplate for Counted {
        fn count(&self, messages: &[MessageRef<'_>]) -> Result<u64, NotRendered> {
            self.renders.fetch_add(1, Ordering::Relaxed);
            let mut counter = self.counter;
            let turns = messages
                .iter()
                .map(|message| counter.count(message.content));
            Ok(turns.map(|tokens| u64::from(tokens) + 3).sum::<u64>() + 5)
        }
    }

    /// The blocks by estimates, and those by counting everything at each message.
    fn packed(chat: &Chat, settings: &Settings, template: &Counted, max: u64) -> [Vec<Block>; 2] {
        let lines = chat.lines(&settings.message_delimiter);
        let composer = Composer {
            prompt: SystemPrompt::new(settings),
            loss: settings.loss,
        };
        let mut counter = template.counter;
        let costs = LineCosts::of(&settings.message_delimiter, &mut counter);
        let measure = TemplateMeasure {
            template,
            composer,
            role_order: settings.role_order,
            costs: TemplateCosts::of(template, composer, 0, costs),
        };
        let context = ContextRule::new(settings, lines);
        let mut text = BlockText::default();
        let mut meter = TemplateMeter::new(measure, lines, max, &mut text);
        let mut estimated = pack(&chat.records, settings.threshold, &context, &mut meter);
        for block in &mut estimated {
            block.rendered = None;
        }
        let renders = template.renders.load(Ordering::Relaxed);
        let mut naive = Naive::new(max, |block: &Block| {
            let mut text = BlockText::default();
            measure.render(lines, block, &mut text).unwrap().tokens
        });
        let exact = pack(&chat.records, settings.threshold, &context, &mut naive);
        template.renders.store(renders, Ordering::Relaxed);
        [estimated, exact]
    }

    proptest! {
        #[test]
        fn a_block_goes_on_as_long_as_an_exact_count_allows(
            messages in any_messages(),
            settings in any_settings(),
            odd in prop::sample::select(vec![Odd::Pairs, Odd::Squares]),
            max in 1_u64..300,
        ) {
            let mut counter = odd;
            let chat = Chat::of(&messages, &mut counter, &settings.message_delimiter);
            let template = Counted { counter, renders: AtomicUsize::new(0) };
            let [estimated, exact] = packed(&chat, &settings, &template, max);
            prop_assert_eq!(estimated, exact);
        }
    }

    #[test]
    fn a_block_is_rendered_a_few_times_however_many_messages_it_has() {
        let message = |index: usize| (index.is_multiple_of(3), false, "abab".to_owned());
        let messages: Vec<_> = (0..2000).map(message).collect();
        let mut counter = Odd::Pairs;
        let chat = Chat::of(&messages, &mut counter, ">>>");
        let settings = Settings {
            threshold: Duration::from_secs(1),
            ..Settings::default()
        };
        let template = Counted {
            counter,
            renders: AtomicUsize::new(0),
        };
        let [blocks, exact] = packed(&chat, &settings, &template, 1000);
        assert_eq!(blocks, exact);
        let renders = template.renders.load(Ordering::Relaxed);
        assert!(
            renders <= 2 + 6 * blocks.len(),
            "{renders} for {} blocks",
            blocks.len()
        );
    }
}
