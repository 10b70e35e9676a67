//! Text in a chat that reads as one of the model's special tokens.
//!
//! A tokenizer recognizes its special tokens anywhere in a rendered chat. Where a message quotes one,
//! as `<|im_end|>`, the trainer would see a turn end there.

use std::borrow::Cow;

use crate::files::Findings;

const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// The special tokens of a model, as text.
#[derive(Clone, Debug, Default)]
pub struct SpecialTokens {
    // Sorted, so that those with one first byte stand together.
    texts: Vec<String>,
}

/// A text in which no special token is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neutralized<'t> {
    /// The text, with a zero-width joiner inside whatever read as a special token.
    pub text: Cow<'t, str>,
    /// How many such places there were.
    pub count: usize,
}

impl SpecialTokens {
    /// Those that the tokenizer calls special, those that a template may name, and, as `transformers`
    /// has it, other added tokens that the template writes itself.
    pub(crate) fn new(findings: &Findings) -> Self {
        let template = findings.template.as_deref().unwrap_or_default();
        let added = findings
            .added_tokens
            .iter()
            .filter(|token| token.special || template.contains(&token.text))
            .map(|token| &token.text);
        let named = findings.named_tokens.iter().map(|token| &token.text);
        let mut texts: Vec<String> = added
            .chain(named)
            .filter(|text| text.chars().nth(1).is_some() && !text.trim().is_empty())
            .cloned()
            .collect();
        texts.sort_unstable();
        texts.dedup();
        Self { texts }
    }

    /// The tokens, in byte order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(String::as_str)
    }

    /// Breaks whatever in `text` reads as a special token.
    pub fn neutralize<'t>(&self, text: &'t str) -> Neutralized<'t> {
        let mut begins = [false; 256];
        for token in &self.texts {
            begins[usize::from(token.as_bytes()[0])] = true;
        }
        let mut broken = String::new();
        let mut copied = 0;
        let mut count = 0;
        for (at, byte) in text.bytes().enumerate() {
            if begins[usize::from(byte)] && self.one_begins(&text.as_bytes()[at..]) {
                // A token within a token is broken too, since the search goes on at the next character.
                let inside = text.ceil_char_boundary(at + 1);
                broken.push_str(&text[copied..inside]);
                broken.push(ZERO_WIDTH_JOINER);
                copied = inside;
                count += 1;
            }
        }
        if count == 0 {
            return Neutralized {
                text: Cow::Borrowed(text),
                count,
            };
        }
        broken.push_str(&text[copied..]);
        Neutralized {
            text: Cow::Owned(broken),
            count,
        }
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
    use crate::files::{AddedToken, NamedToken};

    fn tokens(texts: &[&str]) -> SpecialTokens {
        let added_tokens = texts.iter().map(|&text| AddedToken {
            text: text.to_owned(),
            special: true,
        });
        SpecialTokens::new(&Findings {
            added_tokens: added_tokens.collect(),
            ..Findings::default()
        })
    }

    #[test]
    fn text_without_special_tokens_is_borrowed() {
        let neutralized = tokens(&["<|im_end|>"]).neutralize("a < b <|im_en");
        assert!(matches!(neutralized.text, Cow::Borrowed(_)));
        assert_eq!(neutralized.count, 0);
    }

    #[test]
    fn a_joiner_breaks_each_special_token() {
        let neutralized = tokens(&["<|im_end|>", "<s>"]).neutralize("x<s><|im_end|>y");
        assert_eq!(neutralized.text, "x<\u{200d}s><\u{200d}|im_end|>y");
        assert_eq!(neutralized.count, 2);
    }

    #[test]
    fn a_token_within_a_token_is_broken_too() {
        let neutralized = tokens(&["<<s>>", "<s>"]).neutralize("<<s>>");
        assert_eq!(neutralized.text, "<\u{200d}<\u{200d}s>>");
    }

    #[test]
    fn tokens_of_other_scripts_are_broken_between_characters() {
        let neutralized = tokens(&["｜end"]).neutralize("ｘ｜end");
        assert_eq!(neutralized.text, "ｘ｜\u{200d}end");
    }

    #[test]
    fn plain_added_tokens_count_if_the_template_writes_them() {
        let added = |text: &str| AddedToken {
            text: text.to_owned(),
            special: false,
        };
        let special = SpecialTokens::new(&Findings {
            template: Some("<think>{{ messages }}\n\n".to_owned()),
            named_tokens: vec![NamedToken {
                name: "eos_token".to_owned(),
                text: "</s>".to_owned(),
            }],
            added_tokens: vec![added("<think>"), added("<unused>"), added("\n\n")],
        });
        assert_eq!(special.iter().collect::<Vec<_>>(), ["</s>", "<think>"]);
    }
}
