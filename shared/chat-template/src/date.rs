//! The one date that every template sees as today's.

use jiff::civil::{DateTime, date};
use jiff::fmt::strtime;
use minijinja::{Error, ErrorKind, State};

// The date that Llama's templates write where they know no clock. Templates ask for today's date, and
// the same input is to give the same text tomorrow.
const TODAY: DateTime = date(2024, 7, 26).at(0, 0, 0, 0);

/// `strftime_now(format)`, with the clock stopped.
pub(crate) fn strftime_now(state: &State, format: &str) -> Result<String, Error> {
    state.consume_fuel(format.len() as u64)?;
    strtime::format(format, TODAY).map_err(|error| {
        Error::new(ErrorKind::InvalidOperation, "failed to format a date").with_source(error)
    })
}
