//! Finding any of several phrases in a text, in one pass.

/// Phrases of at least two bytes, to be looked for by their last two: these are rarer in chats than
/// the first, or than the last alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Phrases {
    phrases: Vec<Box<str>>,
    /// A bit for each pair of bytes.
    ends: Box<[u64; PAIRS / 64]>,
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
        let phrases: Vec<Box<str>> = phrases
            .into_iter()
            .filter(|phrase| phrase.len() >= 2)
            .map(Box::from)
            .collect();
        let mut ends = Box::new([0; PAIRS / 64]);
        for end in phrases
            .iter()
            .filter_map(|phrase| phrase.as_bytes().last_chunk())
        {
            let (word, bit) = bit_of(*end);
            ends[word] |= bit;
        }
        Self { phrases, ends }
    }

    /// The phrase that ends first in the text.
    pub(crate) fn find(&self, text: &str) -> Option<&str> {
        let bytes = text.as_bytes();
        let pairs = bytes.windows(2).enumerate();
        pairs
            .filter(|&(_, pair)| {
                let (word, bit) = bit_of([pair[0], pair[1]]);
                self.ends[word] & bit != 0
            })
            .find_map(|(at, _)| {
                let read = &bytes[..at + 2];
                self.phrases
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
        fn what_is_found_is_what_the_text_contains(text in "[ab:<>é ]{0,20}") {
            let list = ["a:", "<b>", "é", "ab"];
            prop_assert_eq!(
                Phrases::new(list).find(&text).is_some(),
                list.iter().any(|phrase| text.contains(phrase))
            );
        }
    }
}
