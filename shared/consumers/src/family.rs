//! Families of chat templates, and what the trainers call them.

/// Models whose chat templates mark turns in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateFamily {
    /// Llama 3 and later minor versions.
    Llama3,
    /// Qwen 2 and 2.5.
    Qwen,
    /// Qwen 3.
    Qwen3,
    /// Gemma 1 and 2, which have no system role.
    Gemma,
    /// Gemma 3.
    Gemma3,
    /// Mistral's models.
    Mistral,
    /// Phi 3 and 3.5.
    Phi3,
    /// Phi 4.
    Phi4,
    /// Phi 4 mini, whose turns are marked nearly as those of Phi 3.
    Phi4Mini,
}

/// What the trainers know a family by.
pub(crate) struct TemplateNames {
    /// `None` where it has no template of its own.
    pub(crate) unsloth: Option<&'static str>,
    pub(crate) axolotl: &'static str,
    pub(crate) llama_factory: &'static str,
    /// What begins a user's turn, and an assistant's.
    pub(crate) user_start: &'static str,
    pub(crate) assistant_start: &'static str,
    /// What ends a turn, where it is not the end of the sequence.
    pub(crate) turn_end: Option<&'static str>,
}

impl TemplateFamily {
    /// The family that a model's name tells; `None` if it tells none that is known.
    pub fn of_model(model_id: &str) -> Option<Self> {
        let name = model_id.rsplit('/').next().unwrap_or(model_id);
        let name = name.to_ascii_lowercase().replace(['_', '.'], "-");
        // The narrower name before the wider.
        let families = [
            ("llama-3", Self::Llama3),
            ("llama3", Self::Llama3),
            ("qwen3", Self::Qwen3),
            ("qwen2", Self::Qwen),
            ("gemma-3n", Self::Gemma3),
            ("gemma-3", Self::Gemma3),
            ("gemma-2", Self::Gemma),
            ("gemma-7b", Self::Gemma),
            ("gemma-1", Self::Gemma),
            ("mistral", Self::Mistral),
            ("mixtral", Self::Mistral),
            ("phi-4-mini", Self::Phi4Mini),
            ("phi-4", Self::Phi4),
            ("phi-3", Self::Phi3),
        ];
        families
            .into_iter()
            .find(|(part, _)| name.contains(part))
            .map(|(_, family)| family)
    }

    /// What marks turns and texts in the chats of these models, as their templates write it.
    pub fn special_tokens(self) -> &'static [&'static str] {
        match self {
            Self::Llama3 => &[
                "<|begin_of_text|>",
                "<|end_of_text|>",
                "<|start_header_id|>",
                "<|end_header_id|>",
                "<|eot_id|>",
                "<|eom_id|>",
                "<|python_tag|>",
            ],
            Self::Qwen | Self::Qwen3 => &["<|im_start|>", "<|im_end|>", "<|endoftext|>"],
            Self::Gemma | Self::Gemma3 => &["<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"],
            Self::Mistral => &[
                "<s>",
                "</s>",
                "[INST]",
                "[/INST]",
                "[SYSTEM_PROMPT]",
                "[/SYSTEM_PROMPT]",
            ],
            Self::Phi3 | Self::Phi4Mini => &[
                "<|system|>",
                "<|user|>",
                "<|assistant|>",
                "<|end|>",
                "<|endoftext|>",
            ],
            Self::Phi4 => &["<|im_start|>", "<|im_sep|>", "<|im_end|>", "<|endoftext|>"],
        }
    }

    /// Whether the templates do with a system message what it is for: Gemma's refuse it, Mistral's put
    /// it before the last user turn, where training never sees it.
    pub fn takes_system(self) -> bool {
        !matches!(self, Self::Gemma | Self::Mistral)
    }

    pub(crate) fn names(self) -> TemplateNames {
        let chatml = TemplateNames {
            unsloth: Some("qwen-2.5"),
            axolotl: "qwen_25",
            llama_factory: "qwen",
            user_start: "<|im_start|>user\n",
            assistant_start: "<|im_start|>assistant\n",
            turn_end: Some("<|im_end|>"),
        };
        let gemma = TemplateNames {
            unsloth: Some("gemma"),
            axolotl: "gemma",
            llama_factory: "gemma",
            user_start: "<start_of_turn>user\n",
            assistant_start: "<start_of_turn>model\n",
            turn_end: Some("<end_of_turn>"),
        };
        match self {
            Self::Llama3 => TemplateNames {
                unsloth: Some("llama-3.1"),
                axolotl: "llama3",
                llama_factory: "llama3",
                user_start: "<|start_header_id|>user<|end_header_id|>\n\n",
                assistant_start: "<|start_header_id|>assistant<|end_header_id|>\n\n",
                turn_end: Some("<|eot_id|>"),
            },
            Self::Qwen => chatml,
            Self::Qwen3 => TemplateNames {
                unsloth: Some("qwen3-instruct"),
                axolotl: "qwen3",
                llama_factory: "qwen3_nothink",
                ..chatml
            },
            Self::Gemma => gemma,
            Self::Gemma3 => TemplateNames {
                unsloth: Some("gemma-3"),
                axolotl: "gemma3",
                llama_factory: "gemma3",
                ..gemma
            },
            Self::Mistral => TemplateNames {
                unsloth: Some("mistral"),
                axolotl: "mistral_v2v3",
                llama_factory: "mistral",
                user_start: "[INST]",
                assistant_start: "[/INST]",
                turn_end: None,
            },
            Self::Phi3 => TemplateNames {
                unsloth: Some("phi-3"),
                axolotl: "phi_3",
                llama_factory: "phi",
                user_start: "<|user|>\n",
                assistant_start: "<|assistant|>\n",
                turn_end: Some("<|end|>"),
            },
            Self::Phi4 => TemplateNames {
                unsloth: Some("phi-4"),
                // Axolotl has no template of its own for it.
                axolotl: "tokenizer_default",
                llama_factory: "phi4",
                user_start: "<|im_start|>user<|im_sep|>",
                assistant_start: "<|im_start|>assistant<|im_sep|>",
                turn_end: Some("<|im_end|>"),
            },
            Self::Phi4Mini => TemplateNames {
                unsloth: None,
                axolotl: "tokenizer_default",
                llama_factory: "phi4_mini",
                user_start: "<|user|>",
                assistant_start: "<|assistant|>",
                turn_end: Some("<|end|>"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_name_tells_its_family() {
        for (model, family) in [
            ("meta-llama/Llama-3.2-1B", Some(TemplateFamily::Llama3)),
            ("unsloth/Meta-Llama-3.1-8B", Some(TemplateFamily::Llama3)),
            ("Qwen/Qwen2.5-0.5B-Instruct", Some(TemplateFamily::Qwen)),
            ("Qwen/Qwen3-8B", Some(TemplateFamily::Qwen3)),
            ("google/gemma-2-2b-it", Some(TemplateFamily::Gemma)),
            ("google/gemma-3-4b-it", Some(TemplateFamily::Gemma3)),
            (
                "mistralai/Mistral-7B-Instruct-v0.3",
                Some(TemplateFamily::Mistral),
            ),
            ("microsoft/phi-4", Some(TemplateFamily::Phi4)),
            (
                "microsoft/Phi-4-mini-instruct",
                Some(TemplateFamily::Phi4Mini),
            ),
            ("gpt-4o-mini", None),
        ] {
            assert_eq!(TemplateFamily::of_model(model), family, "{model}");
        }
    }
}
