//! The command `resonare`: Telegram exports to training blocks, on one machine.

mod arguments;
mod inputs;
mod inspect;
mod interruption;
mod outputs;
mod prepare;
mod report;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::arguments::{Arguments, Command};
use crate::interruption::Interruption;

/// How a command ends.
pub(crate) enum Outcome {
    Done,
    /// The job failed, and has said why.
    Failed,
    /// What was asked for makes no sense.
    WrongUsage,
    /// The user ended it.
    Interrupted,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Done => 0,
            Outcome::Failed => 1,
            Outcome::WrongUsage => 2,
            // As shells report a process that SIGINT ended.
            Outcome::Interrupted => 130,
        })
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .init();
    let interruption = Interruption::listen();
    let result = match &arguments.command {
        Command::Prepare(arguments) => prepare::run(arguments, &interruption),
        Command::Inspect(arguments) => inspect::run(arguments, &interruption),
    };
    match result {
        Ok(outcome) => outcome.into(),
        // Whoever read standard output has had enough; the outputs are in their place by then.
        Err(error) if is_broken_pipe(&error) => Outcome::Done.into(),
        Err(error) => {
            report::error(&format!("{error:#}"), &[]);
            Outcome::Failed.into()
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io_error = error.downcast_ref::<std::io::Error>();
    io_error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
