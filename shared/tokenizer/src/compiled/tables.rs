//! The compiled form: one run of bytes, read as it is.
//!
//! A header (magic, then the fingerprint of the `tokenizer.json` in hexadecimal), the numbers and
//! tables below, and the SHA-256 of all that in hexadecimal. Numbers are little-endian and, but for
//! the slots of pairs, of 4 bytes.

use std::ops::Range;

use super::families::Family;
use crate::bytepair::filter::HashFilter;
use crate::bytepair::hash;
use crate::bytepair::pair_table::{self, Merge, PairTable, SLOT};
use crate::bytepair::vocabulary::Vocabulary;
use crate::files::sha256;

/// Changes with the layout, and with anything that a compiled table depends on. It is older than the names
/// of this module; with another one, whatever is kept would be compiled anew.
const MAGIC: &[u8; 16] = b"resonare-flat-02";
/// Of a SHA-256 in hexadecimal.
const FINGERPRINT: usize = 64;
const HEADER: usize = MAGIC.len() + FINGERPRINT;

const NUMBER: usize = size_of::<u32>();

/// What is written into the tables.
pub(crate) struct Parts {
    pub(crate) family: Family,
    pub(crate) normalizes: bool,
    /// The token of each byte.
    pub(crate) bytes: [u32; 256],
    /// In the order of their ranks.
    pub(crate) merges: Vec<Merge>,
    /// Added tokens that text can have.
    pub(crate) added: Vec<String>,
    /// Pieces that are one token, in any order; see [`Vocabulary`].
    pub(crate) words: Vec<Vec<u8>>,
}

/// The tables of a tokenizer.
pub(crate) struct Tables {
    bytes: Vec<u8>,
    family: Family,
    normalizes: bool,
    byte_tokens: [u32; 256],
    added: Vec<String>,
    /// Whether an added token begins with this byte.
    begins_added: [bool; 256],
    filter: Range<usize>,
    slots: Range<usize>,
    joined: Range<usize>,
    words: Range<usize>,
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let number = bytes.get(at..at + NUMBER)?;
    Some(u32::from_le_bytes(number.try_into().ok()?))
}

/// Writes the tables.
pub(crate) fn write(parts: &Parts, fingerprint: &str) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(fingerprint.as_bytes());
    let push = |out: &mut Vec<u8>, number: usize| {
        let number = u32::try_from(number).expect("a tokenizer has fewer than 2^32 of anything");
        out.extend_from_slice(&number.to_le_bytes());
    };
    push(&mut out, parts.family.number() as usize);
    push(&mut out, usize::from(parts.normalizes));
    for token in parts.bytes {
        push(&mut out, token as usize);
    }
    push(&mut out, parts.added.len());
    for added in &parts.added {
        push(&mut out, added.len());
        out.extend_from_slice(added.as_bytes());
    }
    out.extend(pair_table::filter(&parts.merges));
    let slots = pair_table::slots(&parts.merges);
    push(&mut out, slots.len());
    for slot in slots {
        out.extend_from_slice(&slot.to_le_bytes());
    }
    let joined = pair_table::joined(&parts.merges);
    push(&mut out, joined.len());
    for token in joined {
        out.extend_from_slice(&token.to_le_bytes());
    }
    let words = hash::compile(&parts.words);
    push(&mut out, words.len());
    out.extend(words);
    let sum = sha256(&out);
    out.extend_from_slice(sum.as_bytes());
    out
}

impl Tables {
    /// Reads what [`write()`] wrote; `None` if it is damaged, or of another tokenizer.
    pub(crate) fn load(bytes: Vec<u8>, fingerprint: &str) -> Option<Self> {
        let (content, sum) = bytes.split_at_checked(bytes.len().checked_sub(FINGERPRINT)?)?;
        let header = content.get(..HEADER)?;
        if &header[..MAGIC.len()] != MAGIC || &header[MAGIC.len()..] != fingerprint.as_bytes() {
            return None;
        }
        if sha256(content).as_bytes() != sum {
            return None;
        }
        let mut at = HEADER;
        let mut next = || {
            let number = number(content, at)?;
            at += NUMBER;
            Some(number)
        };
        let family = Family::with_number(next()?)?;
        let normalizes = next()? != 0;
        let mut byte_tokens = [0; 256];
        for token in &mut byte_tokens {
            *token = next()?;
        }
        let count = next()?;
        let (mut added, mut begins_added) = (Vec::new(), [false; 256]);
        for _ in 0..count {
            let length = number(content, at)? as usize;
            let text = content.get(at + NUMBER..at + NUMBER + length)?;
            at += NUMBER + length;
            begins_added[usize::from(*text.first()?)] = true;
            added.push(String::from_utf8(text.to_vec()).ok()?);
        }
        let filter = at..at + size_of::<hash::Filter>();
        let table = |at: usize, width: usize| {
            let start = at + NUMBER;
            Some(start..start + number(content, at)? as usize * width)
        };
        let slots = table(filter.end, SLOT)?;
        let joined = table(slots.end, NUMBER)?;
        let words = table(joined.end, 1)?;
        if words.end != content.len() {
            return None;
        }
        let tables = Self {
            bytes,
            family,
            normalizes,
            byte_tokens,
            added,
            begins_added,
            filter,
            slots,
            joined,
            words,
        };
        tables.words_if_whole()?;
        tables.pairs_if_whole()?;
        Some(tables)
    }

