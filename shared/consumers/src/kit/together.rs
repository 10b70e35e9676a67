//! The command that gives the files to Together.

use super::training::{Kit, KitFile, NextStep, Training};
use crate::loss::Loss;
use crate::shell::shell_word;

pub(super) fn kit(training: &Training<'_>) -> Kit {
    let validation = training
        .validation_file
        .map(|file| format!(" --validation-file {} --n-evals 5", shell_word(file)))
        .unwrap_or_default();
    let inputs = match training.loss {
        Loss::All => true,
        Loss::Assistant => false,
    };
    let command = format!(
        "tg ft create --model {} --training-file {}{validation} --train-on-inputs {inputs} --lora",
        shell_word(training.model_id),
        shell_word(training.train_file),
    );
    Kit {
        files: vec![KitFile {
            name: "together.sh",
            content: format!(
                "#!/bin/sh\n# Uploads the files and begins a job. Needs TOGETHER_API_KEY.\nset -e\n{command}\n"
            ),
        }],
        next: NextStep::command(command),
    }
}
