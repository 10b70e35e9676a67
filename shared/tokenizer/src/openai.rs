//! OpenAI's encodings.
//!
//! What is counted is what the Python package `tiktoken` returns from `encode` with
//! `disallowed_special=()`: a pattern splits the text into pieces, and each piece is merged pair by pair
//! in the order of the vocabulary's ranks. [`encoding`] has the encodings by name and by model; [`counter`]
//! counts with them, from tables that are compiled at build time.

pub(crate) mod counter;
pub(crate) mod encoding;
