//! The command `resonare`: Telegram exports to training blocks, on one machine.

mod arguments;
mod bucket;
mod hub;
mod inputs;
mod inspect;
mod interruption;
mod outputs;
mod prepare;
mod report;
mod s3;
mod serve;
mod submit;

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
    log(&arguments.command);
    let result = match &arguments.command {
        Command::Prepare(arguments) => prepare::run(arguments, &Interruption::listen()),
        Command::Inspect(arguments) => inspect::run(arguments, &Interruption::listen()),
        Command::Serve(arguments) => serve::run(arguments),
        Command::Submit(arguments) => submit::run(arguments, &Interruption::listen()),
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

/// A service tells what it does, as JSON unless somebody watches; other commands only warn.
fn log(command: &Command) {
    let is_service = matches!(command, Command::Serve(_));
    // Where the SDK looked for credentials in vain is in the error that follows.
    let default = if is_service {
        "info"
    } else {
        "warn,aws_config=error"
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let is_terminal = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(is_terminal)
        .with_target(false);
    match (is_service, is_terminal) {
        (true, false) => log.json().flatten_event(true).init(),
        (true, true) => log.init(),
        (false, _) => log.without_time().init(),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io_error = error.downcast_ref::<std::io::Error>();
    io_error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
