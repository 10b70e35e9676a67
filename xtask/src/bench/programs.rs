//! What is measured: the yardstick, the whole job in several ways, and its stages.

use std::path::{Path, PathBuf};

use crate::process::root;

/// A program with its arguments.
pub(super) struct Program {
    pub(super) name: String,
    pub(super) group: Group,
    pub(super) executable: PathBuf,
    pub(super) arguments: Vec<String>,
    /// Variables beside those of this process.
    pub(super) environment: Vec<(String, String)>,
}

/// Which part of the report a program belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Whole,
    /// On one thread, each with those before it.
    Stage,
}

impl Program {
    pub(super) fn new(name: &str, executable: &str, arguments: Vec<String>) -> Self {
        Self {
            name: name.to_owned(),
            group: Group::Whole,
            executable: root().join("target/release").join(executable),
            arguments,
            environment: Vec::new(),
        }
    }

    pub(super) fn command_line(&self) -> String {
        format!("{} {}", self.executable.display(), self.arguments.join(" "))
    }
}

/// Where the measured programs write to.
pub(super) struct Outputs {
    folder: PathBuf,
    run_id: String,
}

impl Outputs {
    pub(super) fn below(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            run_id: format!("resonare-bench-{}", std::process::id()),
        }
    }

    pub(super) fn remove(&self) -> std::io::Result<()> {
        std::fs::remove_dir_all(self.folder.join(&self.run_id))
    }
}

/// `resonare prepare` on an export, with the encoding that is compiled in unless `options` name
/// another tokenizer.
pub(super) fn prepare(name: &str, export: &Path, outputs: &Outputs, options: &[&str]) -> Program {
    let mut arguments = vec![
        "prepare".to_owned(),
        export.display().to_string(),
        format!("--output-dir={}", outputs.folder.display()),
        format!("--run-id={}", outputs.run_id),
    ];
    if !options
        .iter()
        .any(|option| option.starts_with("--tokenizer="))
    {
        arguments.push("--tokenizer=o200k_base".to_owned());
    }
    arguments.extend(options.iter().map(|&option| option.to_owned()));
    Program::new(name, "resonare", arguments)
}

/// Everything that is measured on an export, the yardstick first.
pub(super) fn all(export: &Path, outputs: &Outputs, tokenizers: &[String]) -> Vec<Program> {
    let export_text = export.display().to_string();
    let mut programs = vec![
        Program::new("yardstick", "yardstick", vec![export_text.clone()]),
        prepare("prepare", export, outputs, &[]),
    ];
    programs.extend(
        ["--threads=1", "--output-raw=always"]
            .map(|option| prepare(&format!("prepare {option}"), export, outputs, &[option])),
    );
    programs.extend(tokenizers.iter().map(|tokenizer| {
        let option = format!("--tokenizer={tokenizer}");
        prepare(&option[2..], export, outputs, &[&option])
    }));
    let stages = [
        ("read", "read"),
        ("+ parse, sort, cut", "parse"),
        ("+ count", "count"),
        ("+ merge, render", "write"),
        ("+ copy raw", "raw"),
    ];
    programs.extend(stages.map(|(name, stage)| Program {
        group: Group::Stage,
        ..Program::new(name, "stage", vec![stage.to_owned(), export_text.clone()])
    }));
    programs
}
