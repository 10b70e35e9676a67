//! The command `resonare`: Telegram exports to training blocks, on one machine.

mod advice;
mod arguments;
mod commands;
mod error;
mod inputs;
mod interruption;
mod report;
mod storage;
mod tokenizers;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::arguments::{Arguments, Command};
use crate::commands::{check, completions, inspect, man, prepare, serve, submit};
use crate::interruption::Interruption;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log(&arguments.command);
    let result = match &arguments.command {
        Command::Prepare(arguments) => prepare::run(arguments, &Interruption::listen()),
        Command::Inspect(arguments) => inspect::run(arguments, &Interruption::listen()),
        Command::Check(arguments) => check::run(arguments),
        Command::Serve(arguments) => serve::run(arguments),
        Command::Submit(arguments) => submit::run(arguments, &Interruption::listen()),
        Command::Completions(arguments) => completions::run(arguments),
        Command::Man(arguments) => man::run(arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

/// A service tells what it does, as JSON unless somebody watches; other commands only warn.
fn log(command: &Command) {
    let is_service = matches!(command, Command::Serve(_));
    // The error that follows says where the SDK looked for credentials.
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
