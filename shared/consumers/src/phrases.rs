//! Finding any of several phrases in a text, in one pass.

use memchr::{memchr, memchr2, memchr3};

/// Phrases of at least two bytes, to be looked for by their last two: these are rarer in chats than
/// the first, or than the last alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Phrases {
    texts: Vec<Box<str>>,
    /// A bit for each pair of bytes.
    ends: Box<[u64; PAIRS / 64]>,
    /// The bytes that phrases start with, each once.
    starts: Box<[u8]>,
}

const PAIRS: usize = 1 << 16;

/// The word of the table that a pair's bit is in, and that bit.
fn bit_of(pair: [u8; 2]) -> (usize, u64) {
    let pair = usize::from(u16::from_le_bytes(pair));
    (pair / 64, 1 << (pair % 64))
}

impl Default for Phrases {
    fn default() -> Self {
        Self::new([])
    }
}

impl Phrases {
    pub(crate) fn new<'a>(phrases: impl IntoIterator<Item = &'a str>) -> Self {
        let texts: Vec<Box<str>> = phrases
            .into_iter()
            .filter(|phrase| phrase.len() >= 2)
            .map(Box::from)
            .collect();
        let mut ends = Box::new([0; PAIRS / 64]);
        for end in texts
            .iter()
            .filter_map(|phrase| phrase.as_bytes().last_chunk())
        {
            let (word, bit) = bit_of(*end);
            ends[word] |= bit;
        }
        let mut starts: Vec<u8> = texts.iter().map(|phrase| phrase.as_bytes()[0]).collect();
        starts.sort_unstable();
        starts.dedup();
        Self {
            texts,
            ends,
            starts: starts.into(),
        }
    }

    /// Whether a phrase may start somewhere. The special tokens of most models all start with one byte or two, which
    /// few texts have, and that is told in a fraction of the time.
    fn may_be_in(&self, bytes: &[u8]) -> bool {
        match *self.starts {
            [] => false,
            [one] => memchr(one, bytes).is_some(),
            [one, two] => memchr2(one, two, bytes).is_some(),
            [one, two, three] => memchr3(one, two, three, bytes).is_some(),
            _ => true,
        }
    }

    /// The phrase that ends first in the text.
    pub(crate) fn find(&self, text: &str) -> Option<&str> {
        let bytes = text.as_bytes();
        if !self.may_be_in(bytes) {
            return None;
        }
        let pairs = bytes.windows(2).enumerate();
        pairs
            .filter(|&(_, pair)| {
                let (word, bit) = bit_of([pair[0], pair[1]]);
                self.ends[word] & bit != 0
            })
            .find_map(|(at, _)| {
                let read = &bytes[..at + 2];
                self.texts
                    .iter()
                    .find(|phrase| read.ends_with(phrase.as_bytes()))
            })
            .map(Box::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_found_is_what_the_text_contains(text in "[ab:<>é ]{0,20}", count in 0_usize..=6) {
            let list = &["a:", "<b>", "é", "ab", "b:", ": "][..count];
            prop_assert_eq!(
                Phrases::new(list.iter().copied()).find(&text).is_some(),
                list.iter().any(|phrase| text.contains(phrase))
            );
        }
    }
}
