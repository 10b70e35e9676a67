//! The rule that imports point inwards, checked with `cargo tree`.

use anyhow::bail;

use crate::process::{cargo, output};

/// What serves, or reaches something outside.
const OUTSIDE: &[&str] = &["axum", "hyper", "aws-", "ureq"];

/// What waits for something.
const ASYNC: &[&str] = &["tokio"];

/// What counts tokens by itself.
const COUNTING: &[&str] = &["tokenizers", "tiktoken-rs"];

/// What counts tokens for us, or is for one machine alone.
const OF_WORKERS: &[&str] = &["resonare-tokenizer", "rusqlite"];

/// A crate that stands on its own does without all this.
const PURE: &[&[&str]] = &[ASYNC, OUTSIDE, COUNTING, &["resonare-"]];

/// Packages that a crate must not depend on, by the beginnings of their names.
const FORBIDDEN: [(&str, &[&[&str]]); 15] = [
    // It renders strangers' templates: nothing that reaches out is even linked.
    ("resonare-chat-template", PURE),
    (
        "resonare-pipeline",
        &[
            ASYNC,
            OUTSIDE,
            COUNTING,
            &[
                "minijinja",
                "resonare-aws",
                "resonare-chat-template",
                "resonare-http",
                "resonare-job",
                "resonare-local",
                "resonare-settings",
                "resonare-tokenizer",
            ],
        ],
    ),
    ("resonare-consumers", PURE),
    ("resonare-redaction", PURE),
    ("resonare-similarity", PURE),
    (
        "resonare-parquet-rows",
        &[ASYNC, OUTSIDE, &["tokenizers", "resonare-jobs"]],
    ),
    (
        "resonare-report",
        &[
            ASYNC,
            OUTSIDE,
            COUNTING,
            &["resonare-jobs", "resonare-settings"],
        ],
    ),
    ("resonare-settings", &[ASYNC, OUTSIDE, COUNTING]),
    (
        "resonare-tokenizer",
        &[ASYNC, &["axum", "hyper", "aws-", "resonare-jobs"]],
    ),
    (
        "resonare-http",
        &[COUNTING, &["lambda", "aws-", "ureq", "rusqlite"]],
    ),
    ("resonare-jobs", &[OUTSIDE, COUNTING, &["rusqlite"]]),
    ("resonare-aws", &[COUNTING, &["axum", "lambda", "rusqlite"]]),
    // Cold starts: these two count nothing.
    ("resonare-ingress", &[COUNTING, OF_WORKERS]),
    ("resonare-status", &[COUNTING, OF_WORKERS]),
    ("resonare-local", &[OUTSIDE, COUNTING]),
];

/// Checks every crate that has a rule.
///
/// # Errors
/// If one breaks it.
pub(crate) fn check() -> anyhow::Result<()> {
    for (package, forbidden) in FORBIDDEN {
        let arguments = [
            "tree",
            "--locked",
            "--package",
            package,
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ];
        let tree = output(cargo().args(arguments))?;
        for line in tree.lines() {
            let name = line.split(' ').next().unwrap_or_default();
            if name != package
                && forbidden
                    .iter()
                    .copied()
                    .flatten()
                    .any(|beginning| name.starts_with(beginning))
            {
                bail!("{package} must not depend on {name}");
            }
        }
    }
    Ok(())
}
