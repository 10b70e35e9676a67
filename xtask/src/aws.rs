//! The AWS side: an emulator for the adapters' tests, and the template's own validators.

use std::path::PathBuf;
use std::process::Command;

use crate::process::{cargo, root, run};
use crate::python;

/// Installs the emulator and the validators.
///
/// # Errors
/// If Python is missing or a package can't be installed.
pub(crate) fn prepare() -> anyhow::Result<()> {
    python::environment("aws", "tests/aws/requirements.txt", &[])?;
    Ok(())
}

/// Deploys the application onto the emulator and drives it from outside.
///
/// # Errors
/// If a binary can't be built, or something does not work as it should.
pub(crate) fn run_flow() -> anyhow::Result<()> {
    run(cargo().args(["build", "--locked", "--workspace", "--bins"]))?;
    run(tool("python").arg("tests/aws/flow.py"))
}

fn tool(name: &str) -> Command {
    let path: PathBuf = root().join(".tools/aws/bin").join(name);
    let mut command = Command::new(path);
    command
        .current_dir(root())
        // Nothing is asked of AWS, but the tools want to know where they would ask.
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("SAM_CLI_TELEMETRY", "0");
    command
}

/// Checks `template.yaml` with each of its validators.
///
/// # Errors
/// If one finds something.
pub(crate) fn check_template() -> anyhow::Result<()> {
    run(tool("cfn-lint").arg("template.yaml"))?;
    run(tool("sam").args(["validate", "--lint"]))?;
    run(tool("checkov").args(["--file=template.yaml", "--config-file=.checkov.yaml"]))
}
