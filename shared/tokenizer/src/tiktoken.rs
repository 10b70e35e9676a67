//! The common OpenAI encodings, from tables compiled at build time.
//!
//! What it counts is what the Python package `tiktoken` returns from `encode` with
//! `disallowed_special=()`: a pattern splits the text into pieces, and each piece is merged pair by
//! pair in the order of the vocabulary's ranks.

pub(crate) mod cache;
mod class;
pub(crate) mod hash;
mod merge;
pub(crate) mod scan;
pub(crate) mod vocabulary;

use cache::PieceCache;
use merge::Merger;
use scan::Pattern;
use vocabulary::Vocabulary;

pub(crate) mod fingerprints {
    //! SHA-256 of the vocabularies as published.
    include!(concat!(env!("OUT_DIR"), "/fingerprints.rs"));
}

static O200K_BASE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/O200K_BASE"));
static CL100K_BASE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/CL100K_BASE"));

fn compiled(table: &'static [u8]) -> Vocabulary<'static> {
    Vocabulary::new(table).expect("the build script writes whole tables")
}

/// An encoding: a pattern and a vocabulary.
#[derive(Clone, Copy)]
pub(crate) struct Encoding {
    pattern: Pattern,
    vocabulary: Vocabulary<'static>,
}

impl Encoding {
    pub(crate) fn o200k_base() -> Self {
        Self {
            pattern: Pattern::O200k,
            vocabulary: compiled(O200K_BASE),
        }
    }

    pub(crate) fn cl100k_base() -> Self {
        Self {
            pattern: Pattern::Cl100k,
            vocabulary: compiled(CL100K_BASE),
        }
    }
}

/// Counts with an encoding, remembering the pieces it met.
pub(crate) struct EncodingCounter {
    encoding: Encoding,
    cache: PieceCache,
    merger: Merger,
}

impl EncodingCounter {
    pub(crate) fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            cache: PieceCache::new(),
            merger: Merger::default(),
        }
    }

    pub(crate) fn count(&mut self, text: &str) -> u32 {
        let Encoding {
            pattern,
            vocabulary,
        } = self.encoding;
        let bytes = text.as_bytes();
        let (mut tokens, mut start) = (0, 0);
        while start < bytes.len() {
            let end = pattern.piece_end(text, start);
            let piece = &bytes[start..end];
            tokens += self
                .cache
                .get_or_insert(piece, || match vocabulary.rank(piece) {
                    Some(_) => 1,
                    None => self.merger.count(vocabulary, piece),
                });
            start = end;
        }
        tokens
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tiktoken_rs::CoreBPE;

    use super::*;
    use crate::differential;

    /// Text made of what the patterns tell apart.
    fn text() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            4 => "[a-zA-Z]{1,8}",
            2 => "[0-9]{1,5}",
            2 => "[ \t\u{a0}\u{3000}]{1,3}",
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

    fn agree(encoding: Encoding, reference: &CoreBPE, text: &str) -> Result<(), TestCaseError> {
        let counted = EncodingCounter::new(encoding).count(text) as usize;
        let expected = reference.count_ordinary(text);
        prop_assert_eq!(
            counted,
            expected,
            "{:?} {:?}",
            text,
            pieces(encoding.pattern, text)
        );
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        #[test]
        fn o200k_base_counts_as_the_reference_does(text in text()) {
            agree(Encoding::o200k_base(), tiktoken_rs::o200k_base_singleton(), &text)?;
        }

        #[test]
        fn cl100k_base_counts_as_the_reference_does(text in text()) {
            agree(Encoding::cl100k_base(), tiktoken_rs::cl100k_base_singleton(), &text)?;
        }
    }

    fn encodings() -> [(Encoding, &'static CoreBPE); 2] {
        let (o200k_base, cl100k_base) = (Encoding::o200k_base(), Encoding::cl100k_base());
        [
            (o200k_base, tiktoken_rs::o200k_base_singleton()),
            (cl100k_base, tiktoken_rs::cl100k_base_singleton()),
        ]
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
        let mut counter = EncodingCounter::new(Encoding::o200k_base());
        for unit in ["a", " ", "!", "字", "aB"] {
            assert!(counter.count(&unit.repeat(1_000_000)) > 0);
        }
    }

    #[test]
    fn the_vocabularies_are_those_that_are_published() {
        // As pinned by the Python package in tiktoken_ext/openai_public.py.
        let o200k_base = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d";
        assert_eq!(fingerprints::O200K_BASE, o200k_base);
        let cl100k_base = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7";
        assert_eq!(fingerprints::CL100K_BASE, cl100k_base);
    }
}
