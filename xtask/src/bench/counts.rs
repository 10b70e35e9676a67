//! What does not depend on the machine's neighbors: instructions and allocations, by valgrind.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use super::programs::Program;

/// What valgrind counted, for each byte or MB of the export.
pub(super) struct Counts {
    pub(super) instructions_per_byte: f64,
    pub(super) allocations_per_mb: f64,
}

/// Runs a program twice under valgrind.
///
/// # Errors
/// If valgrind is not installed, or the program fails.
pub(super) fn count(program: &Program, export: &Path) -> anyhow::Result<Counts> {
    let bytes = std::fs::metadata(export)?.len() as f64;
    // `==1== Collected : 226283867`
    let instructions = figure(
        program,
        &["--tool=callgrind", "--callgrind-out-file=/dev/null"],
        |line| line.split_once("Collected : ").map(|(_, number)| number),
    )?;
    // `==1== Total:     12,345 bytes in 67 blocks`
    let allocations = figure(
        program,
        &["--tool=dhat", "--dhat-out-file=/dev/null"],
        |line| {
            line.split_once("Total: ")?
                .1
                .split_once(" bytes in ")?
                .1
                .strip_suffix(" blocks")
        },
    )?;
    Ok(Counts {
        instructions_per_byte: instructions / bytes,
        allocations_per_mb: allocations / (bytes / 1e6),
    })
}

fn figure(
    program: &Program,
    options: &[&str],
    find: impl Fn(&str) -> Option<&str>,
) -> anyhow::Result<f64> {
    let output = Command::new("valgrind")
        .args(options)
        .arg(&program.executable)
        .args(&program.arguments)
        .stdout(Stdio::null())
        .output()
        .context("failed to run valgrind, which --counts needs")?;
    let printed = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!(
            "{} failed under valgrind: {printed}",
            program.command_line()
        );
    }
    let number = printed
        .lines()
        .find_map(find)
        .with_context(|| format!("valgrind printed no figure: {printed}"))?;
    Ok(number.trim().replace(',', "").parse()?)
}
