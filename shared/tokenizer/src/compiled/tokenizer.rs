//! A compiled tokenizer, and counting with it.

use std::borrow::Cow;
use std::ops::Range;

use resonare_chat_template::AddedToken;
use resonare_pipeline::TextTokens;
use serde::Deserialize;

use super::compile::compile;
use super::families::Splitting;
use super::split_tokens::SplitTokens;
use super::steps::Steps;
use super::tables::Tables;
use crate::added_tokens::{Part, SpecialTokens};
use crate::bytepair::cache::PieceCache;
use crate::bytepair::characters::CharacterTokens;
use crate::bytepair::joins::Joins;
use crate::bytepair::lines::{LineText, Pieces};
use crate::bytepair::pair_merger::PairMerger;
use crate::bytepair::pair_table::PairTable;
use crate::bytepair::vocabulary::Vocabulary;

/// A tokenizer of a covered family, in tables.
pub(crate) struct CompiledTokenizer {
    tables: Tables,
    /// Those that a text is split at, all but the special ones.
    tokens: SplitTokens,
}

impl CompiledTokenizer {
    /// Compiles a tokenizer; `None` if it is of a kind that is not covered.
    pub(crate) fn compile(json: &[u8], fingerprint: &str) -> Option<Self> {
        Self::load(compile(json, fingerprint)?)
    }

    /// Takes what [`Self::compiled`] gave; `None` if it is damaged.
    pub(crate) fn load(compiled: Vec<u8>) -> Option<Self> {
        #[derive(Deserialize)]
        struct List {
            added_tokens: Vec<AddedToken>,
        }
        let tables = Tables::load(compiled)?;
        let list: List = serde_json::from_slice(tables.added()).ok()?;
        Some(Self {
            tokens: SplitTokens::new(&list.added_tokens, tables.steps(), SpecialTokens::AreText),
            tables,
        })
    }

    /// The SHA-256 of the `tokenizer.json` that it was compiled from, in hexadecimal.
    pub(crate) fn fingerprint(&self) -> &[u8] {
        self.tables.fingerprint()
    }

    /// The tables, to be kept.
    pub(crate) fn compiled(&self) -> &[u8] {
        self.tables.bytes()
    }

    /// What happens to a text before it is merged.
    pub(crate) fn steps(&self) -> Steps {
        self.tables.steps()
    }

    /// A `tokenizer.json` with the tokens that this one adds, if with nothing else.
    pub(crate) fn json_with_added_tokens(&self) -> &[u8] {
        self.tables.added()
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

/// Counts with a compiled tokenizer, remembering the pieces that it met.
pub(crate) struct CompiledCounter<'t> {
    tokenizer: &'t CompiledTokenizer,
    words: Vocabulary<'t>,
    pairs: PairTable<'t>,
    /// If no pattern splits texts.
    whole: Option<(Joins<'t>, CharacterTokens<'t>)>,
    memory: Memory,
    line: LineText,
}

impl<'t> CompiledCounter<'t> {
    pub(crate) fn new(tokenizer: &'t CompiledTokenizer) -> Self {
        Self::with_memory(tokenizer, Memory::default())
    }

    /// Counts with what an earlier counter of the same tokenizer remembers.
    pub(crate) fn with_memory(tokenizer: &'t CompiledTokenizer, memory: Memory) -> Self {
        let tables = &tokenizer.tables;
        Self {
            tokenizer,
            words: tables.words(),
            pairs: tables.pairs(),
            whole: tables.joins().zip(tables.characters()),
            memory,
            line: LineText::default(),
        }
    }

    pub(crate) fn into_memory(self) -> Memory {
        self.memory
    }

    #[inline]
    pub(crate) fn count(&mut self, text: &str) -> u32 {
        self.count_recognizing(&self.tokenizer.tokens, text)
    }

    /// Counts a text in which these tokens are recognized.
    #[inline]
    pub(crate) fn count_recognizing(&mut self, tokens: &SplitTokens, text: &str) -> u32 {
        let steps = self.tokenizer.steps();
        let (mut count, mut is_first) = (0, true);
        tokens.before.split(text, |part| match part {
            Part::Token => (count, is_first) = (count + 1, false),
            Part::Text(text) => tokens.after.split(&steps.normalized(text), |part| {
                count += match part {
                    Part::Token => 1,
                    Part::Text(text) => {
                        self.count_part(&steps.spaces.pre_tokenized(text, is_first))
                    }
                };
                is_first = false;
            }),
        });
        count
    }

