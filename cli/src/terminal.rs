//! The terminal that is printed to.

use std::io::{IsTerminal as _, stdout};

/// The width that text is laid out for where nothing tells it.
const USUAL: usize = 80;
/// A narrower terminal wraps what is laid out for this.
const LEAST: usize = 40;

/// The columns that standard output has: what `COLUMNS` says, or else the terminal itself.
pub(crate) fn width() -> usize {
    let said = std::env::var("COLUMNS").ok();
    let said = said.and_then(|columns| columns.parse::<usize>().ok());
    let own = || terminal_size::terminal_size_of(stdout()).map(|(width, _)| width.0.into());
    let width = said.filter(|columns| *columns > 0).or_else(own);
    width.unwrap_or(USUAL).max(LEAST)
}

/// Whether somebody watches standard output.
pub(crate) fn is_watched() -> bool {
    stdout().is_terminal()
}
