//! The added tokens of a tokenizer, found in a text as the crate `tokenizers` finds them.

use std::ops::Range;

use resonare_chat_template::AddedToken;

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'t> {
    /// An added token, which is one token whatever its length.
    Token,
    /// What lies between.
    Text(&'t str),
}

/// Tokens that a text is split at.
#[derive(Debug, Default)]
pub(crate) struct AddedTokens {
    /// By their first bytes, then from the longest to the shortest.
    tokens: Vec<Pattern>,
    /// Where those with each first byte stand.
    places: Vec<Range<usize>>,
}

#[derive(Debug)]
struct Pattern {
    text: String,
    lstrip: bool,
    rstrip: bool,
}

impl AddedTokens {
    /// Those of a file, none of which is a single word only.
    pub(crate) fn new<'a>(tokens: impl IntoIterator<Item = &'a AddedToken>) -> Self {
        let patterns = tokens.into_iter().filter(|token| !token.text.is_empty());
        let mut tokens: Vec<Pattern> = patterns
            .map(|token| Pattern {
                text: token.text.clone(),
                lstrip: token.lstrip,
                rstrip: token.rstrip,
            })
            .collect();
        let first = |token: &Pattern| token.text.as_bytes()[0];
        tokens.sort_unstable_by_key(|token| (first(token), usize::MAX - token.text.len()));
        let places = (0..=u8::MAX).map(|byte| {
            let start = tokens.partition_point(|token| first(token) < byte);
            start..tokens.partition_point(|token| first(token) <= byte)
        });
        Self {
            places: places.collect(),
            tokens,
        }
    }

    /// Splits a text at the tokens in it: from the left, and of those that begin at one place at the longest.
    pub(crate) fn split<'t>(&self, text: &'t str, mut each: impl FnMut(Part<'t>)) {
        // Where the part begins that is still to be told, and where the next token may begin: white space
        // that a token took may hold the next one.
        let (mut told, mut searched) = (0, 0);
        while let Some((start, token)) = self.next(text, searched) {
            searched = start + token.text.len();
            let mut from = start;
            if token.lstrip {
                from = text[..start].trim_end().len().max(told);
            }
            let mut to = searched;
            if token.rstrip {
                to = text.len() - text[searched..].trim_start().len();
            }
            if told < from {
                each(Part::Text(&text[told..from]));
            }
            each(Part::Token);
            told = to;
        }
        if told != text.len() {
            each(Part::Text(&text[told..]));
        }
    }

    /// The first token from a place on.
    fn next(&self, text: &str, from: usize) -> Option<(usize, &Pattern)> {
        if self.tokens.is_empty() {
            return None;
        }
        let bytes = text.as_bytes();
        (from..bytes.len()).find_map(|at| {
            let place = self.places[usize::from(bytes[at])].clone();
            let mut same_first = self.tokens[place].iter();
            let token = same_first.find(|token| bytes[at..].starts_with(token.text.as_bytes()))?;
            Some((at, token))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of a text, tokens as `None`.
    fn parts<'t>(tokens: &[AddedToken], text: &'t str) -> Vec<Option<&'t str>> {
        let mut parts = Vec::new();
        AddedTokens::new(tokens).split(text, |part| {
            parts.push(match part {
                Part::Token => None,
                Part::Text(text) => Some(text),
            });
        });
        parts
    }

    fn token(text: &str) -> AddedToken {
        AddedToken {
            text: text.to_owned(),
            ..AddedToken::default()
        }
    }

    #[test]
    fn the_longest_of_the_leftmost_is_found() {
        let tokens = ["<s>", "<s>>", "s>"].map(token);
        assert_eq!(
            parts(&tokens, "a<s>><s>s>b"),
            [Some("a"), None, None, None, Some("b")]
        );
        assert_eq!(parts(&[], "a"), [Some("a")]);
        assert_eq!(parts(&tokens, ""), []);
    }

    #[test]
    fn tokens_take_white_space_where_they_say_so() {
        let left = AddedToken {
            lstrip: true,
            ..token("<l>")
        };
        let right = AddedToken {
            rstrip: true,
            ..token("<r>")
        };
        assert_eq!(
            parts(&[left, right], "a \n<l> b <r>\u{a0} <l>"),
            [Some("a"), None, Some(" b "), None, None]
        );
    }
}
