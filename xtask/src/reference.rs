//! What the reference implementations count, for the tests to compare with.
//!
//! Needs Python 3; everything else is installed into `.tools/` in the project.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::make_export;
use crate::process::{cargo, output, root, run};

/// Where the tests look for it.
pub(crate) fn folder() -> PathBuf {
    root().join(".tools/reference")
}

/// Installs the references and has them count; does nothing where that was done already.
///
/// # Errors
/// If Python is missing or something can't be installed.
pub(crate) fn prepare() -> anyhow::Result<()> {
    let python = virtual_environment()?;
    let vocabularies = tiktoken_vocabularies()?;
    let folder = folder();
    fs::create_dir_all(&folder)?;
    let export = folder.join("export.json");
    if !export.exists() {
        let partial = folder.join("export.json.partial");
        make_export::write(10.0, 1, BufWriter::new(File::create(&partial)?))?;
        fs::rename(partial, &export)?;
    }
    let settings = serde_json::json!({"python": python, "tiktoken_vocabularies": vocabularies});
    fs::write(folder.join("settings.json"), settings.to_string())?;
    let script = root().join("tests/reference/count.py");
    run(Command::new(&python)
        .arg(&script)
        .arg(&export)
        .arg(&folder)
        .env("TIKTOKEN_VOCABULARIES", &vocabularies))
}

/// A Python with the packages of `tests/reference/requirements.txt`.
fn virtual_environment() -> anyhow::Result<PathBuf> {
    let folder = root().join(".tools/python");
    let requirements = root().join("tests/reference/requirements.txt");
    let wanted = fs::read_to_string(&requirements)?;
    let installed = folder.join("installed.txt");
    let python = folder.join("bin/python");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let made = run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&folder));
    made.context("install Python 3.9 or later with its venv module (Debian: python3-venv)")?;
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--requirement",
    ];
    run(Command::new(&python).args(pip).arg(&requirements))
        .context("the packages that the tests compare with could not be installed")?;
    fs::write(installed, wanted)?;
    Ok(python)
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