    /// Counts a text, and the line that it is in a message if no step but the splitting changes it there.
    pub(crate) fn count_line(&mut self, text: &str, delimiter: &str) -> TextTokens {
        let begins_texts = self.tokenizer.steps().spaces.begin_texts();
        if begins_texts || self.tokenizer.tokens.cross_edges {
            return TextTokens::alone(self.count(text));
        }
        let mut line = std::mem::take(&mut self.line);
        line.fill(delimiter, text);
        // A line feed that is a token keeps what follows apart.
        let searched = if self.tokenizer.tokens.cuts_line_feeds {
            line.before_line_feed()
        } else {
            line.whole()
        };
        let tokens = if self.is_only_split(searched) {
            self.count_split_line(&mut line)
        } else {
            TextTokens::alone(self.count(text))
        };
        self.line = line;
        tokens
    }

    /// Whether a text has no added token, and is split as it is.
    fn is_only_split(&self, text: &str) -> bool {
        let steps = self.tokenizer.steps();
        let SplitTokens { before, after, .. } = &self.tokenizer.tokens;
        let mut has_token = false;
        let mut look = |part| has_token |= part == Part::Token;
        before.split(text, &mut look);
        after.split(text, look);
        !has_token
            && matches!(steps.normalized(text), Cow::Borrowed(_))
            && matches!(steps.spaces.pre_tokenized(text, true), Cow::Borrowed(_))
    }

    fn count_split_line(&mut self, line: &mut LineText) -> TextTokens {
        let splitting = self.tokenizer.tables.steps().family.splitting();
        match (splitting, self.whole) {
            (Some(splitting), _) => line.count(&mut PiecesOfBytes {
                splitting,
                counter: self,
            }),
            (None, Some((joins, characters))) => line.count(&mut PiecesOfCharacters {
                joins,
                characters,
                counter: self,
            }),
            (None, None) => unreachable!("the tables were whole when they were loaded"),
        }
    }

    fn count_part(&mut self, text: &str) -> u32 {
        let splitting = self.tokenizer.tables.steps().family.splitting();
        match (splitting, self.whole) {
            (Some(splitting), _) => splitting.count_pieces(text, |piece| self.count_bytes(piece)),
            (None, Some((joins, characters))) => {
                joins.count_pieces(text, |piece| self.count_characters(characters, piece))
            }
            (None, None) => unreachable!("the tables were whole when they were loaded"),
        }
    }

    /// Counts a piece that is merged from its bytes.
    #[inline]
    fn count_bytes(&mut self, piece: &[u8]) -> u32 {
        let (words, pairs) = (self.words, self.pairs);
        let Memory { cache, merger } = &mut self.memory;
        cache.get_or_insert(piece, || match words.rank(piece) {
            Some(_) => 1,
            None => merger.count(pairs, piece.iter().map(|byte| pairs.byte_token(*byte))),
        })
    }

    /// Counts a piece that is merged from its characters.
    #[inline]
    fn count_characters(&mut self, characters: CharacterTokens<'t>, piece: &str) -> u32 {
        let (words, pairs, tokenizer) = (self.words, self.pairs, self.tokenizer);
        let Memory { cache, merger } = &mut self.memory;
        cache.get_or_insert(piece.as_bytes(), || {
            if words.rank(piece.as_bytes()).is_some() {
                return 1;
            }
            merger.count(
                pairs,
                characters.tokens(piece, tokenizer.tables.byte_tokens()),
            )
        })
    }
}

/// The pieces of a family that splits texts by a pattern.
struct PiecesOfBytes<'c, 't> {
    splitting: Splitting,
    counter: &'c mut CompiledCounter<'t>,
}

impl Pieces for PiecesOfBytes<'_, '_> {
    fn cuts_line_feeds(&self) -> bool {
        self.counter.tokenizer.tokens.cuts_line_feeds
    }

    #[inline]
    fn end(&self, text: &str, at: usize, segment_end: &mut usize) -> usize {
        self.splitting.piece_end(text, at, segment_end)
    }

    #[inline]
    fn tokens(&mut self, text: &str, piece: Range<usize>) -> u32 {
        self.counter.count_bytes(&text.as_bytes()[piece])
    }
}

/// What is cut where nothing joins.
struct PiecesOfCharacters<'c, 't> {
    joins: Joins<'t>,
    characters: CharacterTokens<'t>,
    counter: &'c mut CompiledCounter<'t>,
}

impl Pieces for PiecesOfCharacters<'_, '_> {
    fn cuts_line_feeds(&self) -> bool {
        self.counter.tokenizer.tokens.cuts_line_feeds
    }

