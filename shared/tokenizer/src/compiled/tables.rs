//! The compiled form: one run of bytes, read as it is.
//!
//! A header (magic, then the fingerprint of the `tokenizer.json` in hexadecimal), the numbers and
//! tables below, and the SHA-256 of all that in hexadecimal. Numbers are little-endian and of
//! 4 bytes; each table comes after its length in bytes.

use std::ops::Range;

use super::families::Family;
use super::spaces::Spaces;
use super::steps::Steps;
use crate::bytepair::characters::CharacterTokens;
use crate::bytepair::filter::HashFilter;
use crate::bytepair::hash;
use crate::bytepair::joins::Joins;
use crate::bytepair::pair_table::{CompiledPairs, PairTable};
use crate::bytepair::vocabulary::Vocabulary;
use crate::files::sha256;

/// Changes with the layout, and with anything that a compiled table depends on.
const MAGIC: &[u8; 16] = b"resonare-flat-04";
/// Of a SHA-256 in hexadecimal.
const FINGERPRINT: usize = 64;
const HEADER: usize = MAGIC.len() + FINGERPRINT;

const NUMBER: usize = size_of::<u32>();

/// What is written into the tables.
pub(crate) struct Parts {
    pub(crate) steps: Steps,
    /// The token of each byte.
    pub(crate) bytes: [u32; 256],
    pub(crate) pairs: CompiledPairs,
    /// The file's list of added tokens, as JSON.
    pub(crate) added: String,
    /// The tokens of characters, as [`CharacterTokens`] reads them; empty if texts are read as bytes.
    pub(crate) characters: Vec<u8>,
    /// Where texts are not cut, as [`Joins`] reads it; empty if a pattern splits them.
    pub(crate) joins: Vec<u8>,
    /// Pieces that are one token, in any order; see [`Vocabulary`].
    pub(crate) words: Vec<Vec<u8>>,
}

/// The tables of a tokenizer.
pub(crate) struct Tables {
    bytes: Vec<u8>,
    steps: Steps,
    byte_tokens: [u32; 256],
    added: Range<usize>,
    filter: Range<usize>,
    slots: Range<usize>,
    joined: Range<usize>,
    characters: Range<usize>,
    joins: Range<usize>,
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
    push(&mut out, parts.steps.family.number() as usize);
    push(&mut out, usize::from(parts.steps.composes));
    push(&mut out, parts.steps.spaces.number() as usize);
    for token in parts.bytes {
        push(&mut out, token as usize);
    }
    let words = hash::compile(&parts.words);
    for table in [
        parts.added.as_bytes(),
        &parts.pairs.filter,
        &parts.pairs.slots,
        &parts.pairs.joined,
        &parts.characters,
        &parts.joins,
        &words,
    ] {
        push(&mut out, table.len());
        out.extend_from_slice(table);
    }
    let sum = sha256(&out);
    out.extend_from_slice(sum.as_bytes());
    out
}

impl Tables {
    /// Reads what [`write()`] wrote; `None` if it is damaged.
    pub(crate) fn load(bytes: Vec<u8>) -> Option<Self> {
        let (content, sum) = bytes.split_at_checked(bytes.len().checked_sub(FINGERPRINT)?)?;
        if !content.get(..HEADER)?.starts_with(MAGIC) {
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
        let steps = Steps {
            family: Family::with_number(next()?)?,
            composes: next()? != 0,
            spaces: Spaces::with_number(next()?)?,
        };
        let mut byte_tokens = [0; 256];
        for token in &mut byte_tokens {
            *token = next()?;
        }
        let mut table = || {
            let start = at + NUMBER;
            at = start.checked_add(number(content, at)? as usize)?;
            Some(start..at)
        };
        let tables = Self {
            steps,
            byte_tokens,
            added: table()?,
            filter: table()?,
            slots: table()?,
            joined: table()?,
            characters: table()?,
            joins: table()?,
            words: table()?,
            bytes: Vec::new(),
        };
        if at != content.len() {
            return None;
        }
        let tables = Self { bytes, ..tables };
        tables.words_if_whole()?;
        tables.pairs_if_whole()?;
        if steps.family.splitting().is_none() {
            tables.characters()?;
            tables.joins()?;
        }
        Some(tables)
    }

    /// The SHA-256 of the `tokenizer.json` that it was compiled from, in hexadecimal.
    pub(crate) fn fingerprint(&self) -> &[u8] {
        &self.bytes[MAGIC.len()..HEADER]
    }

    /// The compiled form itself.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What happens to a text before it is merged.
    pub(crate) fn steps(&self) -> Steps {
        self.steps
    }

    /// The file's list of added tokens, as a `tokenizer.json` has it.
    pub(crate) fn added(&self) -> &[u8] {
        &self.bytes[self.added.clone()]
    }

    /// The token of each byte.
    pub(crate) fn byte_tokens(&self) -> &[u32; 256] {
        &self.byte_tokens
    }

    /// The tokens of characters, if texts are read as these.
    pub(crate) fn characters(&self) -> Option<CharacterTokens<'_>> {
        CharacterTokens::new(&self.bytes[self.characters.clone()])
    }

