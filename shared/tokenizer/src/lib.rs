//! Counts tokens exactly as a model's own tokenizer does, and finds that tokenizer.
//!
//! [`ModelTokenizer`] is what the pipeline counts with: an OpenAI encoding from tables that are
//! compiled in, or whatever a Hugging Face `tokenizer.json` describes. [`Lookup`] finds the one that
//! belongs to a model: by name, among the files that are kept ([`ModelFiles`]), on the hub, or none, and then
//! says so. [`TokenizerCache`] keeps a few of them in memory for a service.

mod bytepair;
mod compiled;
#[cfg(test)]
mod differential;
mod files;
mod huggingface;
mod lookup;
mod model;
mod openai;
#[cfg(feature = "testkit")]
pub mod testkit;
mod tokenizer_cache;

pub use lookup::error::LookupError;
pub use lookup::folder::FolderModelFiles;
pub use lookup::found::FoundTokenizer;
pub use lookup::hub::{Hub, HubError};
pub use lookup::model_files::{FilesError, LARGEST_FILE, ModelFile, ModelFiles, NoUrls, UrlReader};
pub use lookup::model_id::{ModelId, NotAModelId};
pub use lookup::{Lookup, WantedTokenizer};
pub use model::{ModelCounter, ModelTokenizer, ParseError};
pub use openai::encoding::OpenAiEncoding;
pub use tokenizer_cache::TokenizerCache;
