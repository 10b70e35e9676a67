//! Hand-written scanners for the patterns of the encodings.
//!
//! The patterns are those of `tiktoken_ext/openai_public.py`. Each alternative of a pattern is tried
//! in turn, as a backtracking engine does, but with the outcome of the backtracking worked out
//! beforehand; the tests compare with the real engine.

use super::class::Class;

/// Which pattern splits text into pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// Of `o200k_base`.
    O200k,
    /// Of `cl100k_base`.
    Cl100k,
}

/// Text with the class of each character at hand.
#[derive(Clone, Copy)]
struct Classes<'t> {
    text: &'t str,
}

impl Classes<'_> {
    /// The class of the character at `at`, and where the next one begins.
    #[inline]
    fn at(self, at: usize) -> Option<(Class, usize)> {
        let byte = *self.text.as_bytes().get(at)?;
        if byte < 0x80 {
            return Some((Class::of(char::from(byte)), at + 1));
        }
        let character = self.text[at..].chars().next()?;
        Some((Class::of(character), at + character.len_utf8()))
    }

    /// Where the run of characters ends that begins at `at` and satisfies `member`.
    #[inline]
    fn run(self, mut at: usize, member: impl Fn(Class) -> bool) -> usize {
        while let Some((class, next)) = self.at(at) {
            if !member(class) {
                break;
            }
            at = next;
        }
        at
    }

    fn byte(self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)` at `at`; U+017F is an `s` when case does not matter.
    fn contraction(self, at: usize) -> Option<usize> {
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

    /// `\p{N}{1,3}` at a number.
    fn number(self, start: usize) -> usize {
        let mut end = start;
        for _ in 0..3 {
            match self.at(end) {
                Some((Class::Number, next)) => end = next,
                _ => break,
            }
        }
        end
    }

    /// ` ?[^\s\p{L}\p{N}]+`
    fn symbols(self, start: usize) -> Option<usize> {
        let first = start + usize::from(self.byte(start) == Some(b' '));
        let end = self.run(first, Class::is_symbol);
        (end > first).then_some(end)
    }

    /// White space that nothing else took, of which `newline_first` says whether a newline in it
    /// cuts it even at the end of the text.
    fn white_space(self, start: usize, newline_first: bool) -> usize {
        let (mut end, mut last, mut behind_newline) = (start, start, None);
        while let Some((class, next)) = self.at(end)
            && class.is_white_space()
        {
            (last, end) = (end, next);
            if class == Class::Newline {
                behind_newline = Some(end);
            }
        }
        let at_end = end == self.text.len();
        match behind_newline {
            Some(behind) if newline_first || !at_end => behind,
            // All but the last, which goes with what follows; unless it is the only one.
            _ if at_end || last == start => end,
            _ => last,
        }
    }

    /// The first two alternatives of `o200k_base`:
    /// `[^\r\n\p{L}\p{N}]?U*W+(contraction)?|[^\r\n\p{L}\p{N}]?U+W*(contraction)?`, where `U` is
    /// [`Class::begins_word`] and `W` is [`Class::continues_word`].
    fn cased_word(self, start: usize, first: Class, behind_first: usize) -> Option<usize> {
        let prefixed = matches!(first, Class::Other | Class::Mark | Class::Space);
        let word = if prefixed { behind_first } else { start };
        let (mut upper_end, mut continued) = (word, None);
        while let Some((class, next)) = self.at(upper_end)
            && class.begins_word()
        {
            upper_end = next;
            if class.continues_word() {
                continued = Some(next);
            }
        }
        let end = match self.at(upper_end) {
            Some((Class::Lower, next)) => self.run(next, Class::continues_word),
            // `W+` gets the last character that both take.
            _ => match continued {
                Some(end) => end,
                // Without the prefix, a mark is a word of its own.
                None if first == Class::Mark => behind_first,
                None if upper_end > word => upper_end,
                None => return None,
            },
        };
        Some(self.contraction(end).unwrap_or(end))
    }
}

impl Pattern {
    /// Where the piece ends that begins at `start`, which is before the end of `text`.
    #[inline]
    pub(crate) fn piece_end(self, text: &str, start: usize) -> usize {
        let classes = Classes { text };
        let (first, behind_first) = classes.at(start).expect("a piece begins before the end");
        match self {
            Self::O200k => o200k(classes, start, first, behind_first),
            Self::Cl100k => cl100k(classes, start, first, behind_first),
        }
    }
}

/// `words|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
fn o200k(classes: Classes<'_>, start: usize, first: Class, behind_first: usize) -> usize {
    if let Some(end) = classes.cased_word(start, first, behind_first) {
        return end;
    }
    if first == Class::Number {
        return classes.number(start);
    }
    if let Some(mut end) = classes.symbols(start) {
        while let Some(b'\r' | b'\n' | b'/') = classes.byte(end) {
            end += 1;
        }
        return end;
    }
    classes.white_space(start, true)
}

/// `'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s`
fn cl100k(classes: Classes<'_>, start: usize, first: Class, behind_first: usize) -> usize {
    if let Some(end) = classes.contraction(start) {
        return end;
    }
    let prefixed = matches!(first, Class::Other | Class::Mark | Class::Space);
    let word = if prefixed { behind_first } else { start };
    let end = classes.run(word, Class::is_letter);
    if end > word {
        return end;
    }
    if first == Class::Number {
        return classes.number(start);
    }
    if let Some(mut end) = classes.symbols(start) {
        while let Some(b'\r' | b'\n') = classes.byte(end) {
            end += 1;
        }
        return end;
    }
    classes.white_space(start, false)
}
