//! `resonare completions`: completion scripts for shells.

use std::io::{self, Write as _};

use clap::CommandFactory as _;

use crate::arguments::{Arguments, CompletionsArguments};
use crate::error::Result;

pub(crate) fn run(arguments: &CompletionsArguments) -> Result<()> {
    // Not straight to standard output, where `generate` would panic if the reader had closed the pipe.
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "resonare", &mut script);
    Ok(io::stdout().write_all(&script)?)
}
