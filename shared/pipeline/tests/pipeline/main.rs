//! The pipeline from outside: exports in, blocks and statistics out.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected has failed"
)]

mod properties;
mod remedies;
mod rules;
mod segments;
mod splitting;
mod support;
