//! Finding any of several phrases in a text, in one pass.

/// Phrases to be looked for, by their last bytes: these are rarer in chats than the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Phrases {
    phrases: Vec<Box<str>>,
    ends: [bool; 256],
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
            .filter(|phrase| !phrase.is_empty())
            .map(Box::from)
            .collect();
        let mut ends = [false; 256];
        for last in phrases.iter().filter_map(|phrase| phrase.bytes().last()) {
            ends[usize::from(last)] = true;
        }
        Self { phrases, ends }
    }

    /// The phrase that ends first in the text.
    pub(crate) fn find(&self, text: &str) -> Option<&str> {
        let bytes = text.as_bytes();
        bytes
            .iter()
            .enumerate()
            .filter(|&(_, &byte)| self.ends[usize::from(byte)])
            .find_map(|(at, _)| {
                let read = &bytes[..=at];
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
