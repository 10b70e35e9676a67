//! The whole job against `tests/reference/oracle.py`, which states the rules once more, plainly.
//!
//! `cargo xtask test` installs the Python that it runs on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Project, SAMPLE};

fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/reference")
}

fn settings() -> Value {
    let path = tools().join("settings.json");
    let settings = fs::read(&path)
        .unwrap_or_else(|_| panic!("{} is missing: run `cargo xtask test`", path.display()));
    serde_json::from_slice(&settings).unwrap()
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Runs both with the same options and compares everything that the oracle says.
fn agrees(export: &Path, options: &[&str]) {
    let project = Project::new();
    let export = export.to_str().unwrap();
    let ours = [
        &[
            "prepare",
            export,
            "--tokenizer=o200k_base",
            "--output-dir=ours",
            "--run-id=r",
        ],
        options,
    ];
    let output = project.run(&ours.concat());
    assert_eq!(output.status, 0, "{options:?}: {}", output.stderr);

    let settings = settings();
    let oracle = Command::new(settings["python"].as_str().unwrap())
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../tests/reference/oracle.py"
        ))
        .args([export, "theirs"])
        .args(options)
        .env(
            "TIKTOKEN_VOCABULARIES",
            settings["tiktoken_vocabularies"].as_str().unwrap(),
        )
        .current_dir(project.folder())
        .output()
        .unwrap();
    assert!(
        oracle.status.success(),
        "{}",
        String::from_utf8_lossy(&oracle.stderr)
    );

    let (ours, theirs) = (project.path("ours/r"), project.path("theirs"));
    let same_train = fs::read(ours.join("train.jsonl")).unwrap()
        == fs::read(theirs.join("train.jsonl")).unwrap();
    assert!(same_train, "train.jsonl differs with {options:?}");
    let same_processed = read(&ours.join("processed.json")) == read(&theirs.join("processed.json"));
    assert!(same_processed, "processed.json differs with {options:?}");
    let (mut ours, theirs) = (
        read(&ours.join("stats.json")),
        read(&theirs.join("stats.json")),
    );
    ours["funnel"].as_object_mut().unwrap().remove("mended");
    for (key, value) in theirs.as_object().unwrap() {
        match (ours[key].as_f64(), value.as_f64()) {
            (Some(ours), Some(theirs)) => {
                assert!((ours - theirs).abs() < 1e-9, "{key} with {options:?}");
            }
            _ => assert_eq!(ours[key], *value, "{key} with {options:?}"),
        }
    }
}

#[test]
fn the_sample_agrees_under_every_rule() {
    for options in [
        &[][..],
        &["--min-tokens-per-block=1"],
        &[
            "--min-tokens-per-block=5",
            "--max-tokens-per-block=60",
            "--token-budget=rendered",
        ],
        &[
            "--min-tokens-per-block=5",
            "--max-tokens-per-block=60",
            "--role-order=user_first",
        ],
        &[
            "--min-tokens-per-block=9",
            "--max-tokens-per-block=90",
            "--role-order=user_first",
            "--token-budget=rendered",
            "--system-prompt=You are \"Mira\".",
        ],
        &[
            "--message-delimiter=",
            "--min-tokens-per-block=3",
            "--target-name=Jonas Weber",
        ],
        &[
            "--date-limit=2024-06-01T00:00:00Z",
            "--min-tokens-per-block=3",
            "--convo-block-threshold-secs=60",
        ],
    ] {
        agrees(Path::new(SAMPLE), options);
    }
}

#[test]
fn ten_megabytes_agree() {
    let export = tools().join("export.json");
    agrees(&export, &[]);
    agrees(
        &export,
        &[
            "--token-budget=rendered",
            "--role-order=user_first",
            "--min-tokens-per-block=20",
            "--max-tokens-per-block=300",
        ],
    );
}

#[test]
fn an_export_without_an_owner_agrees() {
    let project = Project::new();
    let mut export = read(Path::new(SAMPLE));
    export
        .as_object_mut()
        .unwrap()
        .remove("personal_information");
    let path = project.path("export.json");
    fs::write(&path, json!(export).to_string()).unwrap();
    agrees(&path, &["--min-tokens-per-block=1"]);
    fs::write(&path, export["chats"]["list"].to_string()).unwrap();
    agrees(&path, &["--min-tokens-per-block=1"]);
}