    /// The compiled form itself.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How text is split into pieces.
    pub(crate) fn family(&self) -> Family {
        self.family
    }

    /// Whether texts are brought into normal form C first.
    pub(crate) fn normalizes(&self) -> bool {
        self.normalizes
    }

    /// Whether an added token that is not a special one is in a text.
    pub(crate) fn has_added_token(&self, text: &str) -> bool {
        if self.added.is_empty() {
            return false;
        }
        let bytes = text.as_bytes();
        bytes.iter().enumerate().any(|(at, byte)| {
            self.begins_added[usize::from(*byte)]
                && self
                    .added
                    .iter()
                    .any(|added| bytes[at..].starts_with(added.as_bytes()))
        })
    }

    /// Pieces that are one token, without any merging.
    pub(crate) fn words(&self) -> Vocabulary<'_> {
        self.words_if_whole().expect("checked when it was loaded")
    }

    /// How tokens are joined.
    pub(crate) fn pairs(&self) -> PairTable<'_> {
        self.pairs_if_whole().expect("checked when it was loaded")
    }

    fn words_if_whole(&self) -> Option<Vocabulary<'_>> {
        Vocabulary::new(&self.bytes[self.words.clone()])
    }

    fn pairs_if_whole(&self) -> Option<PairTable<'_>> {
        let (filter, _) = HashFilter::split_from(&self.bytes[self.filter.clone()])?;
        let (slots, joined) = (self.slots.clone(), self.joined.clone());
        PairTable::new(
            &self.byte_tokens,
            filter,
            &self.bytes[slots],
            &self.bytes[joined],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> Parts {
        Parts {
            family: Family::Qwen2,
            normalizes: true,
            bytes: std::array::from_fn(|byte| u32::try_from(byte).unwrap()),
            merges: vec![Merge {
                left: 97,
                right: 98,
                rank: 0,
                joined: 256,
            }],
            added: vec!["<tool>".to_owned(), "<think>".to_owned(), "é".to_owned()],
            words: vec![b"a".to_vec(), b"ab".to_vec()],
        }
    }

    fn load(bytes: &[u8]) -> Option<Tables> {
        Tables::load(bytes.to_vec(), &"0".repeat(FINGERPRINT))
    }

    fn written() -> Vec<u8> {
        write(&parts(), &"0".repeat(FINGERPRINT))
    }

    #[test]
    fn what_is_written_is_read() {
        let tables = load(&written()).unwrap();
        assert_eq!(tables.family(), Family::Qwen2);
        assert!(tables.normalizes());
        assert_eq!(tables.pairs().rank(97, 98), Some(0));
        assert_eq!(tables.pairs().joined(0), 256);
        assert_eq!(tables.pairs().byte_token(7), 7);
        assert_eq!(tables.words().rank(b"ab"), Some(1));
        assert_eq!(tables.bytes(), written());
        let plain = Parts {
            normalizes: false,
            ..parts()
        };
        let plain = load(&write(&plain, &"0".repeat(FINGERPRINT))).unwrap();
        assert!(!plain.normalizes());
    }

    // What is kept is read by later versions; another layout needs another name.
    #[test]
    fn the_layout_is_that_of_its_name() {
        assert_eq!(MAGIC, b"resonare-flat-02");
        assert_eq!(
            sha256(&written()),
            "645f2f0880fe33944e12acd3ba72b6e28130216cedaecdb84b92d47a25e447f0"
        );
    }

    #[test]
    fn an_added_token_is_found_wherever_it_stands() {
        let tables = load(&written()).unwrap();
        for text in ["<tool>", "a <think>", "naïve é", "<<tool>>"] {
            assert!(tables.has_added_token(text), "{text}");
        }
        for text in ["", "<tool", "<thin k>", "tool>", "è"] {
            assert!(!tables.has_added_token(text), "{text}");
        }
        let none = Parts {
            added: Vec::new(),
            ..parts()
        };
        let none = load(&write(&none, &"0".repeat(FINGERPRINT))).unwrap();
        assert!(!none.has_added_token("<tool>"));
    }

    #[test]
    fn tables_of_another_name_or_tokenizer_are_not_taken_even_if_they_are_whole() {
        for at in [0, MAGIC.len() - 1, MAGIC.len(), HEADER - 1, HEADER] {
            let bytes = written();
            let mut content = bytes[..bytes.len() - FINGERPRINT].to_vec();
            content[at] ^= 0x10;
            let sum = sha256(&content);
            content.extend_from_slice(sum.as_bytes());
            assert!(load(&content).is_none(), "{at}");
        }
    }
}
