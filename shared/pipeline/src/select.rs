//! Which blocks of a chat are kept: packed, measured, and held against the limits and the rules of whoever
//! takes them.

use resonare_consumers::ContentRules;

use crate::block::Block;
use crate::block_text::{BlockText, Composer, SystemPrompt};
use crate::chat_template::{ChatTemplate, NotRendered};
use crate::context::ContextRule;
use crate::explain::BlockDrop;
use crate::lines::Lines;
use crate::message_counts::{KnownCounts, MessageCounter};
use crate::pack::costs::LineCosts;
use crate::pack::rendered::RenderedMeter;
use crate::pack::template::{TemplateCosts, TemplateMeasure, TemplateMeter};
use crate::pack::{self, ContentMeter};
use crate::roles;
use crate::settings::{RoleOrder, Settings, TokenBudget};
use crate::short_blocks::ShortBlock;
use crate::tokens::{TextTokens, TokenCounter, count_text};

/// What became of the blocks of a chat.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    pub(crate) kept: Vec<Block>,
    pub(crate) dropped: Vec<DroppedBlock>,
    /// Messages that were cut from the ends of kept ones.
    pub(crate) trimmed_messages: u64,
    /// The tokens of the largest block, kept or not.
    pub(crate) largest_tokens: u64,
}

/// A block that is not kept.
#[derive(Debug)]
pub(crate) struct DroppedBlock {
    pub(crate) reason: BlockDrop,
    pub(crate) messages: u64,
    pub(crate) tokens: u64,
}

/// Cuts chats into blocks and keeps those that the settings allow.
pub(crate) struct BlockSelector<'a, C> {
    settings: &'a Settings,
    composer: Composer<'a>,
    rules: Option<ContentRules>,
    template: Option<TemplateMeasure<'a>>,
    counter: C,
    /// Of the chat's messages, where `token_budget` is about them.
    known: KnownCounts,
    line_costs: LineCosts,
    system_tokens: u64,
    block_text: BlockText,
}

impl<'a, C: TokenCounter> BlockSelector<'a, C> {
    pub(crate) fn new(
        settings: &'a Settings,
        template: Option<&'a dyn ChatTemplate>,
        mut counter: C,
    ) -> Self {
        let system_prompt = settings.system_prompt.as_deref();
        let system_tokens = system_prompt.map_or(0, |prompt| u64::from(counter.count(prompt)));
        let composer = Composer {
            prompt: SystemPrompt::new(settings),
            loss: settings.loss,
        };
        let line_costs = LineCosts::of(settings.message_delimiter.trim(), &mut counter);
        let template = template.map(|template| TemplateMeasure {
            template,
            composer,
            role_order: settings.role_order,
            costs: TemplateCosts::of(template, composer, system_tokens, line_costs),
        });
        Self {
            settings,
            composer,
            rules: settings.consumer.map(ContentRules::new),
            template,
            counter,
            known: KnownCounts::default(),
            line_costs,
            system_tokens,
            block_text: BlockText::default(),
        }
    }