    /// Where texts are not cut, if no pattern splits them.
    pub(crate) fn joins(&self) -> Option<Joins<'_>> {
        Joins::new(&self.bytes[self.joins.clone()])
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
    use std::collections::BTreeMap;

    use super::*;
    use crate::bytepair::pair_table::Merge;
    use crate::bytepair::{characters, joins};

    fn parts() -> Parts {
        let merge = Merge {
            left: 97,
            right: 98,
            rank: 0,
            joined: 256,
        };
        Parts {
            steps: Steps {
                family: Family::Qwen2,
                composes: true,
                spaces: Spaces::Plain,
            },
            bytes: std::array::from_fn(|byte| u32::try_from(byte).unwrap()),
            pairs: CompiledPairs::new(&[merge]),
            added: "{}".to_owned(),
            characters: Vec::new(),
            joins: Vec::new(),
            words: vec![b"a".to_vec(), b"ab".to_vec()],
        }
    }

    fn load(bytes: &[u8]) -> Option<Tables> {
        Tables::load(bytes.to_vec())
    }

    fn written() -> Vec<u8> {
        write(&parts(), &"0".repeat(FINGERPRINT))
    }

    #[test]
    fn what_is_written_is_read() {
        let tables = load(&written()).unwrap();
        assert_eq!(tables.steps(), parts().steps);
        assert_eq!(tables.added(), b"{}");
        assert_eq!(tables.pairs().rank(97, 98), Some(0));
        assert_eq!(tables.pairs().joined(0), 256);
        assert_eq!(tables.pairs().byte_token(7), 7);
        assert_eq!(tables.words().rank(b"ab"), Some(1));
        assert_eq!(tables.bytes(), written());
        assert_eq!(tables.byte_tokens()[7], 7);
        assert!(tables.characters().is_none() && tables.joins().is_none());
    }

    #[test]
    fn a_family_without_a_pattern_needs_its_tables() {
        let with = |tables: [Vec<u8>; 2]| {
            let [characters, joins] = tables;
            let steps = Steps {
                family: Family::SentencePiece,
                composes: false,
                spaces: Spaces::Marked,
            };
            let parts = Parts {
                steps,
                characters,
                joins,
                ..parts()
            };
            load(&write(&parts, &"0".repeat(FINGERPRINT)))
        };
        let [characters, joins] = [characters::compile(&BTreeMap::new()), joins::compile(&[])];
        assert!(with([characters.clone(), joins.clone()]).is_some());
        assert!(with([characters, Vec::new()]).is_none());
        assert!(with([Vec::new(), joins]).is_none());
    }

    // What is kept is read by later versions; another layout needs another name.
    #[test]
    fn the_layout_is_that_of_its_name() {
        assert_eq!(MAGIC, b"resonare-flat-04");
        assert_eq!(
            sha256(&written()),
            "a4016db6af4a928aefe8cda59a2dca15ddb290bd0aaf20962e80e2cbf3d9e433"
        );
    }

    #[test]
    fn tables_of_another_name_are_not_taken_even_if_they_are_whole() {
        for at in [0, MAGIC.len() - 1, HEADER] {
            let bytes = written();
            let mut content = bytes[..bytes.len() - FINGERPRINT].to_vec();
            content[at] ^= 0x10;
            let sum = sha256(&content);
            content.extend_from_slice(sum.as_bytes());
            assert!(load(&content).is_none(), "{at}");
        }
    }

    #[test]
    fn tables_say_what_they_were_compiled_from() {
        let tables = load(&write(&parts(), &"1".repeat(FINGERPRINT))).unwrap();
        assert_eq!(tables.fingerprint(), "1".repeat(FINGERPRINT).as_bytes());
    }
}
