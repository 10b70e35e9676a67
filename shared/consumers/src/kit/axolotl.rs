//! Axolotl's configuration.

use super::training::{Kit, KitFile, LengthSource, NextStep, Training, quoted};
use crate::family::TemplateFamily;
use crate::loss::Loss;

pub(super) fn kit(training: &Training<'_>) -> Kit {
    let names = training.family.map(TemplateFamily::names);
    let template = match (&names, training.length_source) {
        // The template by which the rows were measured.
        (_, LengthSource::Template) | (None, _) => "tokenizer_default",
        (Some(names), LengthSource::Estimate | LengthSource::OtherTokenizer) => names.axolotl,
    };
    let model = quoted(training.model_id);
    let length = training.round_length();
    let comment = training.length_comment("dropped");
    let train = dataset(training, training.train_file);
    let validation = training
        .validation_file
        .map(|file| format!("test_datasets:\n{}", dataset(training, file)))
        .unwrap_or_default();
    let turn_end = names
        .and_then(|names| names.turn_end)
        .map(|token| format!("eot_tokens:\n  - {}\n", quoted(token)))
        .unwrap_or_default();
    let content = format!(
        r"base_model: {model}
chat_template: {template}
datasets:
{train}{validation}{turn_end}
{comment}
sequence_len: {length}
sample_packing: false

adapter: lora
lora_r: 16
lora_alpha: 32
lora_dropout: 0.05
lora_target_linear: true

micro_batch_size: 1
gradient_accumulation_steps: 8
num_epochs: 3
optimizer: adamw_torch
lr_scheduler: cosine
learning_rate: 0.0002
bf16: auto
gradient_checkpointing: true
logging_steps: 1
output_dir: ./model
"
    );
    Kit {
        files: vec![KitFile {
            name: "axolotl.yaml",
            content,
        }],
        next: NextStep::command("axolotl train axolotl.yaml"),
    }
}

fn dataset(training: &Training<'_>, file: &str) -> String {
    let flags = if training.has_flags {
        "    message_field_training: train\n"
    } else {
        ""
    };
    let roles = match training.loss {
        Loss::All => "[system, user, assistant]",
        Loss::Assistant => "[assistant]",
    };
    format!(
        r"  - path: {}
    ds_type: json
    split: train
    type: chat_template
    field_messages: messages
{flags}    roles_to_train: {roles}
    train_on_eos: turn
",
        quoted(file)
    )
}
