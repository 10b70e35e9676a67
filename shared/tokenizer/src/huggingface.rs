//! Tokenizers of any kind from a Hugging Face `tokenizer.json`, by the reference implementation: the crate
//! `tokenizers`. It counts what is not compiled, and the tests hold what is compiled to it.

use std::sync::OnceLock;

use resonare_chat_template::AddedToken;
use serde_json::json;
use tokenizers::{AddedVocabulary, Model as _, OffsetType, PreTokenizer as _, Tokenizer};

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

    /// The part of its file that lists added tokens.
    pub(crate) fn json_with_added_tokens(&self) -> Vec<u8> {
        let file = json!({"added_tokens": self.tokenizer.get_added_vocabulary()});
        file.to_string().into_bytes()
    }

    /// The tokens to be recognized wherever they stand in a text: all that the file adds, and these.
    pub(crate) fn recognizing(
        &self,
        tokens: &[AddedToken],
    ) -> Result<AddedVocabulary, tokenizers::Error> {
        let mut vocabulary = self.tokenizer.get_added_vocabulary().clone();
        vocabulary.set_encode_special_tokens(false);
        let (model, normalizer) = (self.tokenizer.get_model(), self.tokenizer.get_normalizer());
        vocabulary.add_tokens(tokens.iter().map(added_token), model, normalizer)?;
        Ok(vocabulary)
    }

    /// Counts a text in which tokens are recognized, by the steps that `Tokenizer::encode` takes: it can't
    /// be told for one text which tokens to recognize, and a second tokenizer would take as much memory again.
    pub(crate) fn count_recognizing(
        &self,
        tokens: &AddedVocabulary,
        text: &str,
    ) -> Result<u32, tokenizers::Error> {
        let mut pieces = tokens.extract_and_normalize(self.tokenizer.get_normalizer(), text);
        if let Some(pre_tokenizer) = self.tokenizer.get_pre_tokenizer() {
            pre_tokenizer.pre_tokenize(&mut pieces)?;
        }
        let model = self.tokenizer.get_model();
        model.tokenize_in_pretokenized(&mut pieces, None)?;
        let encoding = pieces.into_encoding(None, 0, OffsetType::None)?;
        Ok(u32::try_from(encoding.len()).unwrap_or(u32::MAX))
    }

    /// Why a text could not be counted, if one could not.
    pub(crate) fn failure(&self) -> Option<String> {
        self.failure.get().cloned()
    }
}

fn added_token(token: &AddedToken) -> tokenizers::AddedToken {
    tokenizers::AddedToken {
        content: token.text.clone(),
        single_word: token.single_word,
        lstrip: token.lstrip,
        rstrip: token.rstrip,
        normalized: token.normalized,
        special: token.special,
    }
}
