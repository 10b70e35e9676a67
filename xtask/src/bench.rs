//! The whole job and its stages, as multiples of the yardstick.

mod counts;
mod objects;
mod programs;
mod report;
mod runs;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::make_export;
use crate::process::{self, cargo, root};
use programs::Outputs;
use runs::{Measurement, in_turn, timed};

/// Instructions hardly depend on the size, and counting them takes fifty times as long.
const COUNTED_MB: f64 = 10.0;

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Size of the export, in MB (10^6 bytes)
    #[arg(long, default_value_t = 100.0)]
    mb: f64,
    /// Counted runs of each program
    #[arg(long, default_value = "7")]
    runs: NonZeroUsize,
    /// Measure on this export instead of a synthetic one
    #[arg(long)]
    export: Option<PathBuf>,
    /// Write outputs below this folder; choose one in memory
    #[arg(long, default_value = "/dev/shm")]
    output_dir: PathBuf,
    /// Measure with this tokenizer too: a tokenizer.json or an encoding; repeat it for several
    #[arg(long)]
    tokenizer: Vec<String>,
    /// Count instructions and allocations too, with valgrind, on an export of 10 MB
    #[arg(long)]
    counts: bool,
    /// Measure a worker's part too, beside an S3 server that is built for it
    #[arg(long)]
    objects: bool,
}

/// Measures the whole job and its stages, and prints what was measured.
///
/// # Errors
/// If a program fails.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let build = [
        "build",
        "--release",
        "--locked",
        "--package",
        "resonare-cli",
        "--package",
        "resonare-benches",
    ];
    process::run(cargo().args(build))?;
    let export = match &options.export {
        Some(export) => export.clone(),
        None => synthetic(options.mb)?,
    };
    let outputs = Outputs::below(&options.output_dir);
    let list = |export: &Path| programs::all(export, &outputs, &options.tokenizer);
    let programs = list(&export);
    let runs = in_turn(&programs, options.runs, timed)?;
    let measured = programs.into_iter().zip(runs);
    let mut measured: Vec<_> = measured
        .map(|(program, runs)| Measurement {
            program,
            runs,
            counts: None,
        })
        .collect();
    if options.counts {
        let small = synthetic(COUNTED_MB)?;
        for (program, counted) in measured.iter_mut().zip(list(&small)) {
            program.counts = Some(counts::count(&counted, &small)?);
        }
    }
    report::print(&measured, std::fs::metadata(&export)?.len())?;
    if options.objects {
        objects::run(&export, options.runs, &options.output_dir)?;
    }
    Ok(outputs.remove()?)
}

/// A synthetic export, made once.
fn synthetic(mb: f64) -> anyhow::Result<PathBuf> {
    let folder = root().join("target/bench");
    std::fs::create_dir_all(&folder)?;
    let export = folder.join(format!("export-{mb}.json"));
    make_export::write_once(&export, mb)?;
    Ok(export)
}
