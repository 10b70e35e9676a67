//! Runs of the binary in folders of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The made-up export of the repository.
pub(crate) const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sample/result.json");

/// The binary, in `folder`, with none of this machine's configuration.
pub(crate) fn resonare(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_resonare"));
    command.current_dir(folder).env_remove("COLUMNS");
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("RESONARE_") || name.starts_with("HF_") {
            command.env_remove(&*name);
        }
    }
    command
}

/// What a run printed and how it ended.
pub(crate) struct Output {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A folder to run in.
pub(crate) struct Project(tempfile::TempDir);

impl Project {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let output = resonare(self.folder()).args(arguments).output().unwrap();
        Output {
            status: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The names in a folder, sorted; none if there is no such folder.
pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
