//! What can be wrong with a template, and with rendering one.

use std::error::Error as _;

use minijinja::ErrorKind;

/// Why a model's files give no usable chat template.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// A configuration file is not the JSON it should be.
    #[error("failed to read `{file}`")]
    Configuration {
        /// Which file.
        file: &'static str,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The template is larger than any real one.
    #[error("the chat template has {size_bytes} bytes, more than the limit of {limit_bytes}")]
    TooLong {
        /// Its size.
        size_bytes: usize,
        /// The largest size that is accepted.
        limit_bytes: usize,
    },
    /// The template is not valid Jinja, or nested too deeply.
    #[error("the chat template has an error in line {line}: {problem}")]
    Syntax {
        /// The line of the template, from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
}

/// Why messages were not rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The template refused the messages, with `raise_exception`.
    #[error("the chat template refuses the messages: {0}")]
    Refused(String),
    /// The template does something that is not possible with these messages.
    #[error("the chat template failed in line {line}: {problem}")]
    Failed {
        /// The line of the template, from 1.
        line: usize,
        /// What failed there.
        problem: String,
    },
    /// The rendered text grew beyond the limit.
    #[error("the chat template wrote more than {limit_bytes} bytes")]
    TooLarge {
        /// The largest text that is accepted.
        limit_bytes: usize,
    },
    /// The template took more steps, or more memory, than any real one needs.
    #[error("the chat template took too many steps")]
    TooSlow,
    /// The template took more time than any number of steps should: on another machine it might not.
    #[error("the chat template took too long")]
    TimedOut,
}

/// What `raise_exception` was called with, carried through the engine's errors.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refusal(pub(crate) String);

/// A rendering went on for too long, whatever it did.
#[derive(Debug, thiserror::Error)]
#[error("the deadline has passed")]
pub(crate) struct DeadlinePassed;

impl From<minijinja::Error> for TemplateError {
    fn from(error: minijinja::Error) -> Self {
        Self::Syntax {
            line: error.line().unwrap_or(1),
            problem: words(&error),
        }
    }
}

impl From<minijinja::Error> for RenderError {
    fn from(error: minijinja::Error) -> Self {
        let mut cause = error.source();
        while let Some(inner) = cause {
            if let Some(Refusal(words)) = inner.downcast_ref() {
                return Self::Refused(words.clone());
            }
            if inner.is::<DeadlinePassed>() {
                return Self::TimedOut;
            }
            cause = inner.source();
        }
        if error.kind() == ErrorKind::OutOfFuel {
            return Self::TooSlow;
        }
        Self::Failed {
            line: error.line().unwrap_or(1),
            problem: words(&error),
        }
    }
}

fn words(error: &minijinja::Error) -> String {
    match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    }
}
