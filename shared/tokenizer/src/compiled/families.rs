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
    /// gpt-oss, Llama 4 and others with the pattern of `o200k_base`.
    O200k,
    /// Mistral's Tekken: Nemo and later.
    Tekken,
    /// GPT-2 and those with its pattern: Phi-2, `OLMo`.
    Gpt2,
    /// The same with each digit apart: `SmolLM`, `StarCoder`, Cohere's.
    Gpt2Digits,
    /// Gemma, Llama 2, Mistral 7B and others whose texts are not split by a pattern.
    SentencePiece,
}

pub(crate) const LLAMA_3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
pub(crate) const QWEN_2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
pub(crate) const O200K: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|",
    r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);
pub(crate) const TEKKEN: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|",
    r"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);
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
    const ALL: [Self; 8] = [
        Self::Llama3,
        Self::Qwen2,
        Self::DeepSeek,
        Self::O200k,
        Self::Tekken,
        Self::Gpt2,
        Self::Gpt2Digits,
        Self::SentencePiece,
    ];

    /// The family whose files have these patterns, which split text one after the other; `None` if it is not
    /// covered.
    pub(crate) fn with_patterns(patterns: &[&str]) -> Option<Self> {
        match *patterns {
            [LLAMA_3] => Some(Self::Llama3),
            [QWEN_2] => Some(Self::Qwen2),
            [O200K] => Some(Self::O200k),
            [TEKKEN] => Some(Self::Tekken),
            _ if patterns == DEEP_SEEK => Some(Self::DeepSeek),
            _ => None,
        }
    }

    /// Its number in the compiled form, which never changes.
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Llama3 => 0,
            Self::Qwen2 => 1,
            Self::DeepSeek => 2,
            Self::O200k => 3,
            Self::Tekken => 4,
            Self::Gpt2 => 5,
            Self::Gpt2Digits => 6,
            Self::SentencePiece => 7,
        }
    }

    /// The family with this number.
    pub(crate) fn with_number(number: u32) -> Option<Self> {
        let mut families = Self::ALL.into_iter();
        families.find(|family| family.number() == number)
    }

    /// How it splits texts; `None` if it does not.
    #[inline]
    pub(crate) fn splitting(self) -> Option<Splitting> {
        Some(match self {
            Self::Llama3 => Splitting::By(Pattern::Llama3),
            Self::Qwen2 => Splitting::By(Pattern::Qwen2),
            Self::O200k => Splitting::By(Pattern::O200k),
            Self::Tekken => Splitting::By(Pattern::Tekken),
            Self::Gpt2 => Splitting::By(Pattern::Gpt2),
            Self::Gpt2Digits => Splitting::By(Pattern::Gpt2Digits),
            Self::DeepSeek => Splitting::LikeDeepSeek,
            Self::SentencePiece => return None,
        })
    }
}

/// How a family splits text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Splitting {
    /// In one go.
    By(Pattern),
    /// In segments, and those in pieces.
    LikeDeepSeek,
}

impl Splitting {
    /// Splits a text, and adds up what `count` says of each piece.
    #[inline]
    pub(crate) fn count_pieces(self, text: &str, count: impl FnMut(&[u8]) -> u32) -> u32 {
        match self {
            Self::By(pattern) => count_by(pattern, text, count),
            Self::LikeDeepSeek => count_segments(text, count),
        }
    }

    /// Where the piece ends that begins at `at`. `segment_end` is where the last call left it, at an earlier place of
    /// this text; zero at the beginning.
    #[inline]
    pub(crate) fn piece_end(self, text: &str, at: usize, segment_end: &mut usize) -> usize {
        match self {
            Self::By(pattern) => pattern.piece_end(text, at),
            Self::LikeDeepSeek => {
                if at >= *segment_end {
                    *segment_end = DeepSeekSegments::new(text).segment_end(at);
                }
                DeepSeekSegments::new(&text[..*segment_end]).piece_end(at)
            }
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
        assert_eq!(Family::ALL.map(Family::number), [0, 1, 2, 3, 4, 5, 6, 7]);
        for family in Family::ALL {
            assert_eq!(Family::with_number(family.number()), Some(family));
        }
        assert_eq!(Family::with_number(8), None);
    }

    #[test]
    fn a_family_is_known_by_all_of_its_patterns() {
        assert_eq!(Family::with_patterns(&[LLAMA_3]), Some(Family::Llama3));
        assert_eq!(Family::with_patterns(&[QWEN_2]), Some(Family::Qwen2));
        assert_eq!(Family::with_patterns(&[O200K]), Some(Family::O200k));
        assert_eq!(Family::with_patterns(&[TEKKEN]), Some(Family::Tekken));
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
            (Family::O200k, vec!["ab", " cd", "123", "4", "!"]),
            (Family::Tekken, vec!["ab", " cd", "1", "2", "3", "4", "!"]),
            (Family::Gpt2, vec!["ab", " cd", "1234", "!"]),
            (
                Family::Gpt2Digits,
                vec!["ab", " cd", "1", "2", "3", "4", "!"],
            ),
        ] {
            let mut counted = Vec::new();
            let splitting = family.splitting().unwrap();
            let tokens = splitting.count_pieces("ab cd1234!", |piece| {
                counted.push(String::from_utf8(piece.to_vec()).unwrap());
                2
            });
            assert_eq!(counted, pieces);
            assert_eq!(tokens as usize, 2 * pieces.len());
        }
    }
}
