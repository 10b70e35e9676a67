//! Text in a chat that reads as one of the model's special tokens.
//!
//! A tokenizer recognizes its special tokens anywhere in a rendered chat. Where a message quotes one,
//! as `<|im_end|>`, the trainer would see a turn end there.

use crate::phrases::Phrases;

const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// The special tokens of a model, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpecialTokens {
    phrases: Phrases,
    // Sorted, so that those with one first byte stand together.
    texts: Vec<String>,
}

impl SpecialTokens {
    /// A model's special tokens; those of one character can't be broken, and are passed over.
    pub fn new(tokens: impl IntoIterator<Item = String>) -> Self {
        let mut texts: Vec<String> = tokens
            .into_iter()
            .filter(|text| text.chars().nth(1).is_some() && !text.trim().is_empty())
            .collect();
        texts.sort_unstable();
        texts.dedup();
        Self {
            phrases: Phrases::new(texts.iter().map(String::as_str)),
            texts,
        }
    }

    /// The one that ends first in the text, if there is any.
    pub fn find(&self, text: &str) -> Option<&str> {
        self.phrases.find(text)
    }

    /// Puts a zero-width joiner inside whatever in `text`, from the byte `from` on, reads as a special
    /// token; how many such places there were.
    pub fn neutralize(&self, text: &mut String, from: usize) -> usize {
        if self.texts.is_empty() || self.find(&text[from..]).is_none() {
            return 0;
        }
        let original = text.split_off(from);
        let mut count = 0;
        let mut copied = 0;
        for (at, _) in original.char_indices() {
            if self.one_begins(&original.as_bytes()[at..]) {
                // A token within a token is broken too, since the search goes on at the next character.
                let inside = original.ceil_char_boundary(at + 1);
                text.push_str(&original[copied..inside]);
                text.push(ZERO_WIDTH_JOINER);
                copied = inside;
                count += 1;
            }
        }
        text.push_str(&original[copied..]);
        count
    }

    fn one_begins(&self, text: &[u8]) -> bool {
        let same_first = self
            .texts
            .partition_point(|token| token.as_bytes()[0] < text[0]);
        self.texts[same_first..]
            .iter()
            .take_while(|token| token.as_bytes()[0] == text[0])
            .any(|token| text.starts_with(token.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text without special tokens, and how many there were.
    fn neutralized(tokens: &[&str], text: &str) -> (String, usize) {
        let tokens = SpecialTokens::new(tokens.iter().map(|&token| token.to_owned()));
        let mut text = text.to_owned();
        let count = tokens.neutralize(&mut text, 0);
        (text, count)
    }

    #[test]
    fn text_without_special_tokens_stays() {
        let text = "a < b <|im_en";
        assert_eq!(neutralized(&["<|im_end|>"], text), (text.to_owned(), 0));
    }

    #[test]
    fn a_joiner_breaks_each_special_token() {
        let (text, count) = neutralized(&["<|im_end|>", "<s>"], "x<s><|im_end|>y");
        assert_eq!(text, "x<\u{200d}s><\u{200d}|im_end|>y");
        assert_eq!(count, 2);
    }

    #[test]
    fn a_token_within_a_token_is_broken_too() {
        let (text, _) = neutralized(&["<<s>>", "<s>"], "<<s>>");
        assert_eq!(text, "<\u{200d}<\u{200d}s>>");
    }

    #[test]
    fn tokens_of_other_scripts_are_broken_between_characters() {
        let (text, _) = neutralized(&["｜end"], "ｘ｜end");
        assert_eq!(text, "ｘ｜\u{200d}end");
    }

    #[test]
    fn only_what_comes_after_the_beginning_given_is_broken() {
        let tokens = SpecialTokens::new(["<s>".to_owned()]);
        let mut text = "<s><s>".to_owned();
        assert_eq!(tokens.neutralize(&mut text, 3), 1);
        assert_eq!(text, "<s><\u{200d}s>");
    }

    #[test]
    fn a_token_of_one_character_is_ordinary_text() {
        assert_eq!(neutralized(&["\n", "x"], "x\n"), ("x\n".to_owned(), 0));
    }
}
