//! Clients that generators make of the API's description, against a running service.

use std::process::Command;

use crate::process::{build_binaries, root, run};
use crate::python::{self, Requirements};

/// Validates the description, and has generated clients submit, poll and download.
///
/// # Errors
/// If Python is missing, a package can't be installed, or something differs.
pub(crate) fn compare() -> anyhow::Result<()> {
    let requirements = Requirements {
        file: "tests/clients/requirements.txt",
        options: &[],
    };
    let python = python::environment("clients", &[requirements])?;
    build_binaries()?;
    run(Command::new(python)
        .arg(root().join("tests/clients/generated.py"))
        .arg(root().join("target/debug/resonare")))
}
