//! The compiled form: one flat run of bytes, read as it is.
//!
//! A header (magic, then the fingerprint of the `tokenizer.json` in hexadecimal), the numbers and
//! tables below, and the SHA-256 of all that in hexadecimal. Numbers are little-endian and, but for
//! the slots of pairs, of 4 bytes.

use std::ops::Range;

use crate::model::sha256;
use crate::tiktoken::hash;
use crate::tiktoken::vocabulary::{Vocabulary, may_have};

/// Changes with the layout, and with anything that a compiled table depends on.
const MAGIC: &[u8; 16] = b"resonare-flat-02";
/// Of a SHA-256 in hexadecimal.
const FINGERPRINT: usize = 64;
const HEADER: usize = MAGIC.len() + FINGERPRINT;

const NUMBER: usize = size_of::<u32>();
/// A pair of tokens with its rank: bits of the left one, the right one, the rank.
const SLOT: usize = size_of::<u64>();
const TOKEN_BITS: u32 = 21;
const RANK_BITS: u32 = 22;
/// A slot without a pair: [`has_room`] keeps its tokens away.
const EMPTY: u64 = u64::MAX;

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

/// Whether the tables have room for tokens up to `largest`, and for so many merges.
pub(super) fn has_room(largest: u32, merges: usize) -> bool {
    largest < (1 << TOKEN_BITS) - 1 && merges <= 1 << RANK_BITS
}

/// What is written into the tables.
pub(super) struct Parts {
    pub(super) splitting: Splitting,
    pub(super) normalizes: bool,
    /// The token of each byte.
    pub(super) bytes: [u32; 256],
    /// By rank.
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
    filter: Range<usize>,
    pairs: Range<usize>,
    joined: Range<usize>,
    words: Range<usize>,
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let number = bytes.get(at..at + NUMBER)?;
    Some(u32::from_le_bytes(number.try_into().ok()?))
}

fn key(left: u32, right: u32) -> u64 {
    u64::from(left) << TOKEN_BITS | u64::from(right)
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
    let keys = || {
        parts
            .merges
            .iter()
            .map(|&((left, right), _)| key(left, right))
    };
    out.extend(hash::filter(keys()));
    let mut pairs = vec![EMPTY; hash::slots_for(parts.merges.len())];
    for (key, (_, merge)) in keys().zip(&parts.merges) {
        let start = hash::key_slot(hash::mix(key), pairs.len() - 1);
        let place = hash::free_slot(&pairs, start, |slot| *slot == EMPTY);
        pairs[place] = key << RANK_BITS | u64::from(merge.rank);
    }
    push(&mut out, pairs.len());
    for pair in pairs {
        out.extend_from_slice(&pair.to_le_bytes());
    }
    // By rank; of a rank that no pair has, there is nothing to say.
    let ranks = parts
        .merges
        .last()
        .map_or(0, |(_, merge)| merge.rank as usize + 1);
    let mut joined = vec![0; ranks];
    for (_, merge) in &parts.merges {
        joined[merge.rank as usize] = merge.joined;
    }
    push(&mut out, ranks);
    for token in joined {
        out.extend_from_slice(&u32::to_le_bytes(token));
    }
    let words = hash::compile(&parts.words);
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
        let filter = at..at + size_of::<hash::Filter>();
        let table = |at: usize, width: usize| {
            let start = at + NUMBER;
            Some(start..start + number(content, at)? as usize * width)
        };
        let pairs = table(filter.end, SLOT)?;
        let joined = table(pairs.end, NUMBER)?;
        let words = table(joined.end, 1)?;
        if !(pairs.len() / SLOT).is_power_of_two() || words.end != content.len() {
            return None;
        }
        Vocabulary::new(&content[words.clone()])?;
        Some(Self {
            bytes,
            splitting,
            normalizes,
            byte_tokens,
            added,
            begins_added,
            filter,
            pairs,
            joined,
            words,
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

    /// Pieces that are one token, without any merging.
    pub(super) fn words(&self) -> Vocabulary<'_> {
        Vocabulary::new(&self.bytes[self.words.clone()]).expect("checked when it was loaded")
    }

    /// How tokens are joined.
    pub(super) fn merges(&self) -> Merges<'_> {
        let filter = &self.bytes[self.filter.clone()];
        Merges {
            byte_tokens: &self.byte_tokens,
            filter: filter.try_into().expect("it has the length of one"),
            pairs: &self.bytes[self.pairs.clone()],
            joined: &self.bytes[self.joined.clone()],
            mask: self.pairs.len() / SLOT - 1,
        }
    }
}

/// The merges among the tables.
#[derive(Clone, Copy)]
pub(super) struct Merges<'t> {
    byte_tokens: &'t [u32; 256],
    filter: &'t hash::Filter,
    pairs: &'t [u8],
    joined: &'t [u8],
    mask: usize,
}

impl Merges<'_> {
    pub(super) fn byte_token(self, byte: u8) -> u32 {
        self.byte_tokens[usize::from(byte)]
    }

    /// When two tokens are joined, if they are: the lower, the earlier.
    #[inline]
    pub(super) fn rank(self, left: u32, right: u32) -> Option<u32> {
        let key = key(left, right);
        let mixed = hash::mix(key);
        if !may_have(self.filter, mixed) {
            return None;
        }
        let mut place = hash::key_slot(mixed, self.mask);
        loop {
            let slot = self.pairs[place * SLOT..]
                .first_chunk()
                .expect("a whole slot");
            let slot = u64::from_le_bytes(*slot);
            if slot >> RANK_BITS == key {
                return Some((slot & ((1 << RANK_BITS) - 1)) as u32);
            }
            if slot == EMPTY {
                return None;
            }
            place = (place + 1) & self.mask;
        }
    }

    /// The token that the two of a merge become.
    #[inline]
    pub(super) fn joined(self, rank: u32) -> u32 {
        number(self.joined, rank as usize * NUMBER).expect("each rank has its token")
    }
}
