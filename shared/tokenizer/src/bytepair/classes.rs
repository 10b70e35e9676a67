//! The classes of characters that the patterns tell apart.

static TABLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/classes"));

/// Blocks of 256 code points.
const BLOCKS: usize = 0x11_0000 / 256;

/// A character's class; the numbers are those that the build script writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum CharacterClass {
    /// Controls and what is not assigned: everything that has no other class.
    Other = 0,
    /// `\p{Lu}` and `\p{Lt}`.
    Upper = 1,
    /// `\p{Ll}`.
    Lower = 2,
    /// `\p{Lm}` and `\p{Lo}`, letters without case.
    Caseless = 3,
    /// `\p{M}`.
    Mark = 4,
    /// `\p{N}`.
    Number = 5,
    /// `\s` but for those below.
    Space = 6,
    /// `\r` and `\n`.
    Newline = 7,
    /// `\p{P}` and `\p{S}`.
    Symbol = 8,
}

impl CharacterClass {
    /// By number; a power of two of them, so that no number is out of bounds.
    const ALL: [Self; 16] = [
        Self::Other,
        Self::Upper,
        Self::Lower,
        Self::Caseless,
        Self::Mark,
        Self::Number,
        Self::Space,
        Self::Newline,
        Self::Symbol,
        Self::Other,
        Self::Other,
        Self::Other,
        Self::Other,
        Self::Other,
        Self::Other,
        Self::Other,
    ];

    #[inline]
    pub(crate) fn of(character: char) -> Self {
        let code_point = character as usize;
        let block = usize::from(TABLE[code_point / 256]);
        Self::ALL[usize::from(TABLE[BLOCKS + block * 256 + code_point % 256]) & 15]
    }

    pub(crate) fn is_letter(self) -> bool {
        matches!(self, Self::Upper | Self::Lower | Self::Caseless)
    }

    pub(crate) fn is_white_space(self) -> bool {
        matches!(self, Self::Space | Self::Newline)
    }

    /// `[^\s\p{L}\p{N}]`
    pub(crate) fn is_symbol(self) -> bool {
        matches!(self, Self::Other | Self::Mark | Self::Symbol)
    }

    /// `[^\r\n\p{L}\p{N}]`
    pub(crate) fn may_precede_word(self) -> bool {
        self.is_symbol() || self == Self::Space
    }

    /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
    pub(crate) fn begins_word(self) -> bool {
        matches!(self, Self::Upper | Self::Caseless | Self::Mark)
    }

    /// `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
    pub(crate) fn continues_word(self) -> bool {
        matches!(self, Self::Lower | Self::Caseless | Self::Mark)
    }
}
