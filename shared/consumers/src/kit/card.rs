//! A data set card, which tells Hugging Face's loaders which files are the data.

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
    let model = consumer.named_model(training.model_id);
    let (model, other) = match model {
        Some(model) => (
            format!(" and the model `{model}`"),
            "To train another model, prepare the chats again with its name after `--model-id`.\n",
        ),
        None => (String::new(), ""),
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

Blocks of one person's chats, prepared for {}{model}. Each row is one block: a conversation, or a part of one.
{other}These are private messages: keep the data set private.
",
        consumer.title(),
    );
    KitFile {
        name: "README.md",
        content,
    }
}
