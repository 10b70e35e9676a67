//! Programs that come as Python packages, installed into `.tools/` in the project.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;

use crate::process::{root, run};

/// A Python in `.tools/<name>` with the packages of a file; does nothing where it is there already.
///
/// # Errors
/// If Python is missing or a package can't be installed.
pub(crate) fn environment(
    name: &str,
    requirements: &str,
    options: &[&str],
) -> anyhow::Result<PathBuf> {
    let folder = root().join(".tools").join(name);
    let requirements = root().join(requirements);
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
    ];
    let install = Command::new(&python)
        .args(pip)
        .args(options)
        .arg("--requirement")
        .arg(&requirements)
        .status();
    let installed_all = install.is_ok_and(|status| status.success());
    anyhow::ensure!(
        installed_all,
        "the packages of {} could not be installed: the tests need them and a package index",
        requirements.display()
    );
    fs::write(installed, wanted)?;
    Ok(python)
}
