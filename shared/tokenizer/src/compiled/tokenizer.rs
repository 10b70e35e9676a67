//! A compiled tokenizer, and counting with it.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use unicode_normalization_alignments::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

use super::compile::compile;
use super::tables::Tables;
use crate::added_tokens::{AddedTokens, Part};
use crate::bytepair::cache::PieceCache;
use crate::bytepair::pair_merger::PairMerger;
use crate::bytepair::pair_table::PairTable;
use crate::bytepair::vocabulary::Vocabulary;
use crate::huggingface::HuggingFace;

/// A tokenizer of a covered family, in tables.
pub(crate) struct CompiledTokenizer {
    tables: Tables,
    /// What it was compiled from, for the texts that the reference has to count.
    json: Arc<Vec<u8>>,
    reference: OnceLock<Result<Arc<HuggingFace>, String>>,
}

impl CompiledTokenizer {
    /// Compiles a tokenizer; `None` if it is of a kind that is not covered.
    pub(crate) fn compile(json: &Arc<Vec<u8>>, fingerprint: &str) -> Option<Self> {
        let compiled = compile(json, fingerprint)?;
        Self::load(compiled, json, fingerprint)
    }

    /// Takes what [`Self::compiled`] gave; `None` if it is damaged, or of another tokenizer.
    pub(crate) fn load(compiled: Vec<u8>, json: &Arc<Vec<u8>>, fingerprint: &str) -> Option<Self> {
        Some(Self {
            tables: Tables::load(compiled, fingerprint)?,
            json: Arc::clone(json),
            reference: OnceLock::new(),
        })
    }

    /// The tables, to be kept.
    pub(crate) fn compiled(&self) -> &[u8] {
        self.tables.bytes()
    }

    /// Whether texts are brought into normal form C first.
    pub(crate) fn normalizes(&self) -> bool {
        self.tables.normalizes()
    }

    /// What it was compiled from.
    pub(crate) fn json(&self) -> &[u8] {
        &self.json
    }

    /// The reference implementation of it.
    pub(crate) fn reference(&self) -> Result<&Arc<HuggingFace>, &String> {
        let parse = || {
            let parsed = HuggingFace::parse(&self.json);
            parsed.map(Arc::new).map_err(|error| error.to_string())
        };
        self.reference.get_or_init(parse).as_ref()
    }

    /// Why a text could not be counted, if one could not.
    pub(crate) fn failure(&self) -> Option<String> {
        match self.reference.get()? {
            Ok(reference) => reference.failure(),
            Err(error) => Some(error.clone()),
        }
    }
}

/// What counting remembers, for one tokenizer.
pub(crate) struct Memory {
    cache: PieceCache,
    merger: PairMerger,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            cache: PieceCache::new(),
            merger: PairMerger::default(),
        }
    }
}

/// Tokens that a text is split at, as the reference does it: some before it is normalized, some after.
#[derive(Debug)]
pub(crate) struct SplitTokens {
    pub(crate) before: AddedTokens,
    pub(crate) after: AddedTokens,
}

/// Counts with a compiled tokenizer, remembering the pieces that it met.
pub(crate) struct CompiledCounter<'t> {
    tokenizer: &'t CompiledTokenizer,
    words: Vocabulary<'t>,
    pairs: PairTable<'t>,
    memory: Memory,
}

impl<'t> CompiledCounter<'t> {
    pub(crate) fn new(tokenizer: &'t CompiledTokenizer) -> Self {
        Self::with_memory(tokenizer, Memory::default())
    }

    /// Counts with what an earlier counter of the same tokenizer remembers.
    pub(crate) fn with_memory(tokenizer: &'t CompiledTokenizer, memory: Memory) -> Self {
        Self {
            tokenizer,
            words: tokenizer.tables.words(),
            pairs: tokenizer.tables.pairs(),
            memory,
        }
    }

    pub(crate) fn into_memory(self) -> Memory {
        self.memory
    }

    pub(crate) fn count(&mut self, text: &str) -> u32 {
        let tables = &self.tokenizer.tables;
        if tables.has_added_token(text) {
            return self.by_reference(text);
        }
        match self.normalized(text) {
            Cow::Owned(normalized) if tables.has_added_token(&normalized) => {
                self.by_reference(text)
            }
            normalized => self.count_normalized(&normalized),
        }
    }

    /// Counts a text in which these tokens are recognized.
    pub(crate) fn count_recognizing(&mut self, tokens: &SplitTokens, text: &str) -> u32 {
        let mut count = 0;
        tokens.before.split(text, |part| match part {
            Part::Token => count += 1,
            Part::Text(text) => tokens.after.split(&self.normalized(text), |part| {
                count += match part {
                    Part::Token => 1,
                    Part::Text(text) => self.count_normalized(text),
                };
            }),
        });
        count
    }

    /// A text as the tables know it.
    fn normalized<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.tokenizer.normalizes()
            || text.is_ascii()
            || is_nfc_quick(text.chars()) == IsNormalized::Yes
        {
            return Cow::Borrowed(text);
        }
        Cow::Owned(normal_form(text))
    }

    fn by_reference(&self, text: &str) -> u32 {
        let reference = self.tokenizer.reference();
        reference.map_or(0, |reference| reference.count(text))
    }

    fn count_normalized(&mut self, text: &str) -> u32 {
        let Self {
            tokenizer,
            words,
            pairs,
            memory: Memory { cache, merger },
        } = self;
        let family = tokenizer.tables.family();
        family.count_pieces(text, |piece| {
            cache.get_or_insert(piece, || match words.rank(piece) {
                Some(_) => 1,
                None => merger.count(*pairs, piece),
            })
        })
    }
}

