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
    /// Of Llama 3: that of `cl100k_base` but for white space.
    Llama3,
    /// Of Qwen 2 and later: that of Llama 3 with each digit for itself.
    Qwen2,
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

    /// `\p{N}{1,most}` at a number.
    fn number(self, start: usize, most: u32) -> usize {
        let mut end = start;
        for _ in 0..most {
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
        let prefixed = first.may_precede_word();
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

/// A part of a text that `DeepSeek`'s patterns look at by itself, and its pieces.
#[derive(Clone, Copy)]
pub(crate) struct Segments<'t> {
    classes: Classes<'t>,
}

/// `[一-龥\u{3040}-ゟ゠-ヿ]`
fn is_cjk(character: char) -> bool {
    matches!(character, '\u{4e00}'..='\u{9fa5}' | '\u{3040}'..='\u{30ff}')
}

impl<'t> Segments<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            classes: Classes { text },
        }
    }

    /// Where the segment ends that begins at `start`: up to three numbers, a run of Chinese and
    /// Japanese characters, or what is between those.
    pub(crate) fn segment_end(self, start: usize) -> usize {
        let kind = |at: usize| {
            let text = self.classes.text;
            let (class, next) = self.classes.at(at)?;
            let is_cjk = text.as_bytes()[at] >= 0xe3 && text[at..].starts_with(is_cjk);
            Some((class == Class::Number, is_cjk, next))
        };
        let Some((number, cjk, mut end)) = kind(start) else {
            return start;
        };
        if number {
            return self.classes.number(start, 3);
        }
        while let Some((also_number, also_cjk, next)) = kind(end)
            && !also_number
            && also_cjk == cjk
        {
            end = next;
        }
        end
    }

    /// Where the piece ends that begins at `start`, in a segment that ends with the text.
    pub(crate) fn piece_end(self, start: usize) -> usize {
        if let Some(end) = self.matched(start) {
            return end;
        }
        // What no alternative takes is one piece up to where one does.
        let mut end = start;
        while let Some((_, next)) = self.classes.at(end) {
            end = next;
            if end < self.classes.text.len() && self.matched(end).is_some() {
                break;
            }
        }
        end
    }

    /// ``[!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+``
    fn matched(self, start: usize) -> Option<usize> {
        let classes = self.classes;
        let bytes = classes.text.as_bytes();
        let (first, behind_first) = classes.at(start)?;
        if bytes[start].is_ascii_punctuation() {
            let letters = bytes[behind_first..].iter();
            let count = letters
                .take_while(|byte| byte.is_ascii_alphabetic())
                .count();
            if count > 0 {
                return Some(behind_first + count);
            }
        }
        let in_word = |class: Class| class.is_letter() || class == Class::Mark;
        if in_word(first) {
            return Some(classes.run(behind_first, in_word));
        }
        if matches!(first, Class::Space | Class::Other | Class::Number) {
            let end = classes.run(behind_first, in_word);
            if end > behind_first {
                return Some(end);
            }
        }
        let symbols = start + usize::from(bytes[start] == b' ');
        let mut end = classes.run(symbols, |class| class == Class::Symbol);
        if end > symbols {
            while let Some(b'\r' | b'\n') = classes.byte(end) {
                end += 1;
            }
            return Some(end);
        }
        first
            .is_white_space()
            .then(|| classes.white_space(start, true))
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
            Self::Cl100k => cl100k(classes, start, first, behind_first, 3, false),
            Self::Llama3 => cl100k(classes, start, first, behind_first, 3, true),
            Self::Qwen2 => cl100k(classes, start, first, behind_first, 1, true),
        }
    }
}

/// `words|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
fn o200k(classes: Classes<'_>, start: usize, first: Class, behind_first: usize) -> usize {
    if let Some(end) = classes.cased_word(start, first, behind_first) {
        return end;
    }
    if first == Class::Number {
        return classes.number(start, 3);
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
///
/// Llama 3 and Qwen end in `\s*[\r\n]+|\s+(?!\S)|\s+` instead (`newline_first`).
fn cl100k(
    classes: Classes<'_>,
    start: usize,
    first: Class,
    behind_first: usize,
    digits: u32,
    newline_first: bool,
) -> usize {
    if let Some(end) = classes.contraction(start) {
        return end;
    }
    let prefixed = first.may_precede_word();
    let word = if prefixed { behind_first } else { start };
    let end = classes.run(word, Class::is_letter);
    if end > word {
        return end;
    }
    if first == Class::Number {
        return classes.number(start, digits);
    }
    if let Some(mut end) = classes.symbols(start) {
        while let Some(b'\r' | b'\n') = classes.byte(end) {
            end += 1;
        }
        return end;
    }
    classes.white_space(start, newline_first)
}
