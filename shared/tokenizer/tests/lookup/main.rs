//! The look-up against a model hub on loopback.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected has failed"
)]

mod support;
mod templates;
mod tokenizers;
