//! `resonare man`: the manual, a page for the program and one for each command.

use std::io::{self, Write as _};

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use crate::arguments::{Arguments, ManArguments};
use crate::error::{CommandError, Result};

pub(crate) fn run(arguments: &ManArguments) -> Result<()> {
    let mut program = Arguments::command().disable_help_subcommand(true);
    // Gives each command the name of its page.
    program.build();
    let command = match &arguments.command {
        Some(name) => page_of(&program, name)?,
        None => program,
    };
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(io::stdout().write_all(&page)?)
}

fn page_of(program: &Command, name: &str) -> Result<Command> {
    program.find_subcommand(name).cloned().ok_or_else(|| {
        let names: Vec<_> = program.get_subcommands().map(Command::get_name).collect();
        CommandError::usage(format!(
            "there is no command {name:?}; expected one of {}",
            names.join(", ")
        ))
    })
}
