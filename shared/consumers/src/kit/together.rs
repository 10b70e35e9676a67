//! The command that gives the files to Together.

use super::training::{Kit, KitFile, Training};
use crate::loss::Loss;

pub(super) fn kit(training: &Training<'_>) -> Kit {
    let validation = training
        .validation_file
        .map(|file| format!(" --validation-file {} --n-evals 5", argument(file)))
        .unwrap_or_default();
    let inputs = match training.loss {
        Loss::All => true,
        Loss::Assistant => false,
    };
    let command = format!(
        "tg ft create --model {} --training-file {}{validation} --train-on-inputs {inputs} --lora",
        argument(training.model_id),
        argument(training.train_file),
    );
    Kit {
        files: vec![KitFile {
            name: "together.sh",
            content: format!(
                "#!/bin/sh\n# Uploads the files and begins a job. Needs TOGETHER_API_KEY.\nset -e\n{command}\n"
            ),
        }],
        next: command,
    }
}

/// A word of a shell command, in quotation marks where it needs them.
fn argument(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
