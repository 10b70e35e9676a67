//! The whole job, as a multiple of the yardstick.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::bail;

use crate::make_export;
use crate::process::{self, cargo, root};

/// A program that is measured.
#[derive(Clone)]
struct Measured {
    name: String,
    arguments: Vec<String>,
    times: Vec<Duration>,
}

const OWN: &str = "--tokenizer=o200k_base";

/// Measures all programs in turn, so that a change of the machine's speed meets all of them.
///
/// # Errors
/// If one of them fails.
pub(crate) fn run(
    mb: f64,
    runs: usize,
    export: Option<&Path>,
    output_dir: &Path,
    tokenizers: &[String],
) -> anyhow::Result<()> {
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
    let folder = root().join("target/bench");
    fs::create_dir_all(&folder)?;
    let export = if let Some(export) = export {
        export.to_owned()
    } else {
        let export = folder.join(format!("export-{mb}.json"));
        if !export.exists() {
            make_export::write(
                mb,
                1,
                BufWriter::with_capacity(1 << 20, File::create(&export)?),
            )?;
        }
        export
    };
    let binary = |name: &str| {
        root()
            .join("target/release")
            .join(name)
            .display()
            .to_string()
    };
    let export_text = export.display().to_string();
    let run_id = format!("resonare-bench-{}", std::process::id());
    let prepare = |more: &[&str]| {
        let mut arguments = vec![
            binary("resonare"),
            "prepare".to_owned(),
            export_text.clone(),
        ];
        arguments.push(format!("--output-dir={}", output_dir.display()));
        arguments.push(format!("--run-id={run_id}"));
        arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        arguments
    };
    let measured = |name: &str, arguments| Measured {
        name: name.to_owned(),
        arguments,
        times: Vec::new(),
    };
    let mut programs = [
        measured("yardstick", vec![binary("yardstick"), export_text.clone()]),
        measured("prepare", prepare(&[OWN])),
        measured("prepare --threads=1", prepare(&[OWN, "--threads=1"])),
        measured(
            "prepare --output-raw=always",
            prepare(&[OWN, "--output-raw=always"]),
        ),
    ]
    .to_vec();
    // The first round compiles them, where that is done at all.
    programs.extend(tokenizers.iter().map(|tokenizer| {
        let option = format!("--tokenizer={tokenizer}");
        measured(&option[2..], prepare(&[&option]))
    }));
    for round in 0..=runs {
        for program in &mut programs {
            let time = time(&program.arguments)?;
            // The first round warms the page cache up.
            if round > 0 {
                program.times.push(time);
            }
        }
    }
    fs::remove_dir_all(output_dir.join(run_id))?;
    report(&mut programs, fs::metadata(&export)?.len())
}

fn time(arguments: &[String]) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let status = Command::new(&arguments[0])
        .args(&arguments[1..])
        .stdout(Stdio::null())
        .status()?;
    if !status.success() {
        bail!("{} failed ({status})", arguments.join(" "));
    }
    Ok(start.elapsed())
}

/// The end of a name that is too long for its column.
fn shortened(name: &str) -> &str {
    let start = name.len().saturating_sub(30);
    name.get(start..).unwrap_or(name)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn report(programs: &mut [Measured], bytes: u64) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let yardstick = median(&mut programs[0].times);
    writeln!(
        out,
        "{:30} {:>9} {:>9} {:>9} {:>8} {:>8}",
        "", "min s", "median s", "max s", "ratio", "MB/s"
    )?;
    for program in programs {
        let middle = median(&mut program.times);
        let (first, last) = (program.times[0], program.times[program.times.len() - 1]);
        writeln!(
            out,
            "{:30} {:9.3} {:9.3} {:9.3} {:8.2} {:8.0}",
            shortened(&program.name),
            first.as_secs_f64(),
            middle.as_secs_f64(),
            last.as_secs_f64(),
            middle.as_secs_f64() / yardstick.as_secs_f64(),
            bytes as f64 / 1e6 / middle.as_secs_f64(),
        )?;
    }
    Ok(())
}
