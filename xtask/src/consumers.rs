//! What we write for each consumer, given to the consumer's own code.
//!
//! Needs Python 3.11 or later; everything else is installed into `.tools/` in the project, without torch.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::make_export;
use crate::process::{cargo, root, run};
use crate::python::{self, Requirements};

/// Those for whom there is code to ask.
const CONSUMERS: [&str; 8] = [
    "trl",
    "unsloth",
    "axolotl",
    "llama-factory",
    "together",
    "bedrock-nova",
    "bedrock-llama",
    "openai",
];

/// How blocks are made: without a system prompt, with one, with one for templates that have no place for it,
/// and with some for validation.
const WAYS: [(&str, &[&str]); 4] = [
    ("plain", &[]),
    ("system", &["--system-prompt=You are Ren."]),
    (
        "folded",
        &["--system-prompt=You are Ren.", "--system-as=first_user"],
    ),
    (
        "split",
        &["--validation-fraction=0.2", "--deduplicate=near"],
    ),
];

/// Compares verdicts on rows that break rules, then gives whole runs and their kits to the consumers.
///
/// # Errors
/// If something can't be installed, or a consumer doesn't take what is written for it.
pub(crate) fn compare() -> anyhow::Result<()> {
    let python = environment()?;
    run(cargo().args([
        "build",
        "--quiet",
        "--package=resonare-cli",
        "--package=resonare-consumers",
        "--bins",
        "--examples",
    ]))?;
    let folder = root().join(".tools/consumers-runs");
    std::fs::create_dir_all(&folder)?;
    let export = folder.join("export.json");
    make_export::write_once(&export, 10.0)?;
    let tests = root().join("tests/consumers");
    let program = |name: &str| root().join("target/debug").join(name);
    let script = |name: &str| {
        let mut command = Command::new(&python);
        command.arg(tests.join(name));
        command
    };
    run(script("agree.py").arg(program("examples/check")))?;
    prepare(&export, &folder)?;
    run(script("outputs.py").arg(program("resonare")).arg(&folder))?;
    let train = folder.join("export-trl-plain/train.jsonl");
    run(script("kits.py").arg(program("examples/kit")).arg(&train))?;
    let folded = folder.join("export-trl-folded/train.jsonl");
    run(script("templates.py").arg(train).arg(folded))
}

fn environment() -> anyhow::Result<PathBuf> {
    let older = root().join(".tools/consumers/together-1");
    let older = older.display().to_string();
    python::environment(
        "consumers",
        &[
            Requirements {
                file: "tests/consumers/requirements-data.txt",
                options: &[],
            },
            Requirements {
                file: "tests/consumers/requirements.txt",
                options: &["--no-deps"],
            },
            Requirements {
                file: "tests/consumers/requirements-together-1.txt",
                options: &["--no-deps", "--target", &older],
            },
        ],
    )
}

/// Runs over the sample and an export for every consumer, in folders that are named for it.
fn prepare(export: &Path, folder: &Path) -> anyhow::Result<()> {
    let sample = root().join("sample/result.json");
    let exports: [(&str, &Path, &str); 2] = [
        ("sample", &sample, "--min-tokens-per-block=1"),
        ("export", export, "--min-tokens-per-block=50"),
    ];
    for (name, path, minimum) in exports {
        for consumer in CONSUMERS {
            for (way, options) in WAYS {
                let run_id = format!("{name}-{consumer}-{way}");
                let formats: &[&str] = if consumer.starts_with("bedrock") {
                    &["--output-format=bedrock", "--output-format=parquet"]
                } else {
                    &["--output-format=parquet"]
                };
                let written = Command::new(root().join("target/debug/resonare"))
                    .current_dir(folder)
                    .arg("prepare")
                    .arg(path)
                    .args(["--tokenizer=o200k_base", minimum])
                    .args(formats)
                    .arg(format!("--for={consumer}"))
                    .arg(format!("--run-id={run_id}"))
                    .arg(format!("--output-dir={}", folder.display()))
                    .args(options)
                    .output()?;
                anyhow::ensure!(
                    written.status.success(),
                    "the run {run_id} failed: {}",
                    String::from_utf8_lossy(&written.stderr)
                );
            }
        }
    }
    Ok(())
}