    /// What makes blocks into messages.
    pub(crate) fn composer(&self) -> Composer<'a> {
        self.composer
    }

    /// Counts a message's own text.
    pub(crate) fn count_text(&mut self, text: &str) -> TextTokens {
        let delimiter = self.settings.message_delimiter.trim();
        count_text(&mut self.counter, text, delimiter)
    }

    /// The tokens of a block as it is emitted, of whatever chat.
    pub(crate) fn emitted_tokens(&mut self, lines: Lines<'_>, block: &Block) -> u64 {
        self.known.clear();
        self.message_counter(lines).count_block(block)
    }

    /// The blocks of a chat, and which of them are kept.
    pub(crate) fn blocks(&mut self, lines: Lines<'_>) -> Selection {
        self.known.clear();
        let mut selection = Selection::default();
        for block in self.pack(lines) {
            let (messages, tokens) = (block.messages.len() as u64, block.tokens);
            selection.largest_tokens = selection.largest_tokens.max(tokens);
            match self.select(lines, block) {
                Ok(block) => {
                    selection.trimmed_messages += messages - block.messages.len() as u64;
                    selection.kept.push(block);
                }
                Err(reason) => selection.dropped.push(DroppedBlock {
                    reason,
                    messages,
                    tokens,
                }),
            }
        }
        selection
    }

    fn pack(&mut self, lines: Lines<'_>) -> Vec<Block> {
        let (records, threshold) = (lines.records, self.settings.threshold);
        let max = self.settings.limits.max();
        let context = ContextRule::new(self.settings, lines);
        match (self.settings.token_budget, self.template) {
            (TokenBudget::Content, _) => {
                let mut meter = ContentMeter::new(records, max);
                pack::pack(records, threshold, &context, &mut meter)
            }
            (TokenBudget::Template, Some(measure)) => {
                let mut meter = TemplateMeter::new(measure, lines, max, &mut self.block_text);
                pack::pack(records, threshold, &context, &mut meter)
            }
            (TokenBudget::Rendered | TokenBudget::Template, _) => {
                let costs = self.line_costs;
                let mut meter = RenderedMeter::new(self.message_counter(lines), costs, max);
                pack::pack(records, threshold, &context, &mut meter)
            }
        }
    }

    /// What is kept of a block, or why nothing is.
    fn select(&mut self, lines: Lines<'_>, block: Block) -> Result<Block, BlockDrop> {
        if block.tokens > self.settings.limits.max() {
            return Err(BlockDrop::TooLong);
        }
        self.check_minimum(lines, &block)?;
        let block = match self.settings.role_order {
            RoleOrder::AsIs => block,
            RoleOrder::UserFirst => self.in_user_first_order(lines, block)?,
        };
        self.accepted(lines, block)
    }

    /// The minimum is about a block's own messages.
    fn check_minimum(&mut self, lines: Lines<'_>, block: &Block) -> Result<(), BlockDrop> {
        let own = if block.context.is_empty() {
            block.tokens
        } else {
            self.measure(lines, &mut block.without_context())
        };
        if own < self.settings.limits.min() {
            return Err(BlockDrop::TooShort(self.as_kept(lines, block, own)));
        }
        Ok(())
    }

    /// A block with so many tokens of its own as a lower minimum would keep it; nothing where it has no exchange and
    /// needs one.
    fn as_kept(&self, lines: Lines<'_>, block: &Block, own: u64) -> Option<ShortBlock> {
        let content = |messages| pack::content_tokens(&lines.records[messages]);
        let (messages, tokens) = match self.settings.role_order {
            RoleOrder::AsIs => (block.messages.clone(), own),
            RoleOrder::UserFirst => {
                let left = roles::user_first(block, |index| lines.role(index))?.messages;
                let cut = content(block.messages.clone()) - content(left.clone());
                (left, own.saturating_sub(cut))
            }
        };
        Some(ShortBlock {
            tokens,
            messages: messages.len() as u64,
        })
    }

    fn in_user_first_order(&mut self, lines: Lines<'_>, block: Block) -> Result<Block, BlockDrop> {
        let trim = |block: &Block| {
            let trimmed = roles::user_first(block, |index| lines.role(index));
            trimmed.ok_or(BlockDrop::NoExchange)
        };
        let mut trimmed = trim(&block)?;
        if (&trimmed.context, &trimmed.messages) == (&block.context, &block.messages) {
            return Ok(block);
        }
        trimmed.tokens = self.measure(lines, &mut trimmed);
        // Where the system prompt goes into another message than it was measured in, a block can grow.
        while trimmed.tokens > self.settings.limits.max() {
            trimmed.messages.end -= 1;
            trimmed = trim(&trimmed).map_err(|_| BlockDrop::TooLong)?;
            trimmed.tokens = self.measure(lines, &mut trimmed);
        }
        self.check_minimum(lines, &trimmed)?;
        Ok(trimmed)
    }

    /// Whether the consumer and the template take a block.
    fn accepted(&mut self, lines: Lines<'_>, mut block: Block) -> Result<Block, BlockDrop> {
        if let Some(rules) = &self.rules {
            self.composer.compose(lines, &block, &mut self.block_text);
            let messages: Vec<_> = self.block_text.messages().collect();
            if let Some(rule) = rules.refuses(&messages) {
                return Err(BlockDrop::RefusedByConsumer(rule));
            }
        }
        if let Some(template) = self.template
            && block.template_tokens().is_none()
        {
            let rendered = template.render(lines, &block, &mut self.block_text);
            let refused = |error: NotRendered| BlockDrop::TemplateRefused(error.to_string());
            block.rendered = Some(rendered.map_err(refused)?);
        }
        Ok(block)
    }

    /// The tokens of a block, as the budget counts them.
    fn measure(&mut self, lines: Lines<'_>, block: &mut Block) -> u64 {
        match (self.settings.token_budget, self.template) {
            (TokenBudget::Content, _) => {
                pack::content_tokens(&lines.records[block.context.clone()])
                    + pack::content_tokens(&lines.records[block.messages.clone()])
            }
            (TokenBudget::Template, Some(template)) => {
                if block.template_tokens().is_none() {
                    let rendered = template.render(lines, block, &mut self.block_text);
                    block.rendered = rendered.ok();
                }
                // One that is refused will be dropped for that.
                let refused = || block.tokens.max(self.settings.limits.min());
                block.template_tokens().unwrap_or_else(refused)
            }
            (TokenBudget::Rendered | TokenBudget::Template, _) => {
                self.message_counter(lines).count_block(block)
            }
        }
    }

    fn message_counter<'m>(&'m mut self, lines: Lines<'m>) -> MessageCounter<'m, C> {
        MessageCounter {
            counter: &mut self.counter,
            known: &mut self.known,
            lines,
            prompt: self.composer.prompt,
            prompt_tokens: self.system_tokens,
            text: String::new(),
        }
    }
}
