//! The patterns by which families split text into pieces.
//!
//! Those of OpenAI's encodings are in `tiktoken_ext/openai_public.py`, the others in the models' own
//! `tokenizer.json`. The alternatives of a pattern are tried in turn, as a backtracking engine does; the
//! tests compare with the real engines.

use super::classes::CharacterClass;
use super::scanner::Scanner;

/// Which pattern splits a text in one go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// Of `o200k_base`.
    O200k,
    /// Of `cl100k_base`.
    Cl100k,
    /// Of Llama 3: that of `cl100k_base` but for white space.
    Llama3,
    /// Of Qwen 2 and later: that of Llama 3, with each digit a piece of its own.
    Qwen2,
    /// Of Mistral's Tekken: that of `o200k_base` without contractions, with each digit a piece of its own.
    Tekken,
    /// Of GPT-2, and so of `r50k_base` and `p50k_base`.
    Gpt2,
    /// The same between digits, each of which is cut off beforehand.
    Gpt2Digits,
}

/// In what the patterns that resemble that of `o200k_base` differ.
#[derive(Clone, Copy)]
struct O200kRules {
    /// The most digits of a piece.
    digits: u32,
    /// Whether English contractions belong to their words.
    contractions: bool,
}

/// In what the patterns that resemble that of `cl100k_base` differ.
#[derive(Clone, Copy)]
struct Cl100kRules {
    /// The most digits of a piece.
    digits: u32,
    /// Whether a newline cuts white space even at the end of the text.
    newline_first: bool,
}

/// The beginning of a piece.
#[derive(Clone, Copy)]
struct PieceStart<'t> {
    scanner: Scanner<'t>,
    at: usize,
    /// The class of its first character.
    first: CharacterClass,
    after_first: usize,
}

impl Pattern {
    /// Where the piece ends that begins at `at`, which is before the end of `text`.
    #[inline]
    pub(crate) fn piece_end(self, text: &str, at: usize) -> usize {
        let scanner = Scanner { text };
        let (first, after_first) = scanner.at(at).expect("a piece begins before the end");
        let start = PieceStart {
            scanner,
            at,
            first,
            after_first,
        };
        let like_cl100k = |digits, newline_first| {
            start.cl100k(Cl100kRules {
                digits,
                newline_first,
            })
        };
        match self {
            Self::O200k => start.o200k(O200kRules {
                digits: 3,
                contractions: true,
            }),
            Self::Tekken => start.o200k(O200kRules {
                digits: 1,
                contractions: false,
            }),
            Self::Gpt2 => start.gpt2(false),
            Self::Gpt2Digits => start.gpt2(true),
            Self::Cl100k => like_cl100k(3, false),
            Self::Llama3 => like_cl100k(3, true),
            Self::Qwen2 => like_cl100k(1, true),
        }
    }
}

