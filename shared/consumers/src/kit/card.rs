//! A data set card, which tells Hugging Face's loaders which files are the data.

use super::bedrock;
use super::training::{KitFile, Training, quoted};
use crate::consumer::Consumer;

pub(super) fn file(consumer: Consumer, training: &Training<'_>) -> KitFile {
    let train = quoted(training.train_file);
    let validation = training
        .validation_file
        .map(|file| {
            format!(
                "      - split: validation\n        path: {}\n",
                quoted(file)
            )
        })
        .unwrap_or_default();
    let model = match consumer {
        Consumer::BedrockNova | Consumer::BedrockLlama => {
            bedrock::base_model(consumer, training.model_id)
        }
        Consumer::Trl
        | Consumer::Unsloth
        | Consumer::Axolotl
        | Consumer::LlamaFactory
        | Consumer::Together
        | Consumer::OpenAi => training.model_id,
    };
    let content = format!(
        r"---
configs:
  - config_name: default
    data_files:
      - split: train
        path: {train}
{validation}task_categories:
  - text-generation
---

# Conversations for fine-tuning

Blocks of one person's chats, prepared for {} and the model `{}`. Each row is one block: a conversation, or a part of one.
These are private messages: keep the data set private.
",
        consumer.title(),
        model,
    );
    KitFile {
        name: "README.md",
        content,
    }
}
