//! What a trainer needs beside the data before its first run: its own configuration files, a card
//! that names the data files, and the command to run.

mod axolotl;
mod bedrock;
mod card;
mod llama_factory;
mod together;
mod training;
mod trl;
mod unsloth;

pub use training::{Kit, KitFile, LengthSource, NextStep, Training};

use crate::consumer::Consumer;
use crate::loss::Loss;

impl Consumer {
    /// The files and the command for training with this data.
    pub fn kit(self, training: &Training<'_>) -> Kit {
        let mut kit = match self {
            Self::Trl => trl::kit(training),
            Self::Unsloth => unsloth::kit(training),
            Self::Axolotl => axolotl::kit(training),
            Self::LlamaFactory => llama_factory::kit(training),
            Self::Together => together::kit(training),
            Self::BedrockNova | Self::BedrockLlama => bedrock::kit(self, training),
            Self::OpenAi => Kit {
                files: Vec::new(),
                next: NextStep {
                    by_hand: Some(format!(
                        "upload {} to a service that reads OpenAI's format for fine-tuning",
                        training.train_file
                    )),
                    command: None,
                },
            },
        };
        kit.files.push(card::file(self, training));
        kit
    }

    /// The model that its kit names, where `model_id` is to be trained; `None` where its files name none.
    pub fn named_model(self, model_id: &str) -> Option<&str> {
        match self {
            Self::BedrockNova | Self::BedrockLlama => Some(bedrock::base_model(self, model_id)),
            Self::Trl | Self::Unsloth | Self::Axolotl | Self::LlamaFactory | Self::Together => {
                Some(model_id)
            }
            Self::OpenAi => None,
        }
    }

    /// Whether training with its kit learns every turn, though the assistant's alone were to be learned, because
    /// nothing at hand marks these.
    pub fn learns_too_much(self, kit: &Kit, loss: Loss) -> bool {
        let has = |name| kit.files.iter().any(|file| file.name == name);
        let calls = |name| kit.files.iter().any(|file| file.content.contains(name));
        loss == Loss::Assistant
            && match self {
                Self::Trl => !has("chat_template.jinja"),
                Self::Unsloth => !calls("train_on_responses_only("),
                _ => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::TemplateFamily;

    const TRAINING: Training<'_> = Training {
        model_id: "meta-llama/Llama-3.2-1B",
        folder: "run",
        train_file: "train.jsonl",
        validation_file: None,
        length: 870,
        length_source: LengthSource::Template,
        family: Some(TemplateFamily::Llama3),
        template: None,
        loss: Loss::Assistant,
        has_flags: false,
    };

    fn content(consumer: Consumer, training: &Training<'_>, name: &str) -> String {
        let kit = consumer.kit(training);
        let file = kit.files.into_iter().find(|file| file.name == name);
        file.unwrap_or_else(|| panic!("{consumer} has no {name}"))
            .content
    }

    #[test]
    fn no_row_is_longer_than_what_the_trainer_is_told() {
        for (consumer, name, line) in [
            (Consumer::Axolotl, "axolotl.yaml", "sequence_len: 896"),
            (Consumer::Trl, "trl.yaml", "max_length: 896"),
            (
                Consumer::LlamaFactory,
                "llama-factory.yaml",
                "cutoff_len: 896",
            ),
            (Consumer::Unsloth, "unsloth_sft.py", "MAX_LENGTH = 896"),
        ] {
            assert!(
                content(consumer, &TRAINING, name).contains(line),
                "{consumer}"
            );
        }
    }

    #[test]
    fn the_card_names_the_training_file_alone_where_there_is_no_other() {
        let card = content(Consumer::Together, &TRAINING, "README.md");
        assert!(card.contains("path: \"train.jsonl\""));
        assert!(!card.contains("validation"));
    }

    #[test]
    fn a_validation_file_reaches_every_trainer() {
        let training = Training {
            validation_file: Some("validation.jsonl"),
            ..TRAINING
        };
        for consumer in Consumer::ALL {
            let kit = consumer.kit(&training);
            let named = kit
                .files
                .iter()
                .filter(|file| file.content.contains("validation"));
            let least = if consumer == Consumer::OpenAi { 1 } else { 2 };
            assert!(named.count() >= least, "{consumer}");
        }
    }

    #[test]
    fn who_learns_more_than_answers_is_known() {
        let learns_too_much = |consumer: Consumer, training: &Training<'_>| {
            consumer.learns_too_much(&consumer.kit(training), training.loss)
        };
        assert!(learns_too_much(Consumer::Trl, &TRAINING));
        assert!(!learns_too_much(Consumer::Unsloth, &TRAINING));
        let unknown = Training {
            family: None,
            template: Some("{% generation %}{% endgeneration %}"),
            ..TRAINING
        };
        assert!(!learns_too_much(Consumer::Trl, &unknown));
        assert!(learns_too_much(Consumer::Unsloth, &unknown));
        assert!(!learns_too_much(Consumer::Axolotl, &unknown));
    }

