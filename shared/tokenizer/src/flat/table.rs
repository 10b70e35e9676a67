//! The compiled form: one flat run of bytes, read as it is.
//!
//! A header (magic, then the fingerprint of the `tokenizer.json`, 64 bytes each in hexadecimal), the
//! numbers and tables below, and the SHA-256 of all that. Numbers are u32, little-endian.

use crate::model::sha256;
use crate::tiktoken::vocabulary::Vocabulary;

/// Changes with the layout, and with anything that a compiled table depends on.
const MAGIC: &[u8; 16] = b"resonare-flat-01";
/// Of a SHA-256 in hexadecimal.
const FINGERPRINT: usize = 64;
const HEADER: usize = MAGIC.len() + FINGERPRINT;

const NUMBER: usize = size_of::<u32>();
/// The numbers of a pair: left, right, rank, what they are joined to.
const PAIR: usize = 4 * NUMBER;
/// A slot without a pair, as its `left`.
const EMPTY: u32 = u32::MAX;

/// How text is split into pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Splitting {
    Llama3 = 0,
    Qwen2 = 1,
    DeepSeek = 2,
}

/// A merge: two tokens that are joined, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Merge {
    /// The lower, the earlier.
    pub(super) rank: u32,
    /// The token that the two become.
    pub(super) joined: u32,
}

/// What is written into the tables.
pub(super) struct Parts {
    pub(super) splitting: Splitting,
    pub(super) normalizes: bool,
    /// The token of each byte.
    pub(super) bytes: [u32; 256],
    pub(super) merges: Vec<((u32, u32), Merge)>,
    /// Added tokens that text can have.
    pub(super) added: Vec<String>,
    /// Pieces that are one token, in any order; see [`Vocabulary`].
    pub(super) words: Vec<Vec<u8>>,
}

/// The tables of a tokenizer.
pub(super) struct Tables {
    bytes: Vec<u8>,
    splitting: Splitting,
    normalizes: bool,
    byte_tokens: [u32; 256],
    added: Vec<String>,
    /// Whether an added token begins with this byte.
    begins_added: [bool; 256],
    pairs: std::ops::Range<usize>,
    mask: usize,
    words: std::ops::Range<usize>,
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let number = bytes.get(at..at + NUMBER)?;
    Some(u32::from_le_bytes(number.try_into().ok()?))
}

fn place(left: u32, right: u32, mask: usize) -> usize {
    let key = (u64::from(left) << 32 | u64::from(right)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (key >> 32) as usize & mask
}

/// Writes the tables.
pub(super) fn write(parts: &Parts, fingerprint: &str) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(fingerprint.as_bytes());
    let push = |out: &mut Vec<u8>, number: usize| {
        let number = u32::try_from(number).expect("a tokenizer has fewer than 2^32 of anything");
        out.extend_from_slice(&number.to_le_bytes());
    };
    push(&mut out, parts.splitting as usize);
    push(&mut out, usize::from(parts.normalizes));
    for token in parts.bytes {
        push(&mut out, token as usize);
    }
    push(&mut out, parts.added.len());
    for added in &parts.added {
        push(&mut out, added.len());
        out.extend_from_slice(added.as_bytes());
    }
    let slots = (parts.merges.len() * 2).next_power_of_two();
    push(&mut out, slots);
    let mut pairs = vec![[EMPTY; 4]; slots];
    for &((left, right), Merge { rank, joined }) in &parts.merges {
        let mut slot = place(left, right, slots - 1);
        while pairs[slot][0] != EMPTY {
            slot = (slot + 1) & (slots - 1);
        }
        pairs[slot] = [left, right, rank, joined];
    }
    for number in pairs.into_iter().flatten() {
        out.extend_from_slice(&number.to_le_bytes());
    }
    let words = crate::tiktoken::hash::compile(&parts.words);
    push(&mut out, words.len());
    out.extend(words);
    let sum = sha256(&out);
    out.extend_from_slice(sum.as_bytes());
    out
}

impl Tables {
    /// Reads what [`write()`] wrote; none if it is damaged, or of another tokenizer.
    pub(super) fn load(bytes: Vec<u8>, fingerprint: &str) -> Option<Self> {
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
        let splitting = match next()? {
            0 => Splitting::Llama3,
            1 => Splitting::Qwen2,
            2 => Splitting::DeepSeek,
            _ => return None,
        };
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
        let slots = number(content, at)? as usize;
        let pairs = at + NUMBER..at + NUMBER + slots * PAIR;
        let length = number(content, pairs.end)? as usize;
        let words = pairs.end + NUMBER..pairs.end + NUMBER + length;
        if !slots.is_power_of_two() || words.end != content.len() {
            return None;
        }
        Some(Self {
            splitting,
            normalizes,
            byte_tokens,
            added,
            begins_added,
            pairs,
            mask: slots - 1,
            words,
            bytes,
        })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn splitting(&self) -> Splitting {
        self.splitting
    }

    /// Whether texts are brought into normal form C first.
    pub(super) fn normalizes(&self) -> bool {
        self.normalizes
    }

    /// Whether an added token that is no special one is in a text.
    pub(super) fn has_added_token(&self, text: &str) -> bool {
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

    pub(super) fn byte_token(&self, byte: u8) -> u32 {
        self.byte_tokens[usize::from(byte)]
    }

    /// Whether a piece is a token, without any merging.
    pub(super) fn is_one_token(&self, piece: &[u8]) -> bool {
        Vocabulary::new(&self.bytes[self.words.clone()])
            .rank(piece)
            .is_some()
    }

    /// How two tokens are joined, if they are.
    #[inline]
    pub(super) fn merge(&self, left: u32, right: u32) -> Option<Merge> {
        let pairs = &self.bytes[self.pairs.clone()];
        let mut slot = place(left, right, self.mask);
        loop {
            let pair = &pairs[slot * PAIR..][..PAIR];
            let number = |index: usize| {
                let bytes = &pair[index * NUMBER..][..NUMBER];
                u32::from_le_bytes(bytes.try_into().expect("four bytes"))
            };
            match (number(0), number(1)) {
                (EMPTY, _) => return None,
                (l, r) if l == left && r == right => {
                    return Some(Merge {
                        rank: number(2),
                        joined: number(3),
                    });
                }
                _ => slot = (slot + 1) & self.mask,
            }
        }
    }
}
