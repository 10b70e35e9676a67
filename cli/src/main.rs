//! The command `resonare`: Telegram exports to training blocks, on one machine.

mod advice;
mod arguments;
mod browser;
mod color;
mod commands;
mod error;
mod inputs;
mod interruption;
mod invocation;
mod log;
mod next;
mod processors;
mod progress;
mod report;
mod storage;
mod table;
mod terminal;
mod text;
mod tokenizers;
mod usage;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::arguments::{Arguments, Command};
use crate::color::Color;
use crate::commands::{check, completions, inspect, man, prepare, serve, submit};
use crate::interruption::Interruption;

fn main() -> ExitCode {
    let arguments = arguments();
    arguments.color.apply();
    match &arguments.command {
        Command::Serve(arguments) => log::start_for_service(arguments.log_format),
        _ => log::start_for_command(),
    }
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

/// Reads the command line, or ends with what is wrong about it.
fn arguments() -> Arguments {
    let given = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    let given: Vec<_> = given.collect();
    let color = Color::of_arguments(given.iter().cloned());
    let command = Arguments::command().color(color.of_help());
    let matches = command.try_get_matches();
    let arguments = matches.and_then(|matches| Arguments::from_arg_matches(&matches));
    arguments.unwrap_or_else(|error| usage::end(error, &given))
}
