//! Tokenizers of any kind from a Hugging Face `tokenizer.json`, by the reference implementation: the crate
//! `tokenizers`. It counts what is not compiled, and the tests hold what is compiled to it.

use std::sync::OnceLock;

use tokenizers::Tokenizer;

/// A tokenizer set up to count text and nothing else.
#[derive(Debug)]
pub(crate) struct HuggingFace {
    tokenizer: Tokenizer,
    failure: OnceLock<String>,
}

impl HuggingFace {
    pub(crate) fn parse(json: &[u8]) -> Result<Self, tokenizers::Error> {
        let mut tokenizer = Tokenizer::from_bytes(json)?;
        // A file may ask for both; then every count would be that of a whole window.
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None)?;
        // Text that looks like a special token is the ordinary text that it is.
        tokenizer.set_encode_special_tokens(true);
        Ok(Self {
            tokenizer,
            failure: OnceLock::new(),
        })
    }

    pub(crate) fn count(&self, text: &str) -> u32 {
        match self.tokenizer.encode_fast(text, false) {
            Ok(encoding) => u32::try_from(encoding.len()).unwrap_or(u32::MAX),
            Err(error) => {
                self.failure.get_or_init(|| error.to_string());
                0
            }
        }
    }

    /// Why a text could not be counted, if one could not.
    pub(crate) fn failure(&self) -> Option<String> {
        self.failure.get().cloned()
    }
}
