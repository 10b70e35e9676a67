//! Counting with the encodings, from tables that are compiled at build time.

use std::ops::Range;

use resonare_pipeline::TextTokens;

use crate::bytepair::cache::PieceCache;
use crate::bytepair::lines::{LineText, Pieces};
use crate::bytepair::rank_merger::RankMerger;
use crate::bytepair::splitting::Pattern;
use crate::bytepair::vocabulary::Vocabulary;
use crate::openai::encoding::OpenAiEncoding;

static O200K_BASE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/O200K_BASE"));
static CL100K_BASE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/CL100K_BASE"));
static P50K_BASE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/P50K_BASE"));
static R50K_BASE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/R50K_BASE"));

/// An encoding in tables: a pattern and a vocabulary.
#[derive(Clone, Copy)]
pub(crate) struct CompiledEncoding {
    pattern: Pattern,
    vocabulary: Vocabulary<'static>,
}

impl CompiledEncoding {
    pub(crate) fn new(encoding: OpenAiEncoding) -> Self {
        let (pattern, table) = match encoding {
            OpenAiEncoding::O200kBase => (Pattern::O200k, O200K_BASE),
            OpenAiEncoding::Cl100kBase => (Pattern::Cl100k, CL100K_BASE),
            OpenAiEncoding::P50kBase => (Pattern::Gpt2, P50K_BASE),
            OpenAiEncoding::R50kBase => (Pattern::Gpt2, R50K_BASE),
        };
        let vocabulary = Vocabulary::new(table).expect("the build script writes whole tables");
        Self {
            pattern,
            vocabulary,
        }
    }
}

/// Counts with an encoding, and remembers the pieces that it has seen.
pub(crate) struct EncodingCounter {
    encoding: CompiledEncoding,
    cache: PieceCache,
    merger: RankMerger,
    line: LineText,
}

impl EncodingCounter {
    pub(crate) fn new(encoding: CompiledEncoding) -> Self {
        Self {
            encoding,
            cache: PieceCache::new(),
            merger: RankMerger::default(),
            line: LineText::default(),
        }
    }

    pub(crate) fn count(&mut self, text: &str) -> u32 {
        let pattern = self.encoding.pattern;
        let bytes = text.as_bytes();
        let (mut tokens, mut start) = (0, 0);
        while start < bytes.len() {
            let end = pattern.piece_end(text, start);
            tokens += self.count_piece(&bytes[start..end]);
            start = end;
        }
        tokens
    }

    /// Counts a text, and the line that it is in a message.
    pub(crate) fn count_line(&mut self, text: &str, delimiter: &str) -> TextTokens {
        let mut line = std::mem::take(&mut self.line);
        line.fill(delimiter, text);
        let tokens = line.count(self);
        self.line = line;
        tokens
    }

    #[inline]
    fn count_piece(&mut self, piece: &[u8]) -> u32 {
        let Self {
            encoding: CompiledEncoding { vocabulary, .. },
            cache,
            merger,
            ..
        } = self;
        cache.get_or_insert(piece, || match vocabulary.rank(piece) {
            Some(_) => 1,
            None => merger.count(*vocabulary, piece),
        })
    }
}

impl Pieces for EncodingCounter {
    fn cuts_line_feeds(&self) -> bool {
        false
    }

    #[inline]
    fn end(&self, text: &str, at: usize, _: &mut usize) -> usize {
        self.encoding.pattern.piece_end(text, at)
    }

