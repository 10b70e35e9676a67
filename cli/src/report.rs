//! What is printed.

mod example;
mod inspection;
mod parts;
mod summary;
mod tables;

use std::io::{self, Write as _};

use serde_json::Value;

use crate::terminal;
use crate::text::one_line;

pub(crate) use example::Example;
pub(crate) use inspection::InspectionReport;
pub(crate) use parts::Next;
pub(crate) use summary::{Detail, RunReport};

/// Prints on standard error what went wrong, and further help, a line each.
pub(crate) fn error(text: &str, details: &[String]) {
    say("error", text, details);
}

/// Prints a warning on standard error.
fn warning(text: &str) {
    say("warning", text, &[]);
}

fn say(label: &str, text: &str, details: &[String]) {
    let mut out = io::stderr().lock();
    let written = writeln!(out, "{label}: {}", one_line(text)).and_then(|()| {
        details
            .iter()
            .try_for_each(|line| writeln!(out, "{}", one_line(line)))
    });
    if written.is_err() {
        // Standard error is gone: there is no one left to tell, and the exit status says it too.
    }
}

pub(crate) fn json(value: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)
}

/// Prints how a run ended. What is said in few words is for programs, and what it warns of for people.
pub(crate) fn of_run(run: &RunReport<'_>, detail: Detail) -> io::Result<()> {
    if detail == Detail::Quiet {
        run.warnings.iter().for_each(|text| warning(text));
    }
    lines(&run.lines(detail, terminal::width()))
}

/// Prints lines, each of them ended.
pub(crate) fn lines(lines: &str) -> io::Result<()> {
    io::stdout().lock().write_all(lines.as_bytes())
}
