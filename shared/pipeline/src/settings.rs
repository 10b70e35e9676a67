//! The settings that shape the result of a run.

use std::num::NonZeroU32;
use std::time::Duration;

use resonare_consumers::{Consumer, Loss, SystemAs};
use resonare_redaction::PersonalData;

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

/// The type of what somebody wrote to themselves. Telegram gives it no name, and nobody answers there.
pub(crate) const SAVED_MESSAGES: &str = "saved_messages";

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

/// What becomes of messages that an earlier input had already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RepeatedMessages {
    /// The first copy counts.
    #[default]
    Drop,
    /// All copies count.
    Keep,
}

/// What becomes of forwarded messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forwarded {
    /// They count as what the forwarder says.
    #[default]
    Keep,
    /// They are left out.
    Drop,
}

/// Which blocks are dropped because others were like them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deduplicate {
    /// None.
    #[default]
    None,
    /// Those with the contents of an earlier one.
    Exact,
    /// Those, and those with nearly the words of an earlier one.
    Near,
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
named_values!(RepeatedMessages { Drop = "drop", Keep = "keep" });
named_values!(Forwarded { Keep = "keep", Drop = "drop" });
named_values!(Deduplicate { None = "none", Exact = "exact", Near = "near" });

/// A part of a whole that is not all of it, in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fraction(u32);

impl Fraction {
    /// More are not told apart.
    pub const DECIMAL_PLACES: usize = 6;
    const WHOLE: u64 = 1_000_000;

    /// Reads a decimal number from 0 to below 1, such as `0.05`.
    ///
    /// ```
    /// use resonare_pipeline::Fraction;
    ///
    /// assert_eq!(Fraction::parse("0.05").map(|part| part.of(200)), Some(10));
    /// assert_eq!(Fraction::parse("1"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        let is_zero = whole.bytes().all(|byte| byte == b'0');
        let has_digits = !(whole.is_empty() && decimals.is_empty());
        let decimals = decimals.trim_end_matches('0');
        if !is_zero || !has_digits || !is_number(decimals) || decimals.len() > Self::DECIMAL_PLACES
        {
            return None;
        }
        let places = Self::DECIMAL_PLACES;
        format!("{decimals:0<places$}").parse().ok().map(Self)
    }

    /// Whether it is nothing.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// This part of a number, rounded down.
    pub fn of(self, number: u64) -> u64 {
        let part = u64::from(self.0);
        number / Self::WHOLE * part + number % Self::WHOLE * part / Self::WHOLE
    }
}

/// Everything that shapes the result of a run, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of its own, named where it is set"
)]
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
    /// What becomes of messages that an earlier input had already.
    pub repeated_messages: RepeatedMessages,
    /// Names and ids of chats that are left out.
    pub exclude_chats: Vec<String>,
    /// A message that has one of these words or phrases is left out.
    pub exclude_words: Vec<String>,
    /// Kinds of personal data that are replaced in texts; where there are any, people and chats have
    /// pseudonyms.
    pub redact: Vec<PersonalData>,
    /// Words and phrases that are replaced as names are.
    pub redact_words: Vec<String>,
    /// Chats with fewer usable messages are left out.
    pub min_chat_messages: u32,
    /// Whether the lines of others begin with their names in groups.
    pub speaker_names: bool,
    /// Whether each topic of a group is a chat of its own.
    pub topics: bool,
    /// Whether replies begin with the beginning of what they answer.
    pub reply_context: bool,
    /// Whether media are kept as words such as `[photo]`.
    pub media_placeholders: bool,
    /// What becomes of forwarded messages.
    pub forwarded: Forwarded,
    /// Which blocks are dropped because others were like them.
    pub deduplicate: Deduplicate,
    /// How many of the blocks are for validation, in whole conversations.
    pub validation_fraction: Fraction,
    /// How many blocks the statistics keep for the report to show.
    pub report_samples: u32,
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
            repeated_messages: RepeatedMessages::default(),
            exclude_chats: Vec::new(),
            exclude_words: Vec::new(),
            redact: Vec::new(),
            redact_words: Vec::new(),
            min_chat_messages: 0,
            speaker_names: false,
            topics: false,
            reply_context: false,
            media_placeholders: false,
            forwarded: Forwarded::default(),
            deduplicate: Deduplicate::default(),
            validation_fraction: Fraction::default(),
            report_samples: 10,
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

    #[test]
    fn a_fraction_is_exact_and_less_than_all() {
        for (text, of_ten_million) in [
            ("0", 0),
            ("0.1", 1_000_000),
            (".25", 2_500_000),
            ("0.0000010", 10),
        ] {
            let fraction = Fraction::parse(text).map(|part| part.of(10_000_000));
            assert_eq!(fraction, Some(of_ten_million), "{text}");
        }
        for text in ["1", "1.0", "0.0000001", "-0.1", "", ".", "0.x", "1e-3"] {
            assert_eq!(Fraction::parse(text), None, "{text}");
        }
    }
}
