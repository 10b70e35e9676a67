//! Why a command did not do what it was asked to, and the exit status that says so.

use std::io;
use std::process::ExitCode;

use resonare_settings::SettingsError;
use serde_json::{Value, json};

use crate::advice;
use crate::arguments::THE_COMMAND_LINE;
use crate::report;

/// The result of a command.
pub(crate) type Result<T> = std::result::Result<T, CommandError>;

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub(crate) enum CommandError {
    /// The command was used wrongly.
    WrongUsage {
        /// Why.
        message: String,
        /// What to do instead, a line each.
        help: Vec<String>,
    },
    /// The job failed.
    Failed {
        /// Why.
        message: String,
        /// What else helps, a line each; it may name people.
        details: Vec<String>,
    },
    /// What was checked has flaws, which have been said.
    Flawed,
    /// The user ended it.
    Interrupted {
        /// What goes on without the command, a line each.
        remains: Vec<String>,
    },
    /// Something that the command needs failed.
    Other(anyhow::Error),
    /// One of the others, of which JSON has been printed.
    Told(Box<CommandError>),
}

impl CommandError {
    /// Wrong usage, with nothing to add.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::WrongUsage {
            message: message.into(),
            help: Vec::new(),
        }
    }

    /// The user ended a command that leaves nothing.
    pub(crate) const INTERRUPTED: Self = Self::Interrupted {
        remains: Vec::new(),
    };

    /// What went wrong for a program to read; nothing where that has been said.
    pub(crate) fn to_json(&self) -> Option<Value> {
        let (message, details) = match self {
            Self::WrongUsage {
                message,
                help: details,
            }
            | Self::Failed { message, details } => (message.clone(), &**details),
            Self::Other(error) if is_broken_pipe(error) => return None,
            Self::Other(error) => (format!("{error:#}"), &[][..]),
            Self::Interrupted { remains } => ("interrupted".to_owned(), &**remains),
            Self::Flawed | Self::Told(_) => return None,
        };
        Some(json!({"error": message, "details": details}))
    }

    /// Says on standard error what went wrong, and gives the exit status for it.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            Self::WrongUsage { message, help } => {
                report::error(message, help);
                ExitCode::from(2)
            }
            Self::Failed { message, details } => {
                report::error(message, details);
                ExitCode::from(1)
            }
            Self::Flawed => ExitCode::from(1),
            Self::Told(error) => error.report(),
            Self::Interrupted { remains } => {
                if !remains.is_empty() {
                    report::error("interrupted", remains);
                }
                // As shells report a process that SIGINT ended.
                ExitCode::from(130)
            }
            // The reader of standard output has closed it; the outputs are in place by then.
            Self::Other(error) if is_broken_pipe(error) => ExitCode::SUCCESS,
            Self::Other(error) => {
                report::error(&format!("{error:#}"), &[]);
                ExitCode::from(1)
            }
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io_error = error.downcast_ref::<io::Error>();
    io_error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The result of a command; where a program asked, an error is printed for it as well.
///
/// # Errors
/// Those of the command.
pub(crate) fn as_json_too(as_json: bool, result: Result<()>) -> Result<()> {
    if as_json
        && let Err(error) = &result
        && let Some(value) = error.to_json()
    {
        report::json(&value)?;
    }
    result
}

impl From<anyhow::Error> for CommandError {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        Self::Other(error.into())
    }
}

impl From<SettingsError> for CommandError {
    fn from(error: SettingsError) -> Self {
        let text = error.to_string();
        // What a file or a variable sets is called there as the key is.
        if error.is_about(THE_COMMAND_LINE) {
            Self::usage(advice::with_options(&text))
        } else {
            Self::usage(text)
        }
    }
}
