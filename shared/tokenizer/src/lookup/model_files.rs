//! The port for the files of models: what is kept for next time, and what a URL names.

use std::error::Error;

use super::model_id::ModelId;

/// The largest file of a model that is read, in bytes.
pub use crate::files::LARGEST_FILE;

/// A file that a model has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelFile {
    /// Its tokenizer, as the model hub has it. It is kept last: with it, the rest is there.
    Tokenizer,
    /// Where the tokenizer was fetched from, and its digest. A tokenizer that the user put there has none.
    Source,
    /// The compiled form of the tokenizer, which says itself what it was compiled from.
    CompiledTokenizer,
    /// Where the three files below were fetched from, and their digests. It is kept first: where a file that
    /// it names is missing, the others are fetched again. Files that the user put there have none.
    TemplateSource,
    /// Its chat template, where it has a file of its own.
    ChatTemplate,
    /// What goes with the tokenizer: special tokens and, where it has no file of its own, the chat template.
    TokenizerConfig,
    /// The special tokens of an older model.
    SpecialTokensMap,
}

impl ModelFile {
    /// All of them, in the order in which they are kept.
    pub const ALL: [Self; 7] = [
        Self::CompiledTokenizer,
        Self::Source,
        Self::Tokenizer,
        Self::TemplateSource,
        Self::ChatTemplate,
        Self::TokenizerConfig,
        Self::SpecialTokensMap,
    ];

    /// What it is called, beside the other files of its model.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tokenizer => "tokenizer.json",
            Self::Source => "source.json",
            Self::CompiledTokenizer => "tokenizer.json.compiled",
            Self::ChatTemplate => "chat_template.jinja",
            Self::TokenizerConfig => "tokenizer_config.json",
            Self::SpecialTokensMap => "special_tokens_map.json",
            Self::TemplateSource => "template_source.json",
        }
    }
}

/// Where the files of models are kept.
///
/// Calls block, so async code makes them from a thread that may be blocked. The test kit has a contract suite,
/// which every adapter runs.
pub trait ModelFiles: Send + Sync {
    /// The bytes of a file; `None` if it is not kept.
    ///
    /// # Errors
    /// [`FilesError::TooLarge`] for more than [`LARGEST_FILE`] bytes, [`FilesError::Unavailable`] if it can't
    /// be told now.
    fn read(&self, model: &ModelId, file: ModelFile) -> Result<Option<Vec<u8>>, FilesError>;

    /// Keeps a file, in the place of an earlier one. A reader meanwhile gets one of the two, whole.
    ///
    /// # Errors
    /// [`FilesError::Unavailable`] if it is not kept.
    fn keep(&self, model: &ModelId, file: ModelFile, bytes: &[u8]) -> Result<(), FilesError>;

    /// Where a file is or would be, for people.
    fn location(&self, model: &ModelId, file: ModelFile) -> String;
}

/// Reads tokenizers that a URL names outright, and what is beside them.
pub trait UrlReader: Send + Sync {
    /// The bytes that a URL names; `None` if there is nothing.
    ///
    /// # Errors
    /// [`FilesError::NotAUrl`] for one that can't be read here, and those of [`ModelFiles::read`].
    fn read(&self, url: &str) -> Result<Option<Vec<u8>>, FilesError>;
}

/// Whether a configured tokenizer is a URL, and not a path or an encoding.
pub(crate) fn is_url(tokenizer: &str) -> bool {
    tokenizer.contains("://")
}

/// Reads no URLs.
#[derive(Clone, Copy, Debug)]
pub struct NoUrls;

impl UrlReader for NoUrls {
    fn read(&self, url: &str) -> Result<Option<Vec<u8>>, FilesError> {
        Err(FilesError::NotAUrl(url.to_owned()))
    }
}

/// Why a file was not read or kept.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// It can't be used now; trying again may succeed.
    #[error("failed to use {location}")]
    Unavailable {
        /// The file.
        location: String,
        /// Why.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// It is too large for what it should be.
    #[error("{location} is larger than {} MiB, too large for a tokenizer", LARGEST_FILE >> 20)]
    TooLarge {
        /// The file.
        location: String,
    },
    /// A URL of a kind that is not read.
    #[error("{0} can't be read here; expected s3://bucket/key")]
    NotAUrl(String),
}
