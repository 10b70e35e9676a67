//! What is printed.

mod example;
mod inspection;
mod parts;
mod summary;
mod tables;

use std::io::{self, IsTerminal as _, Write as _};

use serde_json::Value;

use crate::terminal;
use crate::text::{self, one_line};

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

fn say(label: &str, message: &str, details: &[String]) {
    // Elsewhere a line is for programs, which find it whole.
    let width = io::stderr().is_terminal().then(terminal::width);
    let fitted = |line: &str| {
        let line = one_line(line);
        match width {
            Some(width) if text::width(&line) > width => text::wrapped(&line, "  ", width),
            _ => line,
        }
    };
    let mut out = io::stderr().lock();
    let first = fitted(&format!("{label}: {message}"));
    let written = writeln!(out, "{first}").and_then(|()| {
        details
            .iter()
            .try_for_each(|line| writeln!(out, "{}", fitted(line)))
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
