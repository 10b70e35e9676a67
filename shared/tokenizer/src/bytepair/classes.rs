//! The classes of characters that the patterns tell apart.

static TABLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/classes"));

static WORD_CHARACTERS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/word_characters"));

/// `\w`
pub(crate) fn is_word_character(character: char) -> bool {
    let (ends, _) = WORD_CHARACTERS.as_chunks::<4>();
    let end = |index: usize| u32::from_le_bytes(ends[index]);
    let (mut low, mut high) = (0, ends.len() / 2);
    // The first range that does not end before the character.
    while low < high {
        let middle = low.midpoint(high);
        if end(2 * middle + 1) < u32::from(character) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low < ends.len() / 2 && end(2 * low) <= u32::from(character)
}

/// Blocks of 256 code points.
const BLOCKS: usize = 0x11_0000 / 256;

/// Of most texts, nearly all characters are among these: they are found in one step.
static ONE_BYTE: [CharacterClass; 0x80] = first_classes();
static TWO_BYTES: [CharacterClass; 0x800] = first_classes();

const fn first_classes<const N: usize>() -> [CharacterClass; N] {
    let mut classes = [CharacterClass::Other; N];
    let mut code_point = 0;
    while code_point < N {
        classes[code_point] = CharacterClass::of_code_point(code_point);
        code_point += 1;
    }
    classes
}

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
        Self::of_code_point(character as usize)
    }

    #[inline]
    const fn of_code_point(code_point: usize) -> Self {
        let block = TABLE[code_point / 256] as usize;
        Self::ALL[TABLE[BLOCKS + block * 256 + code_point % 256] as usize & 15]
    }

    /// The class of a character of one byte.
    #[inline]
    pub(crate) fn of_byte(byte: u8) -> Self {
        ONE_BYTE[usize::from(byte & 0x7f)]
    }

    /// The class of a character of two bytes.
    #[inline]
    pub(crate) fn of_two_bytes(first: u8, second: u8) -> Self {
        TWO_BYTES[usize::from(first & 0x1f) << 6 | usize::from(second & 0x3f)]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_have_their_classes() {
        for (characters, class) in [
            ("AǅЖ", CharacterClass::Upper),
            ("aßя", CharacterClass::Lower),
            ("ªʰ字ひ", CharacterClass::Caseless),
            ("\u{301}\u{20dd}", CharacterClass::Mark),
            ("1٣Ⅷ½", CharacterClass::Number),
            (" \t\u{a0}\u{3000}\u{85}", CharacterClass::Space),
            ("\r\n", CharacterClass::Newline),
            ("!'€😂", CharacterClass::Symbol),
            ("\0\u{200d}\u{378}", CharacterClass::Other),
        ] {
            for character in characters.chars() {
                assert_eq!(CharacterClass::of(character), class, "{character:?}");
            }
        }
    }

    #[test]
    fn words_are_made_of_letters_marks_numbers_and_connectors() {
        for character in "aZéЖ字ひ٣9_\u{301}\u{203f}\u{200d}".chars() {
            assert!(is_word_character(character), "{character:?}");
        }
        for character in "\0 -'.\u{2581}😂½\u{10ffff}".chars() {
            assert!(!is_word_character(character), "{character:?}");
        }
    }

    /// Those of all classes of which something is so.
    fn classes(is_so: impl Fn(CharacterClass) -> bool) -> Vec<CharacterClass> {
        let mut all = CharacterClass::ALL[..9].to_vec();
        all.retain(|class| is_so(*class));
        all
    }

    #[test]
    fn the_patterns_group_the_classes() {
        use CharacterClass::{Caseless, Lower, Mark, Newline, Other, Space, Symbol, Upper};
        assert_eq!(classes(CharacterClass::is_letter), [Upper, Lower, Caseless]);
        assert_eq!(classes(CharacterClass::is_white_space), [Space, Newline]);
        assert_eq!(classes(CharacterClass::is_symbol), [Other, Mark, Symbol]);
        assert_eq!(
            classes(CharacterClass::may_precede_word),
            [Other, Mark, Space, Symbol]
        );
        assert_eq!(
            classes(CharacterClass::begins_word),
            [Upper, Caseless, Mark]
        );
        assert_eq!(
            classes(CharacterClass::continues_word),
            [Lower, Caseless, Mark]
        );
    }
}
