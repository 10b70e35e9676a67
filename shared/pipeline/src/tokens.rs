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

    /// The same, and the tokens of the line `{delimiter} {text}` of a message whose lines all have this delimiter,
    /// which is not empty. An override makes merged messages cheap, since they need not be counted again as a whole.
    fn count_line(&mut self, text: &str, delimiter: &str) -> TextTokens {
        let _ = delimiter;
        TextTokens::alone(self.count(text))
    }
}

/// What a text was counted to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextTokens {
    /// By itself.
    pub text: u32,
    /// As a line of a message, where a line has its own tokens whatever the others are.
    pub line: Option<LineTokens>,
}

impl TextTokens {
    /// Of a text whose line is not known to have its own.
    #[must_use]
    pub fn alone(text: u32) -> Self {
        Self { text, line: None }
    }
}

/// The tokens of a line of a message: those of all its lines add up to those of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineTokens {
    /// With the line feed after it, if another line follows.
    pub followed: u32,
    /// If it is the last.
    pub last: u32,
}

/// Counts a text, and its line if that has a delimiter, which is stripped.
pub(crate) fn count_text(
    counter: &mut impl TokenCounter,
    text: &str,
    delimiter: &str,
) -> TextTokens {
    if delimiter.is_empty() {
        TextTokens::alone(counter.count(text))
    } else {
        counter.count_line(text, delimiter)
    }
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