impl PieceStart<'_> {
    /// `words|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`, where `words` is [`Self::cased_word`].
    ///
    /// Tekken has `\p{N}` and no contractions instead ([`O200kRules`]).
    fn o200k(self, rules: O200kRules) -> usize {
        let Self { scanner, at, .. } = self;
        if let Some(end) = self.cased_word() {
            // Looked at here as well, which spares most words a call.
            if rules.contractions && scanner.byte(end) == Some(b'\'') {
                return scanner.contraction(end).unwrap_or(end);
            }
            return end;
        }
        if self.first == CharacterClass::Number {
            return scanner.number(at, rules.digits);
        }
        if let Some(mut end) = scanner.symbols(at) {
            while let Some(b'\r' | b'\n' | b'/') = scanner.byte(end) {
                end += 1;
            }
            return end;
        }
        scanner.white_space(at, true)
    }

    /// The first two alternatives of `o200k_base`, up to the contraction:
    /// `[^\r\n\p{L}\p{N}]?U*W+(contraction)?|[^\r\n\p{L}\p{N}]?U+W*(contraction)?`, where `U` is
    /// [`CharacterClass::begins_word`] and `W` is [`CharacterClass::continues_word`].
    fn cased_word(self) -> Option<usize> {
        let Self { scanner, first, .. } = self;
        let word = self.word_start();
        let (mut upper_end, mut continued) = (word, None);
        while let Some((class, next)) = scanner.at(upper_end)
            && class.begins_word()
        {
            upper_end = next;
            if class.continues_word() {
                continued = Some(next);
            }
        }
        match scanner.at(upper_end) {
            Some((CharacterClass::Lower, next)) => {
                Some(scanner.run(next, CharacterClass::continues_word))
            }
            // `W+` gets the last character that both take.
            _ => match continued {
                Some(end) => Some(end),
                // Without the prefix, a mark is a word of its own.
                None if first == CharacterClass::Mark => Some(self.after_first),
                None => (upper_end > word).then_some(upper_end),
            },
        }
    }

    /// Where the letters of a word begin, after the one character that may precede them.
    fn word_start(self) -> usize {
        if self.first.may_precede_word() {
            self.after_first
        } else {
            self.at
        }
    }

    /// `'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s`
    ///
    /// Llama 3 and Qwen end in `\s*[\r\n]+|\s+(?!\S)|\s+` instead ([`Cl100kRules::newline_first`]).
    fn cl100k(self, rules: Cl100kRules) -> usize {
        let Self { scanner, at, .. } = self;
        if let Some(end) = scanner.contraction(at) {
            return end;
        }
        let word = self.word_start();
        let end = scanner.run(word, CharacterClass::is_letter);
        if end > word {
            return end;
        }
        if self.first == CharacterClass::Number {
            return scanner.number(at, rules.digits);
        }
        if let Some(mut end) = scanner.symbols(at) {
            while let Some(b'\r' | b'\n') = scanner.byte(end) {
                end += 1;
            }
            return end;
        }
        scanner.white_space(at, rules.newline_first)
    }

    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`, in a text that is cut around
    /// each of its digits beforehand if these are `apart`.
    fn gpt2(self, apart: bool) -> usize {
        let Self { scanner, at, .. } = self;
        let is_apart = |class: CharacterClass, at: usize| match class {
            // Not all that are numbers to a standard library are numbers to the patterns.
            CharacterClass::Number | CharacterClass::Other => apart && scanner.is_numeric(at),
            _ => false,
        };
        if is_apart(self.first, at) {
            return self.after_first;
        }
        if let Some(end) = scanner.small_contraction(at) {
            return end;
        }
        let run = |mut at: usize, member: fn(CharacterClass) -> bool| {
            while let Some((class, next)) = scanner.at(at)
                && member(class)
                && !is_apart(class, at)
            {
                at = next;
            }
            at
        };
        let word = at + usize::from(scanner.byte(at) == Some(b' '));
        if let Some((class, _)) = scanner.at(word)
            && !class.is_white_space()
        {
            let end = match class {
                class if class.is_letter() => scanner.run(word, CharacterClass::is_letter),
                CharacterClass::Number => run(word, |class| class == CharacterClass::Number),
                _ => run(word, CharacterClass::is_symbol),
            };
            if end > word {
                return end;
            }
        }
        scanner.plain_white_space(at, is_apart)
    }
}

/// A text in the parts that `DeepSeek`'s patterns look at by themselves, and their pieces.
#[derive(Clone, Copy)]
pub(crate) struct DeepSeekSegments<'t> {
    scanner: Scanner<'t>,
}

/// `[一-龥\u{3040}-ゟ゠-ヿ]`
fn is_cjk(character: char) -> bool {
    matches!(character, '\u{4e00}'..='\u{9fa5}' | '\u{3040}'..='\u{30ff}')
}

impl<'t> DeepSeekSegments<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            scanner: Scanner { text },
        }
    }

    /// Where the segment ends that begins at `start`: up to three numbers, a run of Chinese and
    /// Japanese characters, or what is between those.
    pub(crate) fn segment_end(self, start: usize) -> usize {
        let kind = |at: usize| {
            let text = self.scanner.text;
            let (class, next) = self.scanner.at(at)?;
            let is_cjk = text.as_bytes()[at] >= 0xe3 && text[at..].starts_with(is_cjk);
            Some((class == CharacterClass::Number, is_cjk, next))
        };
        let Some((number, cjk, mut end)) = kind(start) else {
            return start;
        };
        if number {
            return self.scanner.number(start, 3);
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
        while let Some((_, next)) = self.scanner.at(end) {
            end = next;
            if end < self.scanner.text.len() && self.matched(end).is_some() {
                break;
            }
        }
        end
    }

    /// ``[!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+``
    fn matched(self, start: usize) -> Option<usize> {
        let scanner = self.scanner;
        let bytes = scanner.text.as_bytes();
        let (first, after_first) = scanner.at(start)?;
        if bytes[start].is_ascii_punctuation() {
            let letters = bytes[after_first..].iter();
            let count = letters
                .take_while(|byte| byte.is_ascii_alphabetic())
                .count();
            if count > 0 {
                return Some(after_first + count);
            }
        }
        let in_word = |class: CharacterClass| class.is_letter() || class == CharacterClass::Mark;
        if in_word(first) {
            return Some(scanner.run(after_first, in_word));
        }
        if matches!(
            first,
            CharacterClass::Space | CharacterClass::Other | CharacterClass::Number
        ) {
            let end = scanner.run(after_first, in_word);
            if end > after_first {
                return Some(end);
            }
        }
        let symbols = start + usize::from(bytes[start] == b' ');
        let mut end = scanner.run(symbols, |class| class == CharacterClass::Symbol);
        if end > symbols {
            while let Some(b'\r' | b'\n') = scanner.byte(end) {
                end += 1;
            }
            return Some(end);
        }
        first
            .is_white_space()
            .then(|| scanner.white_space(start, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str, mut end: impl FnMut(&str, usize) -> usize) -> Vec<&str> {
        let (mut pieces, mut start) = (Vec::new(), 0);
        while start < text.len() {
            let end = end(text, start);
            pieces.push(&text[start..end]);
            start = end;
        }
        pieces
    }

    fn split(pattern: Pattern, text: &str) -> String {
        pieces(text, |text, at| pattern.piece_end(text, at)).join("|")
    }

    #[test]
    fn the_families_split_alike_but_for_digits_case_and_line_ends() {
        let text = "HelloWORLD's 12345 a/b!\n/\n  x \n ";
        assert_eq!(
            split(Pattern::O200k, text),
            "Hello|WORLD's| |123|45| a|/b|!\n/\n| | x| \n| "
        );
        assert_eq!(
            split(Pattern::Cl100k, text),
            "HelloWORLD|'s| |123|45| a|/b|!\n|/\n| | x| \n "
        );
        assert_eq!(
            split(Pattern::Llama3, text),
            "HelloWORLD|'s| |123|45| a|/b|!\n|/\n| | x| \n| "
        );
        assert_eq!(
            split(Pattern::Qwen2, text),
            "HelloWORLD|'s| |1|2|3|4|5| a|/b|!\n|/\n| | x| \n| "
        );
    }

    #[test]
    fn tekken_has_no_contractions_and_gpt2_no_capital_ones() {
        let text = "HelloWORLD's 12 a/b!\n/\n  x'S  34 5\n ";
        assert_eq!(
            split(Pattern::Tekken, text),
            "Hello|WORLD|'s| |1|2| a|/b|!\n/\n| | x|'S| | |3|4| |5|\n| "
        );
        assert_eq!(
            split(Pattern::Gpt2, text),
            "HelloWORLD|'s| 12| a|/|b|!|\n|/|\n | x|'|S| | 34| 5|\n "
        );
        assert_eq!(
            split(Pattern::Gpt2Digits, text),
            "HelloWORLD|'s| |1|2| a|/|b|!|\n|/|\n | x|'|S|  |3|4| |5|\n "
        );
    }

    #[test]
    fn marks_belong_to_words_or_are_words() {
        let text = "e\u{301}\u{301}x \u{301}\u{301} É\u{301}Aa";
        assert_eq!(
            split(Pattern::O200k, text),
            "e\u{301}\u{301}x| \u{301}\u{301}| É\u{301}Aa"
        );
        assert_eq!(
            split(Pattern::Cl100k, text),
            "e|\u{301}\u{301}|x| \u{301}\u{301}| É|\u{301}Aa"
        );
    }

    #[test]
    fn deep_seek_looks_at_numbers_and_at_chinese_and_japanese_by_themselves() {
        let text = "ab1234漢字ひ한x, !Word _a\r\n\0\0é 9";
        let segments = pieces(text, |text, at| DeepSeekSegments::new(text).segment_end(at));
        assert_eq!(
            segments.join("|"),
            "ab|123|4|漢字ひ|한x, !Word _a\r\n\0\0é |9"
        );
        let split = segments.into_iter().map(|segment| {
            pieces(segment, |text, at| {
                DeepSeekSegments::new(text).piece_end(at)
            })
        });
        assert_eq!(
            split.flatten().collect::<Vec<_>>().join("|"),
            "ab|123|4|漢字ひ|한x|,| !|Word| _|a|\r\n|\0|\0é| |9"
        );
    }
}
