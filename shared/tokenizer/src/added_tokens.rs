//! The added tokens of a tokenizer, found in a text as the crate `tokenizers` finds them.

use resonare_chat_template::AddedToken;

use crate::bytepair::classes::is_word_character;
use crate::bytepair::hash::pair_index;

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'t> {
    /// An added token, which is one token whatever its length.
    Token,
    /// What lies between.
    Text(&'t str),
}

/// What becomes of special tokens in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpecialTokens {
    /// They are tokens like the others.
    AreTokens,
    /// They are the text that they are. No other token is found within one, which is the reference's way.
    AreText,
}

/// Tokens that a text is split at.
#[derive(Debug)]
pub(crate) struct AddedTokens {
    /// In the order of their texts.
    tokens: Vec<Pattern>,
    /// Whether one begins with each byte.
    begins: Vec<bool>,
    /// Whether one begins with each two bytes, at [`pair_index`], or with the first of them and has no second.
    begins_with_pair: Vec<bool>,
    /// Whether a space is white space.
    spaces_are_white: bool,
}

#[derive(Debug)]
struct Pattern {
    token: AddedToken,
    /// Whether it is left in the text.
    is_text: bool,
    /// The longest other token that this one begins with.
    beginning: Option<usize>,
}

impl AddedTokens {
    /// Those of a list; of two with the same text the later counts.
    pub(crate) fn new<'a>(
        tokens: impl IntoIterator<Item = &'a AddedToken>,
        special: SpecialTokens,
    ) -> Self {
        let patterns = tokens.into_iter().filter(|token| !token.text.is_empty());
        let mut tokens: Vec<Pattern> = patterns
            .map(|token| Pattern {
                token: token.clone(),
                is_text: token.special && special == SpecialTokens::AreText,
                beginning: None,
            })
            .collect();
        tokens.sort_by(|one, other| one.token.text.cmp(&other.token.text));
        tokens.dedup_by(|later, kept| {
            let is_same = later.token.text == kept.token.text;
            if is_same {
                let is_text = later.is_text || kept.is_text;
                std::mem::swap(later, kept);
                kept.is_text = is_text;
            }
            is_same
        });
        let mut begins = vec![false; 256];
        let mut begins_with_pair = vec![false; 1 << 16];
        for index in 0..tokens.len() {
            let bytes = tokens[index].token.text.as_bytes();
            begins[usize::from(bytes[0])] = true;
            let seconds = match bytes.get(1) {
                Some(&second) => second..=second,
                None => 0..=255,
            };
            for second in seconds {
                begins_with_pair[pair_index([bytes[0], second])] = true;
            }
            tokens[index].beginning = longest_beginning(&tokens[..index], bytes);
        }
        Self {
            tokens,
            begins,
            begins_with_pair,
            spaces_are_white: true,
        }
    }

    /// The same in texts whose spaces stand for marks, and are no white space.
    pub(crate) fn with_marked_spaces(self) -> Self {
        Self {
            spaces_are_white: false,
            ..self
        }
    }

    /// Splits a text at the tokens in it: from the left, and of those that begin at one place at the longest.
    #[inline]
    pub(crate) fn split<'t>(&self, text: &'t str, mut each: impl FnMut(Part<'t>)) {
        // Where the part begins that is still to be told, and where the next token may begin: white space
        // that a token took may hold the next one.
        let (mut told, mut searched) = (0, 0);
        let is_white = |character: char| {
            character.is_whitespace() && (self.spaces_are_white || character != ' ')
        };
        while let Some((start, token)) = self.next(text, searched) {
            let Pattern { token, is_text, .. } = token;
            searched = start + token.text.len();
            if *is_text || token.single_word && is_within_word(text, start, searched) {
                continue;
            }
            let mut from = start;
            if token.lstrip {
                from = text[..start].trim_end_matches(is_white).len().max(told);
            }
            let mut to = searched;
            if token.rstrip {
                to = text.len() - text[searched..].trim_start_matches(is_white).len();
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
    #[inline]
    fn next(&self, text: &str, from: usize) -> Option<(usize, &Pattern)> {
        if self.tokens.is_empty() {
            return None;
        }
        let bytes = text.as_bytes();
        let mut at = from;
        loop {
            let begins = |byte: &u8| self.begins[usize::from(*byte)];
            at += bytes[at..].iter().position(begins)?;
            // With no byte after it, any will do.
            let pair = [bytes[at], bytes.get(at + 1).copied().unwrap_or_default()];
            if self.begins_with_pair[pair_index(pair)]
                && let Some(token) = longest_beginning(&self.tokens, &bytes[at..])
            {
                return Some((at, &self.tokens[token]));
            }
            at += 1;
        }
    }
}

/// Whether there is a character of a word right before or after a part of a text.
fn is_within_word(text: &str, start: usize, end: usize) -> bool {
    let before = text[..start].chars().next_back();
    let after = text[end..].chars().next();
    before.into_iter().chain(after).any(is_word_character)
}

/// The longest of these tokens, ordered by their texts, that a text begins with.
fn longest_beginning(tokens: &[Pattern], text: &[u8]) -> Option<usize> {
    // In this order, all that a text begins with come before it, and whatever comes between begins with
    // them too.
    let after = tokens.partition_point(|token| token.token.text.as_bytes() <= text);
    let mut last = after.checked_sub(1);
    while let Some(token) = last {
        if text.starts_with(tokens[token].token.text.as_bytes()) {
            return last;
        }
        last = tokens[token].beginning;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of a text, tokens as `None`.
    fn parts<'t>(tokens: &[AddedToken], text: &'t str) -> Vec<Option<&'t str>> {
        let mut parts = Vec::new();
        AddedTokens::new(tokens, SpecialTokens::AreTokens).split(text, |part| {
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
    fn of_many_tokens_that_begin_alike_the_longest_is_found() {
        let mut tokens: Vec<_> = (0..300).map(|n| token(&format!("<|{n}|>"))).collect();
        tokens.extend(["<", "<|", "<|1", "<|12|>x"].map(token));
        let lengths = |text: &str| {
            let mut rest = Vec::new();
            AddedTokens::new(&tokens, SpecialTokens::AreTokens).split(text, |part| {
                if let Part::Text(text) = part {
                    rest.push(text.to_owned());
                }
            });
            rest.concat()
        };
        assert_eq!(lengths("<|12|>x<|299|>y<|300|>z"), "y300|>z");
        assert_eq!(lengths("<|13<|1|"), "3|");
        assert_eq!(lengths("a<b"), "ab");
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
