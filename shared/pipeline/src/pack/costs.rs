//! What estimates of a block's tokens are made of.

use crate::chunk::Record;
use crate::tokens::TokenCounter;

/// What a line in a merged message has beside the tokens of its own text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LineCosts {
    /// The first line of a message.
    first: u64,
    /// Any other, with the line feed before it.
    next: u64,
}

impl LineCosts {
    /// The costs with that delimiter, stripped.
    pub(crate) fn of(delimiter: &str, counter: &mut impl TokenCounter) -> Self {
        // A space before a text is no token of its own where a letter follows.
        let before = match delimiter {
            "" => String::new(),
            delimiter => format!("{delimiter} "),
        };
        let mut count = |text: &str| u64::from(counter.count(text));
        let text = count("a");
        Self {
            first: count(&format!("{before}a")).saturating_sub(text),
            next: count(&format!("a\n{before}a")).saturating_sub(2 * text),
        }
    }

    /// The tokens of the line that a message becomes, about, and one at least.
    pub(crate) fn line(self, record: &Record, is_first: bool) -> u64 {
        let cost = if is_first { self.first } else { self.next };
        (u64::from(record.tokens) + cost).max(1)
    }
}
