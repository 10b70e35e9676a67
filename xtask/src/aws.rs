//! The AWS side: an emulator for the adapters' tests, the template's own validators, and the commands of an
//! operator, which are Python programs with AWS's library for it.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::Context as _;
use clap::{ArgGroup, Args, Subcommand};

use crate::process::{build_binaries, root, run};
use crate::python::{self, Requirements};

/// What an operator does with a stack, and what a developer measures.
#[derive(Subcommand)]
pub(crate) enum Task {
    /// Send dead letters back to the queue of jobs
    #[command(disable_help_flag = true)]
    Redrive(PassedArguments),
    /// Give the upload function again the S3 events that it could not take
    #[command(disable_help_flag = true)]
    ReplayUploads(PassedArguments),
    /// Remove a stack, and the bucket and the table that it retains
    #[command(disable_help_flag = true)]
    Purge(PassedArguments),
    /// Take the bucket and the table that a deleted stack retained into a new stack
    #[command(disable_help_flag = true)]
    Adopt(PassedArguments),
    /// Deploy the application, drive it from outside, and remove it
    Drive(Place),
    /// Count what a job costs in calls of AWS
    #[command(disable_help_flag = true)]
    Costs(PassedArguments),
    /// Measure the memory of the worker
    #[command(disable_help_flag = true)]
    Memory(PassedArguments),
}

/// Arguments for another program, which has a `--help` of its own.
#[derive(Args)]
pub(crate) struct PassedArguments {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Where the application is driven.
#[derive(Args)]
#[command(group = ArgGroup::new("place").required(true).args(["profile", "emulator"]))]
pub(crate) struct Place {
    /// On an account of AWS, with this profile's credentials
    #[arg(long)]
    profile: Option<OsString>,
    /// The account's region (default: the profile's)
    #[arg(long, requires = "profile")]
    region: Option<OsString>,
    /// On an emulator, on this machine
    #[arg(long)]
    emulator: bool,
}

/// Does one of the tasks.
///
/// # Errors
/// If Python is missing or a package can't be installed, or the program fails.
pub(crate) fn run_task(task: &Task) -> anyhow::Result<()> {
    prepare()?;
    match task {
        Task::Redrive(passed) => hand_over(&["-m", "operations.redrive"], passed),
        Task::ReplayUploads(passed) => hand_over(&["-m", "operations.replay_uploads"], passed),
        Task::Purge(passed) => hand_over(&["-m", "operations.purge"], passed),
        Task::Adopt(passed) => hand_over(&["-m", "operations.adopt"], passed),
        Task::Drive(place) => drive(place),
        Task::Costs(passed) => hand_over(&["tests/aws/costs.py"], passed),
        Task::Memory(passed) => hand_over(&["tests/aws/memory.py"], passed),
    }
}

/// Becomes the program, which says itself what went wrong.
fn hand_over(program: &[&str], passed: &PassedArguments) -> anyhow::Result<()> {
    let error = tool("python").args(program).args(&passed.arguments).exec();
    Err(error).context("failed to start Python")
}

fn drive(place: &Place) -> anyhow::Result<()> {
    let Some(profile) = &place.profile else {
        return run_flow();
    };
    build_binaries()?;
    run(tool("sam").arg("build"))?;
    let mut flow = tool("python");
    flow.arg("tests/aws/flow.py").arg("--profile").arg(profile);
    if let Some(region) = &place.region {
        flow.arg("--region").arg(region);
    }
    run(&mut flow)
}

/// Installs the emulator, the validators and AWS's library for Python.
///
/// # Errors
/// If Python is missing or a package can't be installed.
pub(crate) fn prepare() -> anyhow::Result<()> {
    let requirements = Requirements {
        file: "tests/aws/requirements.txt",
        options: &[],
    };
    python::environment("aws", &[requirements])?;
    Ok(())
}

/// Deploys the application onto the emulator and drives it from outside.
///
/// # Errors
/// If a binary can't be built, or something does not work as it should.
pub(crate) fn run_flow() -> anyhow::Result<()> {
    build_binaries()?;
    run(tool("python").arg("tests/aws/flow.py"))
}

fn tool(name: &str) -> Command {
    let mut command = Command::new(root().join(".tools/aws/bin").join(name));
    command.current_dir(root()).env("SAM_CLI_TELEMETRY", "0");
    command
}

/// Checks `template.yaml` with each of its validators.
///
/// # Errors
/// If one finds something.
pub(crate) fn check_template() -> anyhow::Result<()> {
    // Nothing is asked of AWS, but the validators want to know where they would ask.
    let validator = |name| {
        let mut command = tool(name);
        command.env("AWS_DEFAULT_REGION", "us-east-1");
        command
    };
    run(validator("cfn-lint").arg("template.yaml"))?;
    run(validator("sam").args(["validate", "--lint"]))?;
    run(validator("checkov").args(["--file=template.yaml", "--config-file=.checkov.yaml"]))?;
    run(validator("python").arg("tests/aws/template.py"))
}
