//! The rule that imports point inwards, checked with `cargo tree`.

use anyhow::bail;

use crate::process::{cargo, output};

/// What a crate that stands on its own, and reaches nothing outside, does without.
const PURE: &[&str] = &[
    "tokio",
    "axum",
    "hyper",
    "aws-",
    "ureq",
    "tokenizers",
    "tiktoken-rs",
    "resonare-",
];

/// What counts tokens, or is for one machine alone.
const COUNTING: &[&str] = &[
    "resonare-tokenizer",
    "tokenizers",
    "tiktoken-rs",
    "rusqlite",
];

/// Packages that a crate must not depend on, by the beginning of their names.
const FORBIDDEN: [(&str, &[&str]); 15] = [
    // It renders strangers' templates: nothing that reaches out is even linked.
    ("resonare-chat-template", PURE),
    (
        "resonare-pipeline",
        &[
            "tokio",
            "axum",
            "hyper",
            "aws-",
            "ureq",
            "tokenizers",
            "tiktoken-rs",
            "minijinja",
            "resonare-aws",
            "resonare-chat-template",
            "resonare-http",
            "resonare-job",
            "resonare-local",
            "resonare-settings",
            "resonare-tokenizer",
        ],
    ),
    ("resonare-consumers", PURE),
    ("resonare-redaction", PURE),
    ("resonare-similarity", PURE),
    (
        "resonare-parquet-rows",
        &[
            "tokio",
            "axum",
            "hyper",
            "aws-",
            "ureq",
            "tokenizers",
            "resonare-jobs",
        ],
    ),
    (
        "resonare-report",
        &[
            "tokio",
            "axum",
            "hyper",
            "aws-",
            "ureq",
            "tokenizers",
            "tiktoken-rs",
            "resonare-jobs",
            "resonare-settings",
        ],
    ),
    (
        "resonare-settings",
        &[
            "tokio",
            "axum",
            "hyper",
            "aws-",
            "ureq",
            "tokenizers",
            "tiktoken-rs",
        ],
    ),
    (
        "resonare-tokenizer",
        &["tokio", "axum", "hyper", "aws-", "resonare-jobs"],
    ),
    (
        "resonare-http",
        &[
            "lambda",
            "aws-",
            "ureq",
            "tokenizers",
            "tiktoken-rs",
            "rusqlite",
        ],
    ),
    (
        "resonare-jobs",
        &[
            "axum",
            "hyper",
            "aws-",
            "ureq",
            "tokenizers",
            "tiktoken-rs",
            "rusqlite",
        ],
    ),
    (
        "resonare-aws",
        &["axum", "lambda", "tokenizers", "tiktoken-rs", "rusqlite"],
    ),
    // Cold starts: these two count nothing.
    ("resonare-ingress", COUNTING),
    ("resonare-status", COUNTING),
    (
        "resonare-local",
        &["axum", "hyper", "aws-", "ureq", "tokenizers", "tiktoken-rs"],
    ),
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
                    .any(|beginning| name.starts_with(beginning))
            {
                bail!("{package} must not depend on {name}");
            }
        }
    }
    Ok(())
}
