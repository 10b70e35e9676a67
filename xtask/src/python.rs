//! Programs that come as Python packages, installed into `.tools/` in the project.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::process::{root, run};

/// Packages that are installed together.
pub(crate) struct Requirements<'a> {
    /// The file that lists them, in the project.
    pub(crate) file: &'a str,
    /// More options for pip.
    pub(crate) options: &'a [&'a str],
}

/// A Python in `.tools/<name>` with the packages of some files, installed one file after the other; does
/// nothing where it is there already.
///
/// # Errors
/// If Python is missing or a package can't be installed.
pub(crate) fn environment(
    name: &str,
    requirements: &[Requirements<'_>],
) -> anyhow::Result<PathBuf> {
    let folder = root().join(".tools").join(name);
    let files = requirements
        .iter()
        .map(|requirements| fs::read_to_string(root().join(requirements.file)));
    let wanted = files.collect::<Result<String, _>>()?;
    let installed = folder.join("installed.txt");
    let python = folder.join("bin/python");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let made = run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&folder));
    made.context("install Python 3.9 or later with its venv module (Debian: python3-venv)")?;
    for requirements in requirements {
        install(&python, requirements)?;
    }
    fs::write(installed, wanted)?;
    Ok(python)
}

fn install(python: &Path, requirements: &Requirements<'_>) -> anyhow::Result<()> {
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ];
    let install = Command::new(python)
        .args(pip)
        .args(requirements.options)
        .arg("--requirement")
        .arg(root().join(requirements.file))
        .status();
    let installed_all = install.is_ok_and(|status| status.success());
    anyhow::ensure!(
        installed_all,
        "the packages of {} could not be installed: the tests need them and a package index",
        requirements.file
    );
    Ok(())
}
