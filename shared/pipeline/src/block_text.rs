//! A block's messages as they are emitted.

use std::ops::Range;

use resonare_consumers::{Loss, MessageRef, SystemAs};

use crate::block::Block;
use crate::lines::Lines;
use crate::roles::Role;
use crate::settings::Settings;

/// The messages of one block: consecutive lines of one role are one message, and the system prompt is
/// where it belongs. Filled again for each block.
#[derive(Debug, Default)]
pub(crate) struct BlockText {
    text: String,
    messages: Vec<EmittedMessage>,
}

#[derive(Debug)]
struct EmittedMessage {
    role: &'static str,
    /// Where its content is in the text.
    content: Range<usize>,
    learned: bool,
    /// The record of its first line; `None` for what is only the system prompt.
    first_line: Option<usize>,
}

/// The system prompt, and how it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemPrompt<'a> {
    text: Option<&'a str>,
    system_as: SystemAs,
}

/// Where the system prompt is in one block.
pub(crate) enum PlacedPrompt<'a> {
    Nowhere,
    /// A message of its own.
    Message {
        role: &'static str,
        text: &'a str,
    },
    /// At the beginning of the first message.
    Folded(&'a str),
}

impl<'a> SystemPrompt<'a> {
    pub(crate) fn new(settings: &'a Settings) -> Self {
        Self {
            text: settings.system_prompt.as_deref(),
            system_as: settings.system_as,
        }
    }

    /// Its place in a block whose first message has this role.
    pub(crate) fn placed(self, first: Role) -> PlacedPrompt<'a> {
        let Some(text) = self.text else {
            return PlacedPrompt::Nowhere;
        };
        match (self.system_as, first) {
            (SystemAs::None, _) => PlacedPrompt::Nowhere,
            (SystemAs::System, _) => PlacedPrompt::Message {
                role: "system",
                text,
            },
            (SystemAs::FirstUser, Role::User) => PlacedPrompt::Folded(text),
            // It has to come before what it is to shape.
            (SystemAs::FirstUser, Role::Assistant) => PlacedPrompt::Message { role: "user", text },
        }
    }
}

/// Appends a system prompt that the first user message begins with.
pub(crate) fn push_folded(prompt: &str, text: &mut String) {
    text.push_str(prompt);
    text.push_str("\n\n");
}

/// Makes blocks into the messages that are emitted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Composer<'a> {
    pub(crate) prompt: SystemPrompt<'a>,
    pub(crate) loss: Loss,
}

impl Composer<'_> {
    /// Fills `block_text` with the messages of a block.
    pub(crate) fn compose(self, lines: Lines<'_>, block: &Block, block_text: &mut BlockText) {
        let BlockText { text, messages } = block_text;
        text.clear();
        messages.clear();
        let mut runs = lines.runs(block).peekable();
        let first = runs.peek().map_or(block.messages.start, |run| run.start);
        match self.prompt.placed(lines.role(first)) {
            PlacedPrompt::Nowhere => {}
            PlacedPrompt::Message { role, text: prompt } => {
                text.push_str(prompt);
                messages.push(EmittedMessage {
                    role,
                    content: 0..text.len(),
                    learned: self.loss == Loss::All,
                    first_line: None,
                });
            }
            PlacedPrompt::Folded(prompt) => push_folded(prompt, text),
        }
        let mut start = messages.last().map_or(0, |message| message.content.end);
        for run in runs {
            let role = lines.role(run.start);
            lines.push_content(run.clone(), text);
            let is_own = run.start >= block.messages.start;
            messages.push(EmittedMessage {
                role: role.name(),
                content: start..text.len(),
                learned: is_own && (self.loss == Loss::All || role == Role::Assistant),
                first_line: Some(run.start),
            });
            start = text.len();
        }
    }
}

impl BlockText {
    /// The records of the first lines of the first and the last message; nothing if there is none.
    pub(crate) fn ends(&self) -> Option<Range<usize>> {
        let mut first_lines = self
            .messages
            .iter()
            .filter_map(|message| message.first_line);
        let first = first_lines.next()?;
        Some(first..first_lines.next_back().unwrap_or(first))
    }

    /// Tokens that the contents have at most, about, whatever tokenizer counts: one for each byte, and for each two
    /// of ASCII's letters and spaces.
    pub(crate) fn most_tokens(&self) -> u64 {
        let plain = |byte: u8| u8::from(byte.is_ascii_alphabetic()) | u8::from(byte == b' ');
        // So many fit into a byte, of which processors add up many at once.
        let parts = self.text.as_bytes().chunks(u8::MAX.into());
        let plain = parts.map(|part| part.iter().map(|&byte| plain(byte)).sum::<u8>());
        let plain: usize = plain.map(usize::from).sum();
        (self.text.len() - plain + plain.div_ceil(2)) as u64
    }

    /// The messages in their order.
    pub(crate) fn messages(&self) -> impl Iterator<Item = MessageRef<'_>> {
        self.messages.iter().map(|message| MessageRef {
            role: message.role,
            content: &self.text[message.content.clone()],
            learned: message.learned,
        })
    }

    /// Each message with the record of its first line; `None` for what is only the system prompt.
    pub(crate) fn with_first_lines(&self) -> impl Iterator<Item = (MessageRef<'_>, Option<usize>)> {
        let first_lines = self.messages.iter().map(|message| message.first_line);
        self.messages().zip(first_lines)
    }
}
