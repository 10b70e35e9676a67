//! The tables that a benchmark prints.

use std::io::Write as _;

use super::programs::Group;
use super::runs::{Measurement, median};

/// Others on an export of the same shape and size (100.9 MB), measured once on another machine of 2
/// processors: their name, seconds, and the most memory in MiB.
const ELSEWHERE: [(&str, f64, u32); 6] = [
    ("the Python original, tiktoken", 10.5, 943),
    ("the Python original, Llama 3", 18.3, 943),
    ("tg-parser 1.2.0, guessing tokens", 5.6, 789),
    ("tgmix 0.9.1, no tokens", 9.7, 1443),
    ("chatpack 0.7.0, no tokens", 0.45, 259),
    ("chatpack 0.7.0, streaming", 0.74, 54),
];

/// What reading and parsing as the yardstick does took there, in seconds.
const YARDSTICK_ELSEWHERE: f64 = 0.19;

/// The end of a name that is too long for its column.
fn shortened(name: &str) -> &str {
    let start = name.len().saturating_sub(32);
    name.get(start..).unwrap_or(name)
}

/// Prints what was measured on an export of `bytes`.
///
/// # Errors
/// If standard output can't be written to.
pub(super) fn print(measured: &[Measurement], bytes: u64) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let yardstick = median(&measured[0].runs, |run| run.seconds);
    let megabytes = bytes as f64 / 1e6;
    let counted = measured.iter().any(|program| program.counts.is_some());
    for (group, title) in [
        (Group::Whole, "whole job"),
        (Group::Stage, "stages on one thread, added up"),
    ] {
        write!(
            out,
            "{title:32} {:>7} {:>8} {:>7} {:>7} {:>6} {:>6} {:>8}",
            "min s", "median s", "max s", "CPU s", "ratio", "MB/s", "peak MiB"
        )?;
        if counted {
            write!(out, " {:>12} {:>9}", "instr./byte", "alloc./MB")?;
        }
        writeln!(out)?;
        for Measurement {
            program,
            runs,
            counts,
        } in measured
            .iter()
            .filter(|measured| measured.program.group == group)
        {
            let seconds = median(runs, |run| run.seconds);
            let least = runs
                .iter()
                .map(|run| run.seconds)
                .fold(f64::INFINITY, f64::min);
            let most = runs.iter().map(|run| run.seconds).fold(0.0, f64::max);
            let peak = runs
                .iter()
                .map(|run| run.peak_bytes)
                .max()
                .unwrap_or_default();
            write!(
                out,
                "{:32} {least:7.3} {seconds:8.3} {most:7.3} {:7.3} {:6.2} {:6.0} {:8.1}",
                shortened(&program.name),
                median(runs, |run| run.cpu_seconds),
                seconds / yardstick,
                megabytes / seconds,
                peak as f64 / f64::from(1 << 20),
            )?;
            if let Some(counts) = counts {
                write!(
                    out,
                    " {:12.1} {:9.0}",
                    counts.instructions_per_byte, counts.allocations_per_mb
                )?;
            }
            writeln!(out)?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "{:32} {:>7} {:>6} {:>8}",
        "elsewhere, once, 100.9 MB", "s", "ratio", "peak MiB"
    )?;
    for (name, seconds, peak) in ELSEWHERE {
        let ratio = seconds / YARDSTICK_ELSEWHERE;
        writeln!(out, "{name:32} {seconds:7.2} {ratio:6.1} {peak:>8}")?;
    }
    Ok(())
}
