//! Every check there is, in one command.

use std::process::Command;

use crate::process::{self, cargo, eprintln};
use crate::{aws, browser, circles, clients, deny, fuzz, imports, reference};

/// Runs them, the quick ones first.
///
/// # Errors
/// At the first that fails.
pub(crate) fn run() -> anyhow::Result<()> {
    process::run(cargo().args(["fmt", "--all", "--check"]))?;
    imports::check()?;
    circles::check()?;
    deny::check()?;
    let lints = [
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    process::run(cargo().args(lints))?;
    reference::prepare()?;
    aws::prepare()?;
    aws::check_template()?;
    let nextest = Command::new("cargo-nextest")
        .args(["nextest", "--version"])
        .output()
        .is_ok();
    if nextest {
        process::run(cargo().args(["nextest", "run", "--locked", "--workspace"]))?;
    } else {
        eprintln("cargo-nextest is not installed; cargo test does the same, more slowly");
        process::run(cargo().args(["test", "--locked", "--workspace", "--all-targets"]))?;
    }
    fuzz::smoke()?;
    clients::compare()?;
    browser::test(&browser::Options::default())?;
    aws::run_flow()?;
    process::run(cargo().args(["test", "--locked", "--workspace", "--doc"]))?;
    let documentation = [
        "doc",
        "--locked",
        "--workspace",
        "--no-deps",
        "--document-private-items",
    ];
    process::run(
        cargo()
            .args(documentation)
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}
