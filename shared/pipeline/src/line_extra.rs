//! What the tokens of a line have beyond those of its text, in two bytes: there are millions of lines in memory.

use crate::tokens::{LineTokens, TextTokens};

/// The difference of both counts of a line; neither where they aren't known, or are too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LineExtra {
    followed: i8,
    last: i8,
}

impl LineExtra {
    const UNKNOWN: i8 = i8::MIN;

    pub(crate) fn new(tokens: TextTokens) -> Self {
        let extra = |tokens: u32, text: u32| {
            let extra = i64::from(tokens) - i64::from(text);
            i8::try_from(extra)
                .ok()
                .filter(|extra| *extra != Self::UNKNOWN)
        };
        let known = tokens.line.and_then(|line| {
            Some(Self {
                followed: extra(line.followed, tokens.text)?,
                last: extra(line.last, tokens.text)?,
            })
        });
        known.unwrap_or_default()
    }

    /// The tokens of the line of a text with so many.
    pub(crate) fn line(self, text: u32) -> Option<LineTokens> {
        (self != Self::default()).then(|| LineTokens {
            followed: text.saturating_add_signed(self.followed.into()),
            last: text.saturating_add_signed(self.last.into()),
        })
    }

    pub(crate) fn to_bytes(self) -> [u8; 2] {
        [self.followed, self.last].map(i8::cast_unsigned)
    }

    pub(crate) fn from_bytes(bytes: [u8; 2]) -> Self {
        let [followed, last] = bytes.map(u8::cast_signed);
        Self { followed, last }
    }
}

impl Default for LineExtra {
    /// Of a line whose tokens aren't known.
    fn default() -> Self {
        Self {
            followed: Self::UNKNOWN,
            last: Self::UNKNOWN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_come_back_if_they_are_near_those_of_the_text() {
        for (followed, last, is_kept) in [
            (107, 106, true),
            (99, 98, true),
            (227, 100, true),
            (228, 100, false),
            (100, 0, true),
            (100, 228, false),
        ] {
            let line = LineTokens { followed, last };
            let extra = LineExtra::new(TextTokens {
                text: 100,
                line: Some(line),
            });
            assert_eq!(LineExtra::from_bytes(extra.to_bytes()), extra);
            assert_eq!(
                extra.line(100),
                is_kept.then_some(line),
                "{followed} {last}"
            );
        }
        assert_eq!(LineExtra::new(TextTokens::alone(9)).line(9), None);
    }
}