    #[inline]
    fn end(&self, text: &str, at: usize, _: &mut usize) -> usize {
        self.joins.piece_end(text, at)
    }

    #[inline]
    fn tokens(&mut self, text: &str, piece: Range<usize>) -> u32 {
        let (characters, counter) = (self.characters, &mut *self.counter);
        let count = |part: &str| counter.count_characters(characters, part);
        self.joins.count_piece(&text[piece], count)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::compiled::families::{DEEP_SEEK, LLAMA_3, O200K, QWEN_2, TEKKEN};
    use crate::differential;
    use crate::huggingface::HuggingFace;
    use crate::published::{families, published, sentence_pieces};

    fn compiled(json: &[u8]) -> CompiledTokenizer {
        CompiledTokenizer::compile(json, &"0".repeat(64)).expect("the family is covered")
    }

    #[test]
    fn counts_of_a_small_tokenizer_are_those_of_the_reference() {
        for (patterns, normalizer) in [
            (&[LLAMA_3][..], Value::Null),
            (&[QWEN_2], json!({"type": "NFC"})),
            (&[O200K], Value::Null),
            (&[TEKKEN], Value::Null),
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
            assert_eq!(reference.failure(), None);
        }
    }

    fn agree(name: &str, json: &[u8], texts: impl Iterator<Item = String>) {
        let (compiled, reference) = (compiled(json), HuggingFace::parse(json).unwrap());
        let mut counter = CompiledCounter::new(&compiled);
        for text in texts {
            let expected = reference.count(&text);
            assert_eq!(counter.count(&text), expected, "{name} {text:?}");
        }
        assert_eq!(reference.failure(), None);
    }

    #[test]
    fn counts_are_those_of_the_reference() {
        for (name, json) in families() {
            agree(name, &json, differential::texts());
        }
    }

    #[test]
    fn counts_of_sentence_pieces_are_those_of_the_reference() {
        for (name, json) in sentence_pieces() {
            agree(&name, &json, differential::texts().step_by(3));
        }
    }

    /// Every character of the first plane, between letters: where pieces end there is decided by its class.
    /// The example `compare` has those of all planes.
    fn characters() -> impl Iterator<Item = String> {
        let mut characters = '\0'..='\u{ffff}';
        std::iter::from_fn(move || {
            let mut text = String::new();
            for character in characters.by_ref().take(300) {
                text.extend(['a', character, 'B', character, ' ']);
            }
            (!text.is_empty()).then_some(text)
        })
    }

    #[test]
    fn characters_count_as_in_the_reference() {
        for (name, json) in families() {
            agree(name, &json, characters());
        }
        for (name, json) in sentence_pieces().into_iter().take(2) {
            agree(&name, &json, characters());
        }
    }

    #[test]
    fn both_ways_of_merging_agree_and_none_is_quadratic() {
        let mut tokenizers = families();
        tokenizers.truncate(1);
        let sentence_pieces = sentence_pieces().into_iter().take(2);
        tokenizers.extend(sentence_pieces.map(|(_, json)| ("sentence pieces", json)));
        for (name, json) in tokenizers {
            let units = ["a", "ab", "lorem", "Ж", "字", " ", "!", "😂", "\u{378}"];
            let lengths = [1, 20, 63, 64, 65, 66, 200, 1000];
            let texts = units.map(|unit| lengths.map(|length| unit.repeat(length)));
            agree(name, &json, texts.into_iter().flatten());
            let compiled = compiled(&json);
            let mut counter = CompiledCounter::new(&compiled);
            for unit in units {
                assert!(counter.count(&unit.repeat(100_000)) > 0);
            }
        }
    }

    #[test]
    fn what_is_not_covered_is_left_to_the_reference() {
        let refused = |change: &dyn Fn(&mut Value)| {
            let mut json = published();
            change(&mut json);
            let json = serde_json::to_vec(&json).unwrap();
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
    fn damaged_tables_are_not_taken() {
        let json = serde_json::to_vec(&published()).unwrap();
        let compiled = compiled(&json).compiled().to_vec();
        assert!(CompiledTokenizer::load(compiled.clone()).is_some());
        for at in [0, 20, 100, 5000, compiled.len() / 2, compiled.len() - 1] {
            let mut damaged = compiled.clone();
            damaged[at] ^= 1;
            assert!(CompiledTokenizer::load(damaged).is_none(), "{at}");
            assert!(
                CompiledTokenizer::load(compiled[..at].to_vec()).is_none(),
                "{at}"
            );
        }
    }
}
