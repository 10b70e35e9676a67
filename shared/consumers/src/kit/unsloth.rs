//! A training script for Unsloth.

use super::training::{Kit, KitFile, NextStep, Training, quoted};
use crate::family::TemplateFamily;
use crate::loss::Loss;

pub(super) fn kit(training: &Training<'_>) -> Kit {
    Kit {
        files: vec![KitFile {
            // A script named `unsloth.py` would hide the package that it imports.
            name: "unsloth_sft.py",
            content: script(training),
        }],
        next: NextStep::command("python3 unsloth_sft.py"),
    }
}

fn script(training: &Training<'_>) -> String {
    let names = training.family.map(TemplateFamily::names);
    let template = names.as_ref().and_then(|names| names.unsloth).map(|name| {
        format!(
            "if not tokenizer.chat_template:\n    tokenizer = get_chat_template(tokenizer, {})\n",
            quoted(name)
        )
    });
    let answers = match (training.loss, names) {
        (Loss::All, _) => String::new(),
        (Loss::Assistant, Some(names)) => format!(
            "trainer = train_on_responses_only(\n    trainer,\n    instruction_part={},\n    response_part={},\n)\n",
            quoted(names.user_start),
            quoted(names.assistant_start),
        ),
        (Loss::Assistant, None) => {
            "# How this model marks turns is not known here, so all of them are learned. To learn the\n\
             # assistant's alone, call `train_on_responses_only` with the model's markers.\n"
                .to_owned()
        }
    };
    [
        model(training),
        template.unwrap_or_default(),
        trainer(training),
        answers,
        "trainer.train()\nmodel.save_pretrained(\"model\")\n".to_owned(),
    ]
    .concat()
}

fn model(training: &Training<'_>) -> String {
    format!(
        r"from unsloth import FastLanguageModel
from unsloth.chat_templates import get_chat_template, train_on_responses_only
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer

{}
MAX_LENGTH = {}

model, tokenizer = FastLanguageModel.from_pretrained({}, max_seq_length=MAX_LENGTH, load_in_4bit=True)
model = FastLanguageModel.get_peft_model(model, r=16, lora_alpha=32)
",
        training.length_comment("truncated"),
        training.round_length(),
        quoted(training.model_id),
    )
}

fn trainer(training: &Training<'_>) -> String {
    let (file, evaluated, strategy) = match training.validation_file {
        Some(file) => (
            format!(", \"validation\": {}", quoted(file)),
            "\n    eval_dataset=data[\"validation\"],",
            "\n        eval_strategy=\"epoch\",",
        ),
        None => (String::new(), "", ""),
    };
    format!(
        r#"
data = load_dataset("json", data_files={{"train": {}{file}}})
data = data.map(lambda row: {{"text": tokenizer.apply_chat_template(row["messages"], tokenize=False)}})

trainer = SFTTrainer(
    model=model,
    processing_class=tokenizer,
    train_dataset=data["train"],{evaluated}
    args=SFTConfig(
        dataset_text_field="text",
        max_length=MAX_LENGTH,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=8,
        learning_rate=2e-4,
        num_train_epochs=3,{strategy}
        output_dir="model",
    ),
)
"#,
        quoted(training.train_file),
    )
}
