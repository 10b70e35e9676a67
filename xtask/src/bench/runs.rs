//! Runs of programs, and what they took.

use std::num::NonZeroUsize;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::bail;
use wait4::Wait4 as _;

use super::counts::Counts;
use super::programs::Program;

/// What one run of a program took.
pub(super) struct Run {
    /// From its start to its end, in seconds.
    pub(super) seconds: f64,
    /// On all processors together.
    pub(super) cpu_seconds: f64,
    /// The most memory that was resident, mapped files included.
    pub(super) peak_bytes: u64,
}

/// A program with all that was measured of it.
pub(super) struct Measurement {
    pub(super) program: Program,
    pub(super) runs: Vec<Run>,
    pub(super) counts: Option<Counts>,
}

/// Runs all programs in turn, so that a change of the machine's speed meets all of them. The first
/// round is not counted: it warms the page cache up, and compiles tokenizers where that is done.
pub(super) fn in_turn<R>(
    programs: &[Program],
    rounds: NonZeroUsize,
    run: impl Fn(&Program) -> anyhow::Result<R>,
) -> anyhow::Result<Vec<Vec<R>>> {
    for program in programs {
        run(program)?;
    }
    let mut runs: Vec<_> = programs.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds.get() {
        for (program, runs) in programs.iter().zip(&mut runs) {
            runs.push(run(program)?);
        }
    }
    Ok(runs)
}

pub(super) fn median<R>(runs: &[R], figure: impl Fn(&R) -> f64) -> f64 {
    let mut figures: Vec<f64> = runs.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

pub(super) fn timed(program: &Program) -> anyhow::Result<Run> {
    let start = Instant::now();
    let mut child = Command::new(&program.executable)
        .args(&program.arguments)
        .envs(program.environment.iter().cloned())
        .stdout(Stdio::null())
        .spawn()?;
    let used = child.wait4()?;
    let seconds = start.elapsed().as_secs_f64();
    if !used.status.success() {
        bail!("{} failed ({})", program.command_line(), used.status);
    }
    Ok(Run {
        seconds,
        cpu_seconds: (used.rusage.utime + used.rusage.stime).as_secs_f64(),
        peak_bytes: used.rusage.maxrss,
    })
}
