//! `resonare serve` and `resonare submit`, from outside.

#![expect(
    clippy::unwrap_used,
    clippy::format_push_string,
    reason = "a test that meets the unexpected has failed, and need not be fast"
)]

mod conversation;
mod health;
mod hostile;
mod kills;
mod load;
mod logs;
mod metrics;
mod operation;
mod predecessor;
mod submit;
mod support;
mod tokenizers;
