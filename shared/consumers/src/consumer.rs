//! The consumers, and what each can take.

use std::fmt;
use std::str::FromStr;

use crate::message::{Flag, Role, Shape};

/// A trainer or a service that takes training data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Consumer {
    /// Hugging Face TRL.
    Trl,
    /// Unsloth.
    Unsloth,
    /// Axolotl.
    Axolotl,
    /// LLaMA-Factory.
    LlamaFactory,
    /// Together's fine-tuning service.
    Together,
    /// Amazon Bedrock, Nova models.
    BedrockNova,
    /// Amazon Bedrock, Llama 3.2 and later.
    BedrockLlama,
    /// OpenAI's file format.
    OpenAi,
}

/// A name that no consumer has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown consumer {0:?}; expected one of {names}", names = Consumer::NAMES.join(", "))]
pub struct UnknownConsumer(String);

/// How much a consumer takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The largest file, in bytes.
    pub max_bytes: Option<u64>,
    /// The fewest rows.
    pub min_rows: u64,
    /// The fewest rows that it recommends.
    pub recommended_rows: Option<u64>,
    /// The most rows of a training file.
    pub max_rows: Option<u64>,
    /// The most rows of a validation file.
    pub max_validation_rows: Option<u64>,
    /// The most tokens of a row, where that doesn't depend on the model or a setting.
    pub max_row_tokens: Option<u64>,
}

impl Consumer {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Trl,
        Self::Unsloth,
        Self::Axolotl,
        Self::LlamaFactory,
        Self::Together,
        Self::BedrockNova,
        Self::BedrockLlama,
        Self::OpenAi,
    ];

    /// The names that [`FromStr`] reads, in any case.
    pub const NAMES: [&'static str; 8] = [
        "trl",
        "unsloth",
        "axolotl",
        "llama-factory",
        "together",
        "bedrock-nova",
        "bedrock-llama",
        "openai",
    ];

    /// The name that chooses it.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The name that its makers write.
    pub fn title(self) -> &'static str {
        match self {
            Self::Trl => "TRL",
            Self::Unsloth => "Unsloth",
            Self::Axolotl => "Axolotl",
            Self::LlamaFactory => "LLaMA-Factory",
            Self::Together => "Together",
            Self::BedrockNova => "Bedrock (Nova)",
            Self::BedrockLlama => "Bedrock (Llama)",
            Self::OpenAi => "OpenAI",
        }
    }

    /// How much it takes.
    pub fn limits(self) -> Limits {
        let at_least = |min_rows| Limits {
            min_rows,
            ..Limits::default()
        };
        match self {
            Self::Trl | Self::Unsloth | Self::Axolotl | Self::LlamaFactory => at_least(1),
            Self::Together => Limits {
                // 50.1 GB, as its own client computes it.
                max_bytes: Some(53_794_465_382),
                ..at_least(1)
            },
            Self::BedrockNova => Limits {
                max_rows: Some(20_000),
                // What Nova 2 Lite demands; the others take eight.
                recommended_rows: Some(200),
                ..at_least(8)
            },
            Self::BedrockLlama => Limits {
                max_rows: Some(10_000),
                max_validation_rows: Some(1_000),
                max_row_tokens: Some(16_000),
                ..at_least(1)
            },
            Self::OpenAi => Limits {
                max_bytes: Some(512 << 20),
                recommended_rows: Some(50),
                ..at_least(10)
            },
        }
    }

    /// Whether it makes rows into text with the model's own chat template.
    pub fn trains_by_template(self) -> bool {
        match self {
            Self::Trl | Self::Unsloth | Self::Axolotl | Self::LlamaFactory => true,
            Self::Together | Self::BedrockNova | Self::BedrockLlama | Self::OpenAi => false,
        }
    }

    /// Whether it reads only conversations in the form of Bedrock's Converse API.
    pub fn reads_bedrock(self) -> bool {
        matches!(self, Self::BedrockNova | Self::BedrockLlama)
    }

    /// Whether it can be told to learn every turn, not just the assistant's.
    pub fn can_learn_all(self) -> bool {
        match self {
            Self::Trl | Self::Unsloth | Self::Axolotl | Self::LlamaFactory | Self::Together => true,
            Self::BedrockNova | Self::BedrockLlama | Self::OpenAi => false,
        }
    }

    /// How its files say of each message whether it is learned; `None` if they can't, and so can't
    /// carry context that isn't learned either.
    pub fn flag(self) -> Option<Flag> {
        match self {
            Self::Together => Some(Flag::Weight),
            Self::OpenAi => Some(Flag::AssistantWeight),
            Self::Axolotl => Some(Flag::Train),
            Self::Trl
            | Self::Unsloth
            | Self::LlamaFactory
            | Self::BedrockNova
            | Self::BedrockLlama => None,
        }
    }

    /// Whether it reads this key of a message as saying whether the message is learned.
    pub(crate) fn reads_flag(self, key: &str) -> bool {
        match self.flag() {
            Some(Flag::Weight | Flag::AssistantWeight) => key == "weight",
            Some(Flag::Train) => key == "train",
            None => false,
        }
    }

    /// The tokens of a row beyond which it drops or truncates where its configuration doesn't say.
    pub fn default_length(self) -> Option<u32> {
        match self {
            Self::Axolotl => Some(512),
            Self::Trl => Some(1024),
            Self::LlamaFactory | Self::Unsloth => Some(2048),
            Self::Together | Self::BedrockNova | Self::BedrockLlama | Self::OpenAi => None,
        }
    }

    /// Whether rows of this structure are read.
    pub(crate) fn reads(self, shape: Shape) -> bool {
        match self {
            Self::BedrockNova | Self::BedrockLlama => shape == Shape::Bedrock,
            Self::Together | Self::OpenAi => shape == Shape::Messages,
            Self::Trl | Self::Unsloth | Self::Axolotl | Self::LlamaFactory => {
                shape != Shape::Bedrock
            }
        }
    }

    /// Whether messages of this role may stand among its messages.
    pub(crate) fn knows(self, role: Role) -> bool {
        match role {
            Role::System | Role::User | Role::Assistant => true,
            Role::Program => matches!(
                self,
                Self::Trl | Self::Unsloth | Self::Axolotl | Self::OpenAi
            ),
        }
    }
}

impl fmt::Display for Consumer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Consumer {
    type Err = UnknownConsumer;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|consumer| consumer.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownConsumer(name.to_owned()))
    }
}

impl serde::Serialize for Consumer {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_consumer_is_found_by_its_name() {
        for consumer in Consumer::ALL {
            assert_eq!(consumer.name().parse(), Ok(consumer));
        }
        assert_eq!("Axolotl".parse(), Ok(Consumer::Axolotl));
        assert_eq!(Consumer::LlamaFactory.name(), "llama-factory");
        assert_eq!(Consumer::OpenAi.name(), "openai");
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = "trlx".parse::<Consumer>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown consumer \"trlx\"; expected one of trl, unsloth, axolotl, llama-factory, together, \
             bedrock-nova, bedrock-llama, openai"
        );
    }
}
