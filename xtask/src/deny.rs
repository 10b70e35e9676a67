//! Licenses, sources and bans of the dependencies.

use std::process::Command;

use crate::process::{self, cargo, eprintln};

/// Checks them with cargo-deny, where it is installed: building it takes longer than the tests may.
///
/// # Errors
/// If it finds something.
pub(crate) fn check() -> anyhow::Result<()> {
    let is_installed = Command::new("cargo-deny").arg("--version").output().is_ok();
    if is_installed {
        process::run(cargo().args(["deny", "--offline", "check", "bans", "licenses", "sources"]))
    } else {
        eprintln("cargo-deny is not installed; licenses and sources are not checked here");
        Ok(())
    }
}
