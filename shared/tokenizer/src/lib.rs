//! Counts tokens exactly as a model's own tokenizer does, and finds that tokenizer.
//!
//! [`ModelTokenizer`] is what the pipeline counts with: an OpenAI encoding from tables that are
//! compiled in, or whatever a Hugging Face `tokenizer.json` describes. [`Lookup`] finds the one that
//! belongs to a model: by name, among the files that are kept ([`ModelFiles`]), on the hub, or none, and then
//! says so. [`Lookup::find_with_template`] finds the model's chat template besides: a [`ModelTemplate`] renders
//! chats and counts them with the model's special tokens recognized, or [`NoTemplate`] says why there is none.
//! [`TokenizerCache`] keeps a few of both in memory for a service.

mod added_tokens;
mod bytepair;
mod compiled;
#[cfg(test)]
mod differential;
mod files;
mod huggingface;
mod lookup;
mod model;
mod openai;
#[cfg(test)]
mod published;
mod recognizing;
mod template;
#[cfg(feature = "testkit")]
pub mod testkit;
mod tokenizer_cache;

pub use lookup::error::LookupError;
pub use lookup::folder::FolderModelFiles;
pub use lookup::found::FoundTokenizer;
pub use lookup::hub::{Hub, HubError};
pub use lookup::model_files::{FilesError, LARGEST_FILE, ModelFile, ModelFiles, NoUrls, UrlReader};
pub use lookup::model_id::{ModelId, NotAModelId};
pub use lookup::template::{TemplateAnswer, TokenizerWithTemplate};
pub use lookup::template_files::NoTemplate;
pub use lookup::{Lookup, WantedTokenizer};
pub use model::{ModelCounter, ModelTokenizer, ParseError};
pub use openai::encoding::OpenAiEncoding;
pub use template::ModelTemplate;
pub use tokenizer_cache::TokenizerCache;
