//! Running other programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

/// The project's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the project")
        .to_owned()
}

/// The cargo that runs this.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    // What cargo says of this program would make it build some crates again that are built.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs a command, showing what it is.
///
/// # Errors
/// If it can't be started or fails.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    eprintln(&format!("+ {}", shown(command)));
    let status = command
        .status()
        .with_context(|| format!("failed to start {}", shown(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", shown(command));
    }
    Ok(())
}

/// Builds all binaries as the tests have them: dependencies with the features of a part of the project alone would be
/// built once more.
///
/// # Errors
/// If something does not compile.
pub(crate) fn build_binaries() -> anyhow::Result<()> {
    run(cargo().args(["build", "--locked", "--workspace", "--all-targets"]))
}

/// The standard output of a command.
///
/// # Errors
/// If it can't be started or fails.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .output()
        .with_context(|| format!("failed to start {}", shown(command)))?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("{} failed ({}): {error}", shown(command), output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn shown(command: &Command) -> String {
    let parts = std::iter::once(command.get_program()).chain(command.get_args());
    parts
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Prints a line to standard error.
#[expect(clippy::print_stderr, reason = "this is a program for a terminal")]
pub(crate) fn eprintln(line: &str) {
    eprintln!("{line}");
}
