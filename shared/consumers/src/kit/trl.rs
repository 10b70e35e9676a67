//! TRL's configuration, and the chat template that marks what is learned.

use super::training::{Kit, KitFile, NextStep, Training, quoted};
use crate::loss::Loss;

pub(super) fn kit(training: &Training<'_>) -> Kit {
    let mut files = vec![KitFile {
        name: "trl.yaml",
        content: configuration(training),
    }];
    if let (Loss::Assistant, Some(template)) = (training.loss, training.template) {
        files.push(KitFile {
            name: "chat_template.jinja",
            content: template.to_owned(),
        });
    }
    Kit {
        files,
        next: NextStep::command("trl sft --config trl.yaml"),
    }
}

fn configuration(training: &Training<'_>) -> String {
    let model = quoted(training.model_id);
    let train = quoted(training.train_file);
    let data = match training.validation_file {
        // A split of the folder, whose card names it: a list of data sets can't have one. The folder
        // goes by its name, since `datasets` 5 doesn't load `.`.
        Some(_) => format!(
            "dataset_name: {}\ndataset_test_split: validation\neval_strategy: epoch\n",
            quoted(&format!("../{}", training.folder))
        ),
        None => format!("datasets:\n  - path: json\n    data_files: {train}\n    split: train\n"),
    };
    let loss = match (training.loss, training.template) {
        (Loss::All, _) => "",
        (Loss::Assistant, Some(_)) => {
            "chat_template_path: \"./chat_template.jinja\"\n# The template marks the assistant's turns.\nassistant_only_loss: true\n"
        }
        (Loss::Assistant, None) => {
            "# No template at hand marks the assistant's turns, so the others are learned too.\n"
        }
    };
    let length = training.round_length();
    let comment = training.length_comment("truncated");
    format!(
        r"model_name_or_path: {model}
{data}{loss}{comment}
max_length: {length}

use_peft: true
lora_r: 16
lora_alpha: 32
lora_target_modules: all-linear

output_dir: ./model
per_device_train_batch_size: 1
gradient_accumulation_steps: 8
learning_rate: 0.0002
num_train_epochs: 3
lr_scheduler_type: cosine
logging_steps: 1
"
    )
}
