//! The families that are covered: how each splits text.

use crate::bytepair::splitting::{DeepSeekSegments, Pattern};

/// How the models of a family split text into pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Llama 3 and later.
    Llama3,
    /// Qwen 2 and later.
    Qwen2,
    /// `DeepSeek` V3 and its relatives.
    DeepSeek,
}

pub(crate) const LLAMA_3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
pub(crate) const QWEN_2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
pub(crate) const DEEP_SEEK: [&str; 3] = [
    r"\p{N}{1,3}",
    "[一-龥\u{3040}-ゟ゠-ヿ]+",
    concat!(
        r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^"##,
        "\r\n",
        r"\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[",
        "\r\n",
        r"]*|\s*[",
        "\r\n",
        r"]+|\s+(?!\S)|\s+"
    ),
];

impl Family {
    const ALL: [Self; 3] = [Self::Llama3, Self::Qwen2, Self::DeepSeek];

    /// The patterns of its `tokenizer.json`, which split text one after the other.
    fn patterns(self) -> &'static [&'static str] {
        match self {
            Self::Llama3 => &[LLAMA_3],
            Self::Qwen2 => &[QWEN_2],
            Self::DeepSeek => &DEEP_SEEK,
        }
    }

    /// The family whose files have these patterns; `None` if it is not covered.
    pub(crate) fn with_patterns(patterns: &[&str]) -> Option<Self> {
        let mut families = Self::ALL.into_iter();
        families.find(|family| family.patterns() == patterns)
    }

    /// Its number in the compiled form, which never changes.
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Llama3 => 0,
            Self::Qwen2 => 1,
            Self::DeepSeek => 2,
        }
    }

    /// The family with this number.
    pub(crate) fn with_number(number: u32) -> Option<Self> {
        let mut families = Self::ALL.into_iter();
        families.find(|family| family.number() == number)
    }

    /// Splits a text, and adds up what `count` says of each piece.
    #[inline]
    pub(crate) fn count_pieces(self, text: &str, count: impl FnMut(&[u8]) -> u32) -> u32 {
        match self {
            Self::Llama3 => count_by(Pattern::Llama3, text, count),
            Self::Qwen2 => count_by(Pattern::Qwen2, text, count),
            Self::DeepSeek => count_segments(text, count),
        }
    }
}

#[inline]
fn count_by(pattern: Pattern, text: &str, mut count: impl FnMut(&[u8]) -> u32) -> u32 {
    let (mut tokens, mut start) = (0, 0);
    while start < text.len() {
        let end = pattern.piece_end(text, start);
        tokens += count(&text.as_bytes()[start..end]);
        start = end;
    }
    tokens
}

#[inline]
fn count_segments(text: &str, mut count: impl FnMut(&[u8]) -> u32) -> u32 {
    let (mut tokens, mut start) = (0, 0);
    while start < text.len() {
        let end = DeepSeekSegments::new(text).segment_end(start);
        let segment = &text[start..end];
        let mut piece = 0;
        while piece < segment.len() {
            let piece_end = DeepSeekSegments::new(segment).piece_end(piece);
            tokens += count(&segment.as_bytes()[piece..piece_end]);
            piece = piece_end;
        }
        start = end;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    // Tables are kept on disk.
    #[test]
    fn a_family_has_the_same_number_for_ever() {
        let numbers = [Family::Llama3, Family::Qwen2, Family::DeepSeek].map(Family::number);
        assert_eq!(numbers, [0, 1, 2]);
        for family in Family::ALL {
            assert_eq!(Family::with_number(family.number()), Some(family));
        }
        assert_eq!(Family::with_number(3), None);
    }

    #[test]
    fn a_family_is_known_by_all_of_its_patterns() {
        assert_eq!(Family::with_patterns(&[LLAMA_3]), Some(Family::Llama3));
        assert_eq!(Family::with_patterns(&[QWEN_2]), Some(Family::Qwen2));
        assert_eq!(Family::with_patterns(&DEEP_SEEK), Some(Family::DeepSeek));
        assert_eq!(Family::with_patterns(&DEEP_SEEK[..2]), None);
        assert_eq!(Family::with_patterns(&[]), None);
    }

    #[test]
    fn each_piece_is_counted_once() {
        for (family, pieces) in [
            (Family::Llama3, vec!["ab", " cd", "123", "4", "!"]),
            (Family::Qwen2, vec!["ab", " cd", "1", "2", "3", "4", "!"]),
            (Family::DeepSeek, vec!["ab", " cd", "123", "4", "!"]),
        ] {
            let mut counted = Vec::new();
            let tokens = family.count_pieces("ab cd1234!", |piece| {
                counted.push(String::from_utf8(piece.to_vec()).unwrap());
                2
            });
            assert_eq!(counted, pieces);
            assert_eq!(tokens as usize, 2 * pieces.len());
        }
    }
}
