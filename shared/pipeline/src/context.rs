//! What a block begins with of the block before, where the maximum cut the conversation.

use std::ops::Range;

use resonare_consumers::Loss;

use crate::lines::Lines;
use crate::roles::Role;
use crate::settings::Settings;

/// How much of the block before is context.
pub(crate) struct ContextRule<'a> {
    /// `None` where there is no context.
    lines: Option<Lines<'a>>,
    /// In the messages' own texts.
    max_tokens: u64,
    /// Whether context may be in one message with what the block itself says in the same role.
    joins_users: bool,
}

impl<'a> ContextRule<'a> {
    /// Blocks begin with their own messages.
    #[cfg(test)]
    pub(crate) const NONE: Self = Self {
        lines: None,
        max_tokens: 0,
        joins_users: false,
    };

    pub(crate) fn new(settings: &Settings, lines: Lines<'a>) -> Self {
        Self {
            lines: (settings.context_tokens > 0).then_some(lines),
            max_tokens: settings.context_tokens.into(),
            // Where the user's turns are not learned either, one that is half context is like any other.
            joins_users: settings.loss == Loss::Assistant,
        }
    }

    /// The context of a block that begins with the message at `start`; the block before began with the
    /// one at `earliest`.
    pub(crate) fn before(&self, start: usize, earliest: usize) -> Range<usize> {
        let Some(lines) = self.lines else {
            return start..start;
        };
        let role = lines.role(start);
        let mut end = start;
        if role == Role::Assistant || !self.joins_users {
            while end > earliest && lines.role(end - 1) == role {
                end -= 1;
            }
        }
        let mut first = end;
        let mut tokens = 0;
        while first > earliest {
            tokens += u64::from(lines.records[first - 1].tokens);
            if tokens > self.max_tokens {
                break;
            }
            first -= 1;
        }
        if first == end {
            start..start
        } else {
            first..end
        }
    }
}
