//! The command `resonare`: Telegram exports to training blocks, on one machine.

mod arguments;
mod inputs;
mod inspect;
mod outputs;
mod prepare;
mod report;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::arguments::{Arguments, Command};

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
    let cancelled = cancelled_by_signal();
    let result = match &arguments.command {
        Command::Prepare(arguments) => prepare::run(arguments, &cancelled),
        Command::Inspect(arguments) => inspect::run(arguments, &cancelled),
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

/// A flag that the first SIGINT or SIGTERM sets, so that nothing half-written is left; the second
/// ends the process at once.
fn cancelled_by_signal() -> Arc<AtomicBool> {
    let cancelled = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&cancelled);
    let installed = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
    if let Err(error) = installed {
        tracing::warn!("signals end the process at once: {error}");
    }
    cancelled
}