    #[test]
    fn trl_learns_answers_alone_where_the_template_marks_them() {
        assert!(!content(Consumer::Trl, &TRAINING, "trl.yaml").contains("assistant_only_loss"));
        let training = Training {
            template: Some("{% generation %}{% endgeneration %}"),
            ..TRAINING
        };
        let yaml = content(Consumer::Trl, &training, "trl.yaml");
        assert!(yaml.contains("assistant_only_loss: true"));
        assert!(yaml.contains("chat_template_path: \"./chat_template.jinja\""));
    }

    #[test]
    fn every_trainer_is_told_whose_words_are_learned() {
        let marked = Training {
            template: Some("{% generation %}{% endgeneration %}"),
            ..TRAINING
        };
        let everybody = Training {
            loss: Loss::All,
            ..marked
        };
        for (consumer, name, of_one, of_all) in [
            (
                Consumer::Axolotl,
                "axolotl.yaml",
                "roles_to_train: [assistant]",
                "roles_to_train: [system, user, assistant]",
            ),
            (Consumer::Trl, "trl.yaml", "assistant_only_loss: true", ""),
            (
                Consumer::LlamaFactory,
                "llama-factory.yaml",
                "",
                "train_on_prompt: true",
            ),
            (
                Consumer::Together,
                "together.sh",
                "--train-on-inputs false",
                "--train-on-inputs true",
            ),
            (
                Consumer::Unsloth,
                "unsloth_sft.py",
                "trainer = train_on_responses_only(",
                "",
            ),
        ] {
            let one = content(consumer, &marked, name);
            let all = content(consumer, &everybody, name);
            assert!(one.contains(of_one) && all.contains(of_all), "{consumer}");
            assert_ne!(one, all, "{consumer}");
        }
    }

    #[test]
    fn a_length_that_is_estimated_says_so() {
        let training = Training {
            length_source: LengthSource::Estimate,
            ..TRAINING
        };
        for (consumer, name) in [
            (Consumer::Axolotl, "axolotl.yaml"),
            (Consumer::Trl, "trl.yaml"),
            (Consumer::LlamaFactory, "llama-factory.yaml"),
            (Consumer::Unsloth, "unsloth_sft.py"),
        ] {
            let content = content(consumer, &training, name);
            assert!(content.contains("# 16 tokens were added"), "{content}");
        }
    }

    #[test]
    fn axolotl_reads_flags_where_the_rows_have_them() {
        let yaml = |has_flags| {
            let training = Training {
                has_flags,
                ..TRAINING
            };
            content(Consumer::Axolotl, &training, "axolotl.yaml")
        };
        assert!(yaml(true).contains("message_field_training: train"));
        assert!(!yaml(false).contains("message_field_training"));
    }

    #[test]
    fn a_family_that_is_not_known_leaves_the_choice_of_the_template_to_the_model() {
        let training = Training {
            family: None,
            ..TRAINING
        };
        let yaml = content(Consumer::Axolotl, &training, "axolotl.yaml");
        assert!(yaml.contains("chat_template: tokenizer_default"));
    }

    #[test]
    fn bedrock_is_asked_for_its_own_model() {
        let job = content(Consumer::BedrockLlama, &TRAINING, "bedrock-job.json");
        assert!(job.contains("meta.llama3-2-1b-instruct-v1:0:128k"));
    }

    #[test]
    fn every_kit_says_what_to_run_next() {
        for consumer in Consumer::ALL {
            let next = consumer.kit(&TRAINING).next;
            let words = [next.by_hand, next.command].into_iter().flatten();
            let lines: Vec<_> = words.map(|words| words.lines().count()).collect();
            assert!(matches!(lines[..], [1] | [1, 1]), "{consumer}");
        }
    }

    #[test]
    fn a_command_is_run_where_the_files_are() {
        let next = Consumer::BedrockNova.kit(&TRAINING).next;
        let command = next.command_in(Some("my run")).unwrap();
        assert!(
            command.starts_with("cd 'my run' && aws bedrock "),
            "{command}"
        );
        let next = Consumer::OpenAi.kit(&TRAINING).next;
        assert_eq!(next.command_in(Some("run")), None);
    }

    #[test]
    fn a_kit_names_its_model_in_its_files() {
        for consumer in Consumer::ALL {
            let model_id = TRAINING.model_id;
            let files = consumer.kit(&TRAINING).files;
            let name = |model: &str| files.iter().any(|file| file.content.contains(model));
            match consumer.named_model(model_id) {
                Some(model) => assert!(name(model), "{consumer}"),
                None => assert!(!name(model_id), "{consumer}"),
            }
        }
    }

    #[test]
    fn the_card_names_the_model_that_is_trained() {
        let card = |consumer| content(consumer, &TRAINING, "README.md");
        assert!(card(Consumer::BedrockNova).contains("`amazon.nova-micro-v1:0:128k`"));
        assert!(!card(Consumer::BedrockNova).contains("Llama-3.2"));
        let trl = card(Consumer::Trl);
        assert!(trl.contains("TRL and the model `meta-llama/Llama-3.2-1B`."));
        assert!(trl.contains("`--model-id`"), "{trl}");
        // Nothing that is uploaded there names one.
        let open_ai = card(Consumer::OpenAi);
        assert!(open_ai.contains("prepared for OpenAI. "), "{open_ai}");
        assert!(!open_ai.contains("model"), "{open_ai}");
    }
}
