//! LLaMA-Factory's list of data sets and its configuration.

use serde_json::json;

use super::training::{Kit, KitFile, NextStep, Training, quoted};
use crate::loss::Loss;

pub(super) fn kit(training: &Training<'_>) -> Kit {
    Kit {
        files: vec![
            KitFile {
                name: "dataset_info.json",
                content: dataset_info(training),
            },
            KitFile {
                name: "llama-factory.yaml",
                content: configuration(training),
            },
        ],
        next: NextStep::command("llamafactory-cli train llama-factory.yaml"),
    }
}

fn dataset_info(training: &Training<'_>) -> String {
    // `formatting: openai` would add to the system prompt; without `system_tag` it would be an
    // unknown role.
    let entry = |file: &str| {
        json!({
            "file_name": file,
            "formatting": "sharegpt",
            "columns": {"messages": "messages"},
            "tags": {
                "role_tag": "role",
                "content_tag": "content",
                "user_tag": "user",
                "assistant_tag": "assistant",
                "system_tag": "system",
            },
        })
    };
    let mut info = json!({"resonare": entry(training.train_file)});
    if let Some(file) = training.validation_file {
        info["resonare_validation"] = entry(file);
    }
    format!("{info:#}\n")
}

fn configuration(training: &Training<'_>) -> String {
    let model = quoted(training.model_id);
    let template = match training.family {
        Some(family) => format!("template: {}\n", family.names().llama_factory),
        None => "# Set this to the template of your model's family:\n# template: NAME\n".to_owned(),
    };
    let validation = match training.validation_file {
        Some(_) => "eval_dataset: resonare_validation\neval_strategy: epoch\n",
        None => "",
    };
    let loss = match training.loss {
        Loss::All => "train_on_prompt: true\n",
        Loss::Assistant => "",
    };
    let length = training.round_length();
    let comment = training.length_comment("truncated");
    format!(
        r"model_name_or_path: {model}
stage: sft
do_train: true
finetuning_type: lora
lora_target: all

dataset_dir: .
dataset: resonare
{validation}{template}{comment}
cutoff_len: {length}
{loss}
output_dir: ./model
per_device_train_batch_size: 1
gradient_accumulation_steps: 8
learning_rate: 0.0002
num_train_epochs: 3.0
lr_scheduler_type: cosine
bf16: true
logging_steps: 1
"
    )
}