    #[inline]
    fn tokens(&mut self, text: &str, piece: Range<usize>) -> u32 {
        self.count_piece(&text.as_bytes()[piece])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tiktoken_rs::CoreBPE;

    use super::*;
    use crate::bytepair::rank_merger;
    use crate::differential;

    /// Text made of what the patterns tell apart.
    fn text() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            4 => "[a-zA-Z]{1,8}",
            2 => "[0-9]{1,5}",
            2 => "[ \t\u{a0}\u{3000}]{1,3}",
            1 => " {1,80}",
            2 => "[\r\n]{1,3}",
            3 => "[!-/:-@\\[-`{-~]{1,3}",
            2 => "'(s|S|ſ|t|T|re|RE|rE|ve|Ve|m|M|ll|LL|d|D|x)",
            2 => "\\p{Lu}{1,3}",
            2 => "\\p{Ll}{1,3}",
            2 => "\\p{Lt}|\\p{Lm}|\\p{Lo}{1,3}",
            2 => "\\p{M}{1,2}",
            2 => "\\p{N}{1,4}",
            1 => "\\PC{1,4}",
            1 => any::<char>().prop_map(String::from),
            1 => "[\u{1f468}\u{200d}\u{1f469}\u{fe0f}\u{2764}😂]{1,4}",
            1 => Just("<|endoftext|>".to_owned()),
            1 => Just("<|im_start|>".to_owned()),
        ];
        prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    fn pieces(pattern: Pattern, text: &str) -> Vec<&str> {
        let (mut pieces, mut start) = (Vec::new(), 0);
        while start < text.len() {
            let end = pattern.piece_end(text, start);
            pieces.push(&text[start..end]);
            start = end;
        }
        pieces
    }

    fn encodings() -> [(CompiledEncoding, &'static CoreBPE); 4] {
        OpenAiEncoding::ALL.map(|encoding| {
            let reference = match encoding {
                OpenAiEncoding::O200kBase => tiktoken_rs::o200k_base_singleton(),
                OpenAiEncoding::Cl100kBase => tiktoken_rs::cl100k_base_singleton(),
                OpenAiEncoding::P50kBase => tiktoken_rs::p50k_base_singleton(),
                OpenAiEncoding::R50kBase => tiktoken_rs::r50k_base_singleton(),
            };
            (CompiledEncoding::new(encoding), reference)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        #[test]
        fn each_encoding_counts_as_the_reference_does(text in text()) {
            for (encoding, reference) in encodings() {
                let counted = EncodingCounter::new(encoding).count(&text) as usize;
                let expected = reference.count_ordinary(&text);
                let pattern = encoding.pattern;
                prop_assert_eq!(counted, expected, "{:?} {:?} {:?}", pattern, text, pieces(pattern, &text));
            }
        }
    }

    #[test]
    fn counts_are_those_of_the_reference() {
        for (encoding, reference) in encodings() {
            let mut counter = EncodingCounter::new(encoding);
            for text in differential::texts() {
                let expected = reference.count_ordinary(&text);
                assert_eq!(counter.count(&text) as usize, expected, "{text:?}");
            }
        }
    }

    #[test]
    fn every_character_counts_as_in_the_reference() {
        for (encoding, reference) in encodings() {
            let mut counter = EncodingCounter::new(encoding);
            let mut text = String::new();
            for character in '\0'..=char::MAX {
                // Between letters, the class of the character decides where the pieces end.
                text.push('a');
                text.push(character);
                text.push('B');
                text.push(character);
                if text.len() > 4096 {
                    let expected = reference.count_ordinary(&text);
                    assert_eq!(
                        counter.count(&text) as usize,
                        expected,
                        "before {character:?}"
                    );
                    text.clear();
                }
            }
        }
    }

    #[test]
    fn long_runs_take_no_quadratic_time() {
        let mut counter = EncodingCounter::new(CompiledEncoding::new(OpenAiEncoding::O200kBase));
        for unit in ["a", " ", "!", "字", "aB"] {
            assert!(counter.count(&unit.repeat(1_000_000)) > 0);
        }
    }

    proptest! {
        #[test]
        fn both_ways_of_merging_agree(piece in "[a-d]{1,128}|[ab]{1,128}|(lorem|ipsum|dolor){1,20}") {
            let CompiledEncoding { vocabulary, .. } = CompiledEncoding::new(OpenAiEncoding::O200kBase);
            let piece = piece.as_bytes();
            let short = RankMerger::default().count_short(vocabulary, piece);
            prop_assert_eq!(short, rank_merger::count_long(vocabulary, piece));
        }
    }
}
