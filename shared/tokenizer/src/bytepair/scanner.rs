//! Runs of characters in a text: what the alternatives of the patterns are made of.
//!
//! Each part of a pattern is read as a backtracking engine reads it, but with the outcome of the
//! backtracking worked out beforehand.

use super::classes::CharacterClass;

/// Text with the class of each character at hand.
#[derive(Clone, Copy)]
pub(crate) struct Scanner<'t> {
    pub(crate) text: &'t str,
}

impl Scanner<'_> {
    /// The class of the character at `at`, and where the next one begins.
    #[inline]
    pub(crate) fn at(self, at: usize) -> Option<(CharacterClass, usize)> {
        let bytes = self.text.as_bytes();
        let first = *bytes.get(at)?;
        if first < 0x80 {
            return Some((CharacterClass::of_byte(first), at + 1));
        }
        if first < 0xe0 {
            let second = *bytes.get(at + 1)?;
            return Some((CharacterClass::of_two_bytes(first, second), at + 2));
        }
        self.at_longer(at)
    }

    /// The same, of a character of three or four bytes.
    fn at_longer(self, at: usize) -> Option<(CharacterClass, usize)> {
        let character = self.text[at..].chars().next()?;
        Some((CharacterClass::of(character), at + character.len_utf8()))
    }

    /// Where the run of characters ends that begins at `at` and satisfies `member`.
    #[inline]
    pub(crate) fn run(self, mut at: usize, member: impl Fn(CharacterClass) -> bool) -> usize {
        while let Some((class, next)) = self.at(at) {
            if !member(class) {
                break;
            }
            at = next;
        }
        at
    }

    pub(crate) fn byte(self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)` at `at`; U+017F is an `s` when case does not matter.
    pub(crate) fn contraction(self, at: usize) -> Option<usize> {
        if self.byte(at) != Some(b'\'') {
            return None;
        }
        let first = self.byte(at + 1)?.to_ascii_lowercase();
        if matches!(first, b's' | b't' | b'm' | b'd') {
            return Some(at + 2);
        }
        if self.text[at + 1..].starts_with('\u{17f}') {
            return Some(at + 1 + '\u{17f}'.len_utf8());
        }
        let second = self.byte(at + 2)?.to_ascii_lowercase();
        matches!((first, second), (b'r' | b'v', b'e') | (b'l', b'l')).then_some(at + 3)
    }

    /// `'s|'t|'re|'ve|'m|'ll|'d` at `at`.
    pub(crate) fn small_contraction(self, at: usize) -> Option<usize> {
        let rest = &self.text.as_bytes()[at..];
        match rest {
            [b'\'', b's' | b't' | b'm' | b'd', ..] => Some(at + 2),
            [b'\'', b'r' | b'v', b'e', ..] | [b'\'', b'l', b'l', ..] => Some(at + 3),
            _ => None,
        }
    }

    /// Whether the character at `at` is a number to the standard library.
    pub(crate) fn is_numeric(self, at: usize) -> bool {
        self.text[at..].starts_with(char::is_numeric)
    }

    /// `\p{N}{1,most}` at a number.
    pub(crate) fn number(self, start: usize, most: u32) -> usize {
        let mut end = start;
        for _ in 0..most {
            match self.at(end) {
                Some((CharacterClass::Number, next)) => end = next,
                _ => break,
            }
        }
        end
    }

    /// ` ?[^\s\p{L}\p{N}]+`
    pub(crate) fn symbols(self, start: usize) -> Option<usize> {
        let first = start + usize::from(self.byte(start) == Some(b' '));
        let end = self.run(first, CharacterClass::is_symbol);
        (end > first).then_some(end)
    }

    /// `\s+(?!\S)|\s+` where the text is cut before some characters.
    pub(crate) fn plain_white_space(
        self,
        start: usize,
        is_cut: impl Fn(CharacterClass, usize) -> bool,
    ) -> usize {
        let (mut end, mut last) = (start, start);
        while let Some((class, next)) = self.at(end) {
            if !class.is_white_space() {
                // All but the last, which goes with what follows; unless it is the only one.
                let is_whole = last == start || is_cut(class, end);
                return if is_whole { end } else { last };
            }
            (last, end) = (end, next);
        }
        end
    }

    /// White space that nothing else took, of which `newline_first` says whether a newline in it
    /// cuts it even at the end of the text.
    pub(crate) fn white_space(self, start: usize, newline_first: bool) -> usize {
        let (mut end, mut last, mut after_newline) = (start, start, None);
        while let Some((class, next)) = self.at(end)
            && class.is_white_space()
        {
            (last, end) = (end, next);
            if class == CharacterClass::Newline {
                after_newline = Some(end);
            }
        }
        let at_end = end == self.text.len();
        match after_newline {
            Some(after) if newline_first || !at_end => after,
            // All but the last, which goes with what follows; unless it is the only one.
            _ if at_end || last == start => end,
            _ => last,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanner(text: &str) -> Scanner<'_> {
        Scanner { text }
    }

    #[test]
    fn contractions_are_the_english_ones_in_any_case() {
        for (text, end) in [
            ("'s", Some(2)),
            ("'Tx", Some(2)),
            ("'m", Some(2)),
            ("'d", Some(2)),
            ("'ſ", Some(3)),
            ("'re", Some(3)),
            ("'VE", Some(3)),
            ("'lL", Some(3)),
            ("'le", None),
            ("'rl", None),
            ("'x", None),
            ("'r", None),
            ("'", None),
            ("s", None),
        ] {
            assert_eq!(scanner(text).contraction(0), end, "{text}");
        }
        assert_eq!(scanner("it's").contraction(2), Some(4));
    }

    #[test]
    fn runs_end_with_their_kind_or_where_they_may_be_no_longer() {
        assert_eq!(scanner("a12345").number(1, 3), 4);
        assert_eq!(scanner("٣4x").number(0, 3), 3);
        assert_eq!(scanner("12").number(0, 1), 1);
        assert_eq!(scanner(" !?x").symbols(0), Some(3));
        assert_eq!(scanner("!?").symbols(0), Some(2));
        assert_eq!(scanner("  !").symbols(0), None);
        assert_eq!(scanner("x").symbols(0), None);
        let letters = scanner("xéЖ1");
        assert_eq!(letters.run(1, CharacterClass::is_letter), 5);
        assert_eq!(letters.at(6), None);
    }

    #[test]
    fn white_space_leaves_its_last_to_what_follows_and_ends_after_a_newline() {
        for (text, newline_first, end) in [
            ("   x", false, 2),
            (" x", false, 1),
            ("   ", false, 3),
            (" \n  x", false, 2),
            (" \n\n x", false, 3),
            (" \n  ", false, 4),
            (" \n  ", true, 2),
            (" \u{3000}\u{3000}x", false, 4),
        ] {
            let scanner = scanner(text);
            assert_eq!(scanner.white_space(0, newline_first), end, "{text:?}");
        }
    }
}
