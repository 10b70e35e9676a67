//! Spaces as tokenizers of SentencePiece's kind see them: as marks (`▁`) that words begin with.
//!
//! Their tables have a space where the file has a mark, so that most texts are read as they are; a mark in a
//! text counts as the space that it stands for, as it does in the reference.

use std::borrow::Cow;

/// What stands for a space in the files.
pub(crate) const MARK: char = '▁';

/// When a pre-tokenizer puts a mark before a part of a text that begins with none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetaspacePrefix {
    Never,
    /// Before the first one.
    First,
    Always,
}

/// What becomes of a text's spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spaces {
    /// They are bytes like others.
    Plain,
    /// A normalizer makes them marks.
    Marked,
    /// So it does, and puts one more before each text.
    MarkedWithPrefix,
    /// A pre-tokenizer does.
    Metaspace {
        prefix: MetaspacePrefix,
        /// Whether each mark begins a piece.
        splits: bool,
    },
}

impl Spaces {
    const ALL: [Self; 9] = {
        use MetaspacePrefix::{Always, First, Never};
        const fn metaspace(prefix: MetaspacePrefix, splits: bool) -> Spaces {
            Spaces::Metaspace { prefix, splits }
        }
        [
            Self::Plain,
            Self::Marked,
            Self::MarkedWithPrefix,
            metaspace(Never, false),
            metaspace(First, false),
            metaspace(Always, false),
            metaspace(Never, true),
            metaspace(First, true),
            metaspace(Always, true),
        ]
    };

    /// Its number in the compiled form, which never changes.
    pub(crate) fn number(self) -> u32 {
        let place = Self::ALL.iter().position(|spaces| *spaces == self);
        place
            .and_then(|place| u32::try_from(place).ok())
            .expect("it is one of all")
    }

    /// What has this number.
    pub(crate) fn with_number(number: u32) -> Option<Self> {
        Self::ALL.get(number as usize).copied()
    }

    /// Whether marks are made before added tokens are looked for in a normalized text.
    pub(crate) fn are_normalized(self) -> bool {
        matches!(self, Self::Marked | Self::MarkedWithPrefix)
    }

    /// Whether texts may begin with a mark that is not in them.
    pub(crate) fn begin_texts(self) -> bool {
        match self {
            Self::Plain | Self::Marked => false,
            Self::MarkedWithPrefix => true,
            Self::Metaspace { prefix, .. } => prefix != MetaspacePrefix::Never,
        }
    }

    /// Whether each mark begins a piece.
    pub(crate) fn split(self) -> bool {
        matches!(self, Self::Metaspace { splits: true, .. })
    }

    /// A text as it is normalized.
    #[inline]
    pub(crate) fn normalized(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Marked => unmarked(text),
            Self::MarkedWithPrefix if !text.is_empty() => prefixed(&unmarked(text)),
            _ => Cow::Borrowed(text),
        }
    }

    /// A part of a normalized text as it is split, where `is_first` says whether it is the beginning of the text.
    #[inline]
    pub(crate) fn pre_tokenized(self, part: &str, is_first: bool) -> Cow<'_, str> {
        let Self::Metaspace { prefix, .. } = self else {
            return Cow::Borrowed(part);
        };
        let part = unmarked(part);
        let has_prefix = match prefix {
            MetaspacePrefix::Never => false,
            MetaspacePrefix::First => is_first,
            MetaspacePrefix::Always => true,
        };
        if has_prefix && !part.is_empty() && !part.starts_with(' ') {
            return prefixed(&part);
        }
        part
    }
}

/// A text with spaces for its marks.
pub(crate) fn unmarked(text: &str) -> Cow<'_, str> {
    if text.contains(MARK) {
        Cow::Owned(text.replace(MARK, " "))
    } else {
        Cow::Borrowed(text)
    }
}

fn prefixed(text: &str) -> Cow<'static, str> {
    let mut prefixed = String::with_capacity(1 + text.len());
    prefixed.push(' ');
    prefixed.push_str(text);
    Cow::Owned(prefixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Tables are kept on disk.
    #[test]
    fn each_has_the_same_number_for_ever() {
        let first = Spaces::Metaspace {
            prefix: MetaspacePrefix::First,
            splits: false,
        };
        let numbers = [
            Spaces::Plain,
            Spaces::Marked,
            Spaces::MarkedWithPrefix,
            first,
        ];
        assert_eq!(numbers.map(Spaces::number), [0, 1, 2, 4]);
        for spaces in Spaces::ALL {
            assert_eq!(Spaces::with_number(spaces.number()), Some(spaces));
        }
        assert_eq!(Spaces::with_number(9), None);
    }

    #[test]
    fn a_prefix_comes_where_the_file_wants_it() {
        let metaspace = |prefix| Spaces::Metaspace {
            prefix,
            splits: false,
        };
        assert_eq!(Spaces::Marked.normalized("a▁b"), "a b");
        assert_eq!(Spaces::MarkedWithPrefix.normalized("▁a"), "  a");
        assert_eq!(Spaces::MarkedWithPrefix.normalized(""), "");
        let first = metaspace(MetaspacePrefix::First);
        assert_eq!(first.normalized("a▁b"), "a▁b");
        assert_eq!(first.pre_tokenized("a▁b", true), " a b");
        assert_eq!(first.pre_tokenized("a", false), "a");
        assert_eq!(first.pre_tokenized("▁a", true), " a");
        let always = metaspace(MetaspacePrefix::Always);
        assert_eq!(always.pre_tokenized("a", false), " a");
        assert_eq!(always.pre_tokenized("", true), "");
        assert_eq!(
            metaspace(MetaspacePrefix::Never).pre_tokenized("a", true),
            "a"
        );
    }
}
