//! What the reference implementations count, for the tests to compare with.
//!
//! Needs Python 3; everything else is installed into `.tools/` in the project.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::make_export;
use crate::process::{cargo, output, root, run};
use crate::python::{self, Requirements};

/// Where the tests look for it.
pub(crate) fn folder() -> PathBuf {
    root().join(".tools/reference")
}

/// Installs the references and has them count; does nothing where that was done already.
///
/// # Errors
/// If Python is missing or something can't be installed.
pub(crate) fn prepare() -> anyhow::Result<()> {
    let requirements = Requirements {
        file: "tests/reference/requirements.txt",
        options: &["--no-deps"],
    };
    let python = python::environment("python", &[requirements])?;
    let vocabularies = tiktoken_vocabularies()?;
    let folder = folder();
    fs::create_dir_all(&folder)?;
    let export = folder.join("export.json");
    make_export::write_once(&export, 10.0)?;
    let settings = serde_json::json!({"python": python, "tiktoken_vocabularies": vocabularies});
    fs::write(folder.join("settings.json"), settings.to_string())?;
    let script = root().join("tests/reference/count.py");
    run(Command::new(&python)
        .arg(&script)
        .arg(&export)
        .arg(&folder)
        .env("TIKTOKEN_VOCABULARIES", &vocabularies))
}

/// The published vocabularies, as the crate `tiktoken-rs` brings them.
fn tiktoken_vocabularies() -> anyhow::Result<PathBuf> {
    let metadata = output(cargo().args(["metadata", "--locked", "--format-version", "1"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    let manifest = packages
        .iter()
        .find(|package| package["name"] == "tiktoken-rs")
        .and_then(|package| package["manifest_path"].as_str())
        .context("tiktoken-rs is not among the dependencies")?;
    Ok(Path::new(manifest).with_file_name("assets"))
}
