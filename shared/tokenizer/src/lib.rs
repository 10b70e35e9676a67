//! Counts tokens exactly as a model's own tokenizer does, and finds that tokenizer.
//!
//! [`ModelTokenizer`] is what the pipeline counts with: an OpenAI encoding from tables that are
//! compiled in, or whatever a Hugging Face `tokenizer.json` describes. [`Lookup`] finds the one that
//! belongs to a model: by name, in a folder, on the hub, or none, and then says so.

#[cfg(test)]
mod differential;
mod flat;
mod hub;
mod huggingface;
mod lookup;
mod model;
mod tiktoken;

pub use hub::{Hub, HubError};
pub use lookup::{Lookup, LookupError, is_model_id};
pub use model::{ModelCounter, ModelTokenizer, OpenAiEncoding, ParseError};
