//! The adapters keep the contracts of their ports, against a server over HTTP.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected has failed"
)]

mod contracts;
mod emulator;
