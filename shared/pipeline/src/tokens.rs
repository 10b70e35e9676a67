//! Counting tokens: the port that tokenizers implement.

use serde::{Deserialize, Serialize};

/// A tokenizer, shared between threads.
pub trait Tokenizer: Sync {
    /// What one thread counts with.
    type Counter<'t>: TokenCounter
    where
        Self: 't;

    /// A counter for the calling thread.
    fn counter(&self) -> Self::Counter<'_>;

    /// Why a text could not be counted, if that has happened: then later counts are worthless, and the
    /// run fails with [`PipelineError::Tokenizer`](crate::PipelineError::Tokenizer).
    fn failure(&self) -> Option<String> {
        None
    }
}

/// Counts tokens, with whatever cache one thread needs for it.
pub trait TokenCounter: Send {
    /// The number of tokens of `text` alone: no special tokens are added, and text that looks like
    /// one is ordinary text.
    fn count(&mut self, text: &str) -> u32;
}

/// How the statistics describe the tokenizer that counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenizerInfo {
    /// `tiktoken` or `huggingface`.
    pub kind: String,
    /// The encoding's name, the file's path, or the model and revision on the hub.
    pub source: String,
    /// SHA-256 of the vocabulary, in hexadecimal.
    pub fingerprint: String,
    /// Why it is not the model's own tokenizer, if it is a fallback.
    pub fallback_reason: Option<String>,
    /// What did the counting: compiled tables (`compiled`) or the reference implementation
    /// (`reference`). The counts are the same.
    #[serde(default)]
    pub engine: String,
}
