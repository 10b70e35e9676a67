//! From the texts of tokens to their numbers, while a tokenizer is compiled.

use std::borrow::Cow;

use crate::bytepair::hash::{self, free_slot, slots_for};

/// A slot without a token.
const EMPTY: u64 = u64::MAX;

/// An index of a vocabulary.
pub(crate) struct TokenIndex<'v, 'f> {
    tokens: &'v [(Cow<'f, str>, u32)],
    /// Each the upper half of a hash and a place in the vocabulary.
    slots: Vec<u64>,
}

fn parts(slot: u64) -> (u32, usize) {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the halves are taken apart"
    )]
    let place = slot as u32;
    ((slot >> 32) as u32, place as usize)
}

impl<'v, 'f> TokenIndex<'v, 'f> {
    /// An index of so many tokens as 32 bits can tell apart. Of two with the same text the later counts.
    pub(crate) fn new(tokens: &'v [(Cow<'f, str>, u32)]) -> Self {
        let mut index = Self {
            tokens,
            slots: vec![EMPTY; slots_for(tokens.len())],
        };
        for (place, (text, _)) in (0_u64..).zip(tokens) {
            let hash = hash::hash(text.as_bytes());
            let slot = index.find(hash, text.as_bytes()).unwrap_or_else(|| {
                let start = hash::slot(hash, index.slots.len() - 1);
                free_slot(&index.slots, start, |slot| *slot == EMPTY)
            });
            index.slots[slot] = hash >> 32 << 32 | place;
        }
        index
    }

    /// The number of the token with this text.
    pub(crate) fn id(&self, text: &[u8]) -> Option<u32> {
        let (_, place) = parts(self.slots[self.find(hash::hash(text), text)?]);
        Some(self.tokens[place].1)
    }

    fn find(&self, hash: u64, text: &[u8]) -> Option<usize> {
        let mask = self.slots.len() - 1;
        let mut at = hash::slot(hash, mask);
        while self.slots[at] != EMPTY {
            let (upper, place) = parts(self.slots[at]);
            if u64::from(upper) == hash >> 32 && self.tokens[place].0.as_bytes() == text {
                return Some(at);
            }
            at = (at + 1) & mask;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_has_its_last_number() {
        let mut tokens: Vec<(Cow<'_, str>, u32)> =
            (0..1000).map(|id| (format!("t{id}").into(), id)).collect();
        tokens.push(("t7".into(), 5000));
        let index = TokenIndex::new(&tokens);
        assert_eq!(index.id(b"t999"), Some(999));
        assert_eq!(index.id(b"t7"), Some(5000));
        assert_eq!(index.id(b"t1000"), None);
        assert_eq!(TokenIndex::new(&[]).id(b""), None);
    }
}
