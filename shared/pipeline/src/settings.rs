//! The settings that shape the result of a run.

use std::num::NonZeroU32;
use std::time::Duration;

use resonare_consumers::{Consumer, Loss, SystemAs};

use crate::advice::Setting;
use crate::date::{self, Micros};
use crate::sender::Target;

/// The chat types that Telegram Desktop writes, as in its `export_output_json.cpp`.
pub const CHAT_TYPES: [&str; 10] = [
    "saved_messages",
    "replies",
    "verification_codes",
    "personal_chat",
    "bot_chat",
    "private_group",
    "private_supergroup",
    "public_supergroup",
    "private_channel",
    "public_channel",
];

/// The type of a chat that does not say its own.
pub(crate) const DEFAULT_CHAT_TYPE: &str = "personal_chat";

/// How many tokens a block may have, both bounds included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLimits {
    min: u32,
    max: NonZeroU32,
}

/// Limits whose minimum is not below their maximum.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{} ({min}) must be below {} ({max})",
    Setting::MinTokensPerBlock,
    Setting::MaxTokensPerBlock
)]
pub struct TokenLimitsError {
    min: u32,
    max: u32,
}

impl TokenLimits {
    /// The fewest tokens of a block, where nothing is configured.
    pub const DEFAULT_MIN: u32 = 300;
    /// The most, where nothing is configured.
    pub const DEFAULT_MAX: u32 = 800;

    /// Limits with `min < max`.
    ///
    /// # Errors
    /// If `min` is not below `max`.
    pub fn new(min: u32, max: u32) -> Result<Self, TokenLimitsError> {
        match NonZeroU32::new(max) {
            Some(limit) if min < max => Ok(Self { min, max: limit }),
            _ => Err(TokenLimitsError { min, max }),
        }
    }

    /// The fewest tokens of a block.
    pub fn min(self) -> u64 {
        self.min.into()
    }

    /// The most tokens of a block.
    pub fn max(self) -> u64 {
        self.max.get().into()
    }
}

impl Default for TokenLimits {
    fn default() -> Self {
        Self::new(Self::DEFAULT_MIN, Self::DEFAULT_MAX).expect("the defaults are in order")
    }
}

/// Messages before it are dropped; one at the limit is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateLimit {
    /// Without an offset: compared with a message's `date`, the exporting computer's local time. In
    /// microseconds since 1970-01-01T00:00:00 on that clock.
    Wall(i64),
    /// With an offset: compared with a message's moment. In microseconds since 1970-01-01T00:00:00Z.
    Moment(i64),
}

impl DateLimit {
    /// Reads an ISO 8601 date or date-time; `None` if it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let date = date::parse(text)?;
        Some(if date.zoned {
            Self::Moment(date.moment)
        } else {
            Self::Wall(date.wall)
        })
    }

    pub(crate) fn is_after(&self, wall: Micros, moment: Micros) -> bool {
        match *self {
            Self::Wall(limit) => limit > wall,
            Self::Moment(limit) => limit > moment,
        }
    }
}

/// What the token limits are measured against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenBudget {
    /// The messages' own texts.
    #[default]
    Content,
    /// The contents as emitted: merged lines with delimiters, and the system prompt.
    Rendered,
    /// The block as the model's chat template renders it, special tokens included.
    Template,
}

/// In which order the roles of a block come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RoleOrder {
    /// As they came.
    #[default]
    AsIs,
    /// `user` first and `assistant` last, as most chat templates require.
    UserFirst,
}

/// Gives the values of an enum the names that they have in the configuration.
#[macro_export]
macro_rules! named_values {
    ($type:ident { $($variant:ident = $name:literal),* $(,)? }) => {
        impl $type {
            /// The names that are allowed, as in the configuration.
            pub const NAMES: &'static [&'static str] = &[$($name),*];
        }

        impl ::std::str::FromStr for $type {
            type Err = ();

            fn from_str(name: &str) -> Result<Self, ()> {
                match name {
                    $($name => Ok(Self::$variant),)*
                    _ => Err(()),
                }
            }
        }
    };
}

named_values!(TokenBudget {
    Content = "content",
    Rendered = "rendered",
    Template = "template",
});
named_values!(RoleOrder { AsIs = "as_is", UserFirst = "user_first" });

/// Everything that shapes the result of a run, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whose style is learned; `None` means the owner of the export.
    pub target: Option<Target>,
    /// Said to the model at the beginning of every block, in the way of `system_as`; counted against
    /// the limits except with [`TokenBudget::Content`].
    pub system_prompt: Option<String>,
    /// Messages before it are dropped.
    pub date_limit: Option<DateLimit>,
    /// The types of the chats that are kept, as in [`CHAT_TYPES`].
    pub chat_types: Vec<String>,
    /// Use the complete part of an export that ends early.
    pub salvage: bool,
    /// The longest gap between two consecutive messages of a block.
    pub threshold: Duration,
    /// How many tokens a block may have.
    pub limits: TokenLimits,
    /// Precedes every line of a merged message, stripped and followed by a space; if it is empty, nothing
    /// precedes the lines.
    pub message_delimiter: String,
    /// What the limits are measured against.
    pub token_budget: TokenBudget,
    /// In which order the roles of a block come.
    pub role_order: RoleOrder,
    /// Whose rules every block keeps.
    pub consumer: Option<Consumer>,
    /// How the system prompt is written.
    pub system_as: SystemAs,
    /// Which turns are learned, where the consumer reads that from the blocks.
    pub loss: Loss,
    /// The most tokens, in the messages' own texts, of the block before that a block begins with where
    /// the maximum cut the conversation.
    pub context_tokens: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            target: None,
            system_prompt: None,
            date_limit: None,
            chat_types: vec![DEFAULT_CHAT_TYPE.to_owned()],
            salvage: false,
            threshold: Duration::from_hours(1),
            limits: TokenLimits::default(),
            message_delimiter: ">>>".to_owned(),
            token_budget: TokenBudget::default(),
            role_order: RoleOrder::default(),
            consumer: None,
            system_as: SystemAs::default(),
            loss: Loss::default(),
            context_tokens: 0,
        }
    }
}

impl Settings {
    /// Whether chats of that type are kept.
    pub(crate) fn selects(&self, chat_type: &str) -> bool {
        self.chat_types.iter().any(|kept| kept == chat_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minimum_must_be_below_the_maximum() {
        assert!(TokenLimits::new(0, 1).is_ok());
        assert!(TokenLimits::new(800, 800).is_err());
        assert!(TokenLimits::new(0, 0).is_err());
    }
}
