//! What a consumer sets, and why.

use crate::consumer::Consumer;
use crate::family::TemplateFamily;
use crate::loss::Loss;
use crate::system::SystemAs;

/// A value that a consumer gives to a key of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Setting {
    /// The key.
    pub key: &'static str,
    /// Its value.
    pub value: &'static str,
    /// Why, in a sentence.
    pub why: &'static str,
    /// Whether the consumer refuses what other values produce; if not, it only makes less of it.
    pub is_demanded: bool,
}

impl Consumer {
    /// The keys that it sets: role order, system handling, extra formats, token budget, loss. The family of
    /// the model's chat template, where it is known, tells whether there is a system role.
    ///
    /// `token_budget: template` needs the template itself; where it can't be had, `rendered` is next.
    pub fn preset(self, family: Option<TemplateFamily>) -> [Setting; 5] {
        [
            self.role_order(),
            self.system_as(family),
            self.formats(),
            self.token_budget(),
            self.loss(),
        ]
    }

    /// Whether it refuses blocks that don't begin with the user and end with the assistant.
    pub fn demands_user_first(self) -> bool {
        self.role_order().is_demanded
    }

    fn role_order(self) -> Setting {
        let (why, is_demanded) = match self {
            Self::Trl | Self::Unsloth | Self::Axolotl => (
                "half of the chat templates refuse conversations that don't alternate, starting with the user",
                false,
            ),
            Self::LlamaFactory => (
                "rows that don't alternate from the user to the assistant are dropped",
                true,
            ),
            Self::Together => ("turns must alternate, the user first", true),
            Self::BedrockNova | Self::BedrockLlama => (
                "turns must alternate, the user first and the assistant last",
                true,
            ),
            Self::OpenAi => ("the last turn must be the assistant's", true),
        };
        Setting {
            key: "role_order",
            value: "user_first",
            why,
            is_demanded,
        }
    }

    fn system_as(self, family: Option<TemplateFamily>) -> Setting {
        let templated = matches!(self, Self::Trl | Self::Unsloth | Self::Axolotl);
        let folded = templated && family.is_some_and(|family| !family.takes_system());
        let (value, why) = match self {
            _ if folded => (
                SystemAs::FirstUser,
                "the chat templates of such models refuse or lose a system message",
            ),
            Self::Trl | Self::Unsloth | Self::Axolotl => (
                SystemAs::System,
                "the chat templates of most models have a system role",
            ),
            Self::LlamaFactory => (
                SystemAs::System,
                "its own templates give each model the system prompt in the way that the model expects",
            ),
            Self::Together | Self::OpenAi => {
                (SystemAs::System, "one system message may come first")
            }
            Self::BedrockNova | Self::BedrockLlama => (
                SystemAs::System,
                "the format has a place of its own for the system prompt",
            ),
        };
        Setting {
            key: "system_as",
            value: value.name(),
            why,
            is_demanded: folded,
        }
    }

    fn formats(self) -> Setting {
        let (value, why) = match self {
            Self::BedrockNova | Self::BedrockLlama => (
                "bedrock",
                "only conversations in the form of Bedrock's Converse API are read",
            ),
            Self::LlamaFactory => (
                "messages",
                "with the tags of `dataset_info.json` it reads `train.jsonl` as it is",
            ),
            Self::Trl | Self::Unsloth | Self::Axolotl | Self::Together | Self::OpenAi => {
                ("messages", "it reads `train.jsonl` as it is")
            }
        };
        Setting {
            key: "output.formats",
            value,
            why,
            is_demanded: value == "bedrock",
        }
    }

    fn loss(self) -> Setting {
        let can_learn_all = self.can_learn_all();
        Setting {
            key: "loss",
            value: Loss::Assistant.name(),
            why: if can_learn_all {
                "only the target's own words are to be learned"
            } else {
                "it learns the assistant's turns alone"
            },
            is_demanded: !can_learn_all,
        }
    }

    fn token_budget(self) -> Setting {
        let (value, why) = match self {
            Self::Axolotl => (
                "template",
                "rows over `sequence_len` are dropped, counted as the chat template renders them",
            ),
            Self::Trl | Self::Unsloth => (
                "template",
                "rows over the maximum length are truncated, counted as the chat template renders them",
            ),
            Self::LlamaFactory => (
                "template",
                "rows over `cutoff_len` are truncated, counted as the chat template renders them",
            ),
            Self::Together | Self::BedrockNova | Self::BedrockLlama | Self::OpenAi => (
                "rendered",
                "the service adds the tokens of its own template, and rows stay far below its limit",
            ),
        };
        Setting {
            key: "token_budget",
            value,
            why,
            is_demanded: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(consumer: Consumer, family: Option<TemplateFamily>, key: &str) -> &'static str {
        let preset = consumer.preset(family);
        preset
            .iter()
            .find(|setting| setting.key == key)
            .unwrap()
            .value
    }

    #[test]
    fn bedrock_is_given_its_own_format() {
        assert_eq!(
            value(Consumer::BedrockNova, None, "output.formats"),
            "bedrock"
        );
        assert_eq!(
            value(Consumer::Together, None, "output.formats"),
            "messages"
        );
    }

    #[test]
    fn a_template_without_a_system_role_gets_the_prompt_in_the_first_user_turn() {
        let gemma = Some(TemplateFamily::Gemma);
        assert_eq!(value(Consumer::Trl, gemma, "system_as"), "first_user");
        assert_eq!(value(Consumer::Trl, None, "system_as"), "system");
        assert_eq!(value(Consumer::LlamaFactory, gemma, "system_as"), "system");
    }

    #[test]
    fn every_setting_says_why() {
        for consumer in Consumer::ALL {
            for setting in consumer.preset(None) {
                assert!(!setting.why.is_empty(), "{consumer} {}", setting.key);
            }
        }
    }
}