/// A text in normal form C, as the reference makes it.
pub(crate) fn normal_form(text: &str) -> String {
    text.nfc().map(|(character, _)| character).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::compiled::families::{DEEP_SEEK, LLAMA_3, QWEN_2};
    use crate::differential;
    use crate::published::{families, published};

    fn compiled(json: &[u8]) -> CompiledTokenizer {
        CompiledTokenizer::compile(&Arc::new(json.to_vec()), &"0".repeat(64))
            .expect("the family is covered")
    }

    #[test]
    fn counts_of_a_small_tokenizer_are_those_of_the_reference() {
        for (patterns, normalizer) in [
            (&[LLAMA_3][..], Value::Null),
            (&[QWEN_2], json!({"type": "NFC"})),
            (&DEEP_SEEK, json!({"type": "Sequence", "normalizers": []})),
        ] {
            let json = differential::small_tokenizer(patterns, normalizer);
            let json = serde_json::to_vec(&json).unwrap();
            let (compiled, reference) = (compiled(&json), HuggingFace::parse(&json).unwrap());
            let mut counter = CompiledCounter::new(&compiled);
            let spoken = [
                "hello world",
                "HELLO!! 1212",
                "hellohello  wor",
                "<think>hello",
                "héllo he\u{301}llo",
            ];
            let texts = spoken
                .map(str::to_owned)
                .into_iter()
                .chain(differential::texts());
            for text in texts.take(9000) {
                assert_eq!(counter.count(&text), reference.count(&text), "{text:?}");
            }
            assert_eq!((compiled.failure(), reference.failure()), (None, None));
        }
    }

    #[test]
    fn counts_are_those_of_the_reference() {
        for (name, json) in families() {
            let (compiled, reference) = (compiled(&json), HuggingFace::parse(&json).unwrap());
            let mut counter = CompiledCounter::new(&compiled);
            for text in differential::texts() {
                assert_eq!(
                    counter.count(&text),
                    reference.count(&text),
                    "{name} {text:?}"
                );
            }
            assert_eq!((compiled.failure(), reference.failure()), (None, None));
        }
    }

    #[test]
    fn every_character_counts_as_in_the_reference() {
        for (name, json) in families() {
            let (compiled, reference) = (compiled(&json), HuggingFace::parse(&json).unwrap());
            let mut counter = CompiledCounter::new(&compiled);
            let mut text = String::new();
            for character in '\0'..=char::MAX {
                // Between letters, the class of the character decides where the pieces end.
                text.extend(['a', character, 'B', character, ' ']);
                if text.len() > 2048 {
                    let expected = reference.count(&text);
                    assert_eq!(
                        counter.count(&text),
                        expected,
                        "{name} before {character:?}"
                    );
                    text.clear();
                }
            }
        }
    }

    #[test]
    fn both_ways_of_merging_agree_and_none_is_quadratic() {
        let [(_, json), ..] = families();
        let (compiled, reference) = (compiled(&json), HuggingFace::parse(&json).unwrap());
        let mut counter = CompiledCounter::new(&compiled);
        for unit in ["a", "ab", "lorem", "Ж", "字", " ", "!", "😂"] {
            for length in [1, 20, 63, 64, 65, 66, 200, 1000] {
                let text = unit.repeat(length);
                assert_eq!(
                    counter.count(&text),
                    reference.count(&text),
                    "{unit} {length}"
                );
            }
            assert!(counter.count(&unit.repeat(1_000_000)) > 0);
        }
    }

    #[test]
    fn what_is_not_covered_is_left_to_the_reference() {
        let refused = |change: &dyn Fn(&mut Value)| {
            let mut json = published();
            change(&mut json);
            let json = Arc::new(serde_json::to_vec(&json).unwrap());
            CompiledTokenizer::compile(&json, &"0".repeat(64)).is_none()
        };
        assert!(!refused(&|_| {}));
        assert!(refused(
            &|json| json["normalizer"] = json!({"type": "Lowercase"})
        ));
        assert!(refused(
            &|json| json["pre_tokenizer"]["pretokenizers"][0]["invert"] = json!(true)
        ));
        assert!(refused(
            &|json| json["pre_tokenizer"]["pretokenizers"][3]["use_regex"] = json!(true)
        ));
        assert!(refused(
            &|json| json["pre_tokenizer"] = json!({"type": "Whitespace"})
        ));
        assert!(refused(&|json| json["model"]["byte_fallback"] = json!(true)));
        assert!(refused(&|json| json["model"]["dropout"] = json!(0.1)));
        assert!(refused(&|json| json["model"]["type"] = json!("WordPiece")));
        // In no merge, but in texts.
        assert!(refused(
            &|json| json["model"]["vocab"]["a"] = json!((1 << 21) - 1)
        ));
        assert!(refused(&|json| {
            json["model"]["vocab"].as_object_mut().unwrap().remove("a");
        }));
    }

    #[test]
    fn damaged_and_stale_tables_are_not_taken() {
        let json = Arc::new(serde_json::to_vec(&published()).unwrap());
        let (own, other) = ("0".repeat(64), "1".repeat(64));
        let compiled = compiled(&json).compiled().to_vec();
        assert!(CompiledTokenizer::load(compiled.clone(), &json, &own).is_some());
        assert!(CompiledTokenizer::load(compiled.clone(), &json, &other).is_none());
        for at in [0, 20, 100, 5000, compiled.len() / 2, compiled.len() - 1] {
            let mut damaged = compiled.clone();
            damaged[at] ^= 1;
            assert!(
                CompiledTokenizer::load(damaged, &json, &own).is_none(),
                "{at}"
            );
            assert!(
                CompiledTokenizer::load(compiled[..at].to_vec(), &json, &own).is_none(),
                "{at}"
            );
        }
    }
}
