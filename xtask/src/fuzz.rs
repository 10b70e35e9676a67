//! The fuzz targets: that they build, and some seconds of each.

use std::fs;
use std::process::Command;

use anyhow::Context as _;

use crate::process::{cargo, output, root, run};

const TARGETS: [&str; 3] = ["export", "redaction", "tokens"];

const SECONDS_EACH: u32 = 10;

/// What cargo-fuzz passes to the compiler where no sanitizer is asked for: the coverage that libFuzzer goes
/// by. A stable compiler takes it, and nothing has to be installed.
const COVERAGE: [&str; 7] = [
    "--cfg=fuzzing",
    "-Ccodegen-units=1",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// Builds the targets and runs each for some seconds, from the sample on.
///
/// # Errors
/// If one does not build or finds something.
pub(crate) fn smoke() -> anyhow::Result<()> {
    let version = output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc does not say for which machine it compiles")?;
    let fuzz = root().join("fuzz");
    // With a target, the flags are not for build scripts and macros.
    let build = ["build", "--locked", "--bins", "--target", host];
    run(cargo()
        .current_dir(&fuzz)
        .args(build)
        .env("RUSTFLAGS", COVERAGE.join(" ")))?;
    for target in TARGETS {
        let corpus = fuzz.join("corpus").join(target);
        let artifacts = fuzz.join("artifacts").join(target);
        for folder in [&corpus, &artifacts] {
            fs::create_dir_all(folder)?;
        }
        let program = fuzz.join("target").join(host).join("debug").join(target);
        run(Command::new(program)
            .arg(format!("-max_total_time={SECONDS_EACH}"))
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .arg(corpus)
            .arg(root().join("sample")))?;
    }
    Ok(())
}
