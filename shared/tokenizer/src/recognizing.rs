//! Counting texts in which a model's special tokens are recognized, as rendered chats are.

use std::sync::{Arc, Mutex, PoisonError};

use resonare_chat_template::AddedToken;
use tokenizers::AddedVocabulary;

use crate::added_tokens::SpecialTokens;
use crate::compiled::split_tokens::SplitTokens;
use crate::compiled::tokenizer::{CompiledCounter, CompiledTokenizer, Memory};
use crate::huggingface::HuggingFace;

/// Counts texts with tokens that are recognized wherever they stand, as many as `tokenizers` counts with
/// `encode(text, add_special_tokens=False)`. It is shared between threads.
pub(crate) enum RecognizingCounter {
    /// From tables.
    Compiled {
        tokenizer: Arc<CompiledTokenizer>,
        tokens: SplitTokens,
        /// One for each thread that has counted at the same time as others.
        memories: Mutex<Vec<Memory>>,
    },
    /// By the reference implementation.
    Reference {
        tokenizer: Arc<HuggingFace>,
        tokens: Box<AddedVocabulary>,
    },
}

impl RecognizingCounter {
    /// Counts from tables.
    pub(crate) fn compiled(tokenizer: &Arc<CompiledTokenizer>, tokens: &[AddedToken]) -> Self {
        Self::Compiled {
            tokens: SplitTokens::new(tokens, tokenizer.steps(), SpecialTokens::AreTokens),
            tokenizer: Arc::clone(tokenizer),
            memories: Mutex::default(),
        }
    }

    /// Counts with the reference implementation.
    pub(crate) fn reference(
        tokenizer: &Arc<HuggingFace>,
        tokens: &[AddedToken],
    ) -> Result<Self, tokenizers::Error> {
        Ok(Self::Reference {
            tokens: Box::new(tokenizer.recognizing(tokens)?),
            tokenizer: Arc::clone(tokenizer),
        })
    }

    /// The tokens of a text; why they can't be counted, if they can't.
    pub(crate) fn count(&self, text: &str) -> Result<u32, String> {
        match self {
            Self::Compiled {
                tokenizer,
                tokens,
                memories,
            } => {
                let memories = || memories.lock().unwrap_or_else(PoisonError::into_inner);
                let memory = memories().pop().unwrap_or_default();
                let mut counter = CompiledCounter::with_memory(tokenizer, memory);
                let count = counter.count_recognizing(tokens, text);
                memories().push(counter.into_memory());
                Ok(count)
            }
            Self::Reference { tokenizer, tokens } => tokenizer
                .count_recognizing(tokens, text)
                .map_err(|error| error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::differential;
    use crate::published::{families, published, sentence_pieces};

    /// Added tokens with every switch, and the file with them in it.
    fn with_tokens(file: &[u8], single_word: bool) -> (Vec<AddedToken>, Vec<u8>) {
        let mut file: Value = serde_json::from_slice(file).unwrap();
        let token = |text: &str, switches: [bool; 4]| {
            let [lstrip, rstrip, normalized, special] = switches;
            json!({"content": text, "single_word": single_word && lstrip, "lstrip": lstrip, "rstrip": rstrip,
                "normalized": normalized, "special": special})
        };
        let tokens = [
            token("<|im_end|>", [false, false, false, true]),
            token("<think>", [false, false, true, false]),
            token("<left>", [true, false, false, false]),
            token("<right>", [false, true, true, true]),
            token("<both>", [true, true, false, true]),
            token("e\u{301}word", [false, false, true, false]),
            token("é!", [false, true, false, true]),
            token("  ", [false, false, false, false]),
            token("<|im_end|><think>", [false, false, false, false]),
        ];
        let listed = file["added_tokens"].as_array_mut().unwrap();
        for mut token in tokens {
            token["id"] = json!(200_000 + listed.len());
            listed.push(token);
        }
        let tokens = serde_json::from_value(Value::Array(listed.clone())).unwrap();
        (tokens, serde_json::to_vec(&file).unwrap())
    }

    /// What the crate counts without any help of ours.
    fn encoded(json: &[u8]) -> impl Fn(&str) -> u32 {
        let mut tokenizer = tokenizers::Tokenizer::from_bytes(json).unwrap();
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).unwrap();
        move |text| u32::try_from(tokenizer.encode_fast(text, false).unwrap().len()).unwrap()
    }

    fn compiled(json: &[u8], tokens: &[AddedToken]) -> RecognizingCounter {
        let tokenizer = CompiledTokenizer::compile(json, &"0".repeat(64)).unwrap();
        RecognizingCounter::compiled(&Arc::new(tokenizer), tokens)
    }

    #[test]
    fn tables_and_the_reference_count_what_the_crate_encodes() {
        let families = families().into_iter();
        let families = families.filter(|(name, _)| ["qwen", "deepseek"].contains(name));
        let families = families.map(|(name, json)| (name.to_owned(), json));
        for (name, json) in families.chain(sentence_pieces().into_iter().take(5)) {
            let (tokens, json) = with_tokens(&json, false);
            let expected = encoded(&json);
            let by_tables = compiled(&json, &tokens);
            assert!(matches!(by_tables, RecognizingCounter::Compiled { .. }));
            let reference = Arc::new(HuggingFace::parse(&json).unwrap());
            // A configuration that repeats the tokens changes nothing.
            let by_reference = RecognizingCounter::reference(&reference, &tokens).unwrap();
            for text in differential::texts_with_tokens().step_by(8) {
                let expected = Ok(expected(&text));
                assert_eq!(by_tables.count(&text), expected, "{name} {text:?}");
                assert_eq!(by_reference.count(&text), expected, "{name} {text:?}");
            }
        }
    }

    #[test]
    fn tokens_that_are_single_words_are_left_alone_within_words() {
        let json = serde_json::to_vec(&published()).unwrap();
        let (tokens, json) = with_tokens(&json, true);
        let (counter, expected) = (compiled(&json, &tokens), encoded(&json));
        let texts = ["a<left>b", "a <left> b", "x<both>", "<both>", "!<both>é"].map(str::to_owned);
        let others = differential::texts_with_tokens().step_by(8);
        for text in texts.into_iter().chain(others) {
            assert_eq!(counter.count(&text), Ok(expected(&text)), "{text}");
        }
    }

    #[test]
    fn tokens_of_the_configuration_alone_are_recognized() {
        let json = serde_json::to_vec(&published()).unwrap();
        let new = AddedToken {
            text: "<|nowhere else|>".to_owned(),
            ..AddedToken::default()
        };
        let reference = Arc::new(HuggingFace::parse(&json).unwrap());
        let reference = RecognizingCounter::reference(&reference, std::slice::from_ref(&new));
        for counter in [compiled(&json, &[new]), reference.unwrap()] {
            assert_eq!(counter.count("<|nowhere else|>"), Ok(1));
        }
    }
}
