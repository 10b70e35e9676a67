//! The words of a text, and how they are compared.

use std::iter;

use unicode_normalization_alignments::char::is_combining_mark;

use crate::characters::{Reading, is_unspaced, reading, start_of_run};
use crate::placeholders;

/// A word and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) ascii: bool,
}

/// Letters and digits, with the marks on them and what can't be seen between them; not of scripts that have no spaces
/// between words.
pub(super) fn is_of_word(character: char) -> bool {
    by_range(character).unwrap_or_else(|| is_of_word_by_tables(character))
}

/// Whether a word can start with it: marks, and what can't be seen, only go on with one.
fn starts_word(character: char) -> bool {
    by_range(character)
        .unwrap_or_else(|| character.is_alphanumeric() && is_of_word_by_tables(character))
}

/// Whether it is a letter or digit of a word, for what most texts are of; others are looked up in tables.
fn by_range(character: char) -> Option<bool> {
    match u32::from(character) {
        0..0x80 => Some(character.is_ascii_alphanumeric()),
        0xC0..=0xD6
        | 0xD8..=0xF6
        | 0xF8..=0x24F
        | 0x400..=0x481
        | 0x48A..=0x52F
        | 0x904..=0x939
        | 0x93D..=0x940
        | 0x621..=0x63A
        | 0x641..=0x64A
        | 0xAC00..=0xD7A3 => Some(true),
        // Quotation marks and dots, symbols, Kana, Han, emoji.
        0x2016..=0x2027
        | 0x2600..=0x2767
        | 0x3041..=0x3096
        | 0x30A1..=0x30FA
        | 0x3400..=0x4DBF
        | 0x4E00..=0x9FFF
        | 0x1F300..=0x1FAFF => Some(false),
        _ => None,
    }
}

fn is_of_word_by_tables(character: char) -> bool {
    !is_unspaced(character)
        && (character.is_alphanumeric()
            || is_combining_mark(character) && !matches!(character, '\u{fe00}'..='\u{fe0f}')
            || reading(character) == Reading::Nothing)
}

/// What the first byte of a character says about it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ByteKind {
    /// A letter or digit of ASCII.
    Alphanumeric,
    /// Another character of ASCII.
    Other,
    /// A letter of so many bytes.
    Letter(u8),
    /// Of a script without spaces between words, with so many bytes.
    Unspaced(u8),
    /// All of the character tells.
    Unknown,
}

static KINDS: [ByteKind; 256] = {
    let mut kinds = [ByteKind::Unknown; 256];
    let mut byte = 0_u8;
    while byte < u8::MAX {
        kinds[byte as usize] = match byte {
            0..128 if byte.is_ascii_alphanumeric() => ByteKind::Alphanumeric,
            0..128 => ByteKind::Other,
            // Latin, Cyrillic, Hangul.
            0xC4..=0xC8 | 0xD0 | 0xD1 => ByteKind::Letter(2),
            0xEB | 0xEC => ByteKind::Letter(3),
            // Han.
            0xE5..=0xE9 => ByteKind::Unspaced(3),
            _ => ByteKind::Unknown,
        };
        byte += 1;
    }
    kinds
};

/// The next word from `from` on.
pub(super) fn next(text: &str, from: usize) -> Option<Word> {
    let bytes = text.as_bytes();
    let mut start = from;
    loop {
        match KINDS[usize::from(*bytes.get(start)?)] {
            ByteKind::Alphanumeric | ByteKind::Letter(_) => break,
            ByteKind::Other => start += 1,
            ByteKind::Unspaced(length) => start += usize::from(length),
            ByteKind::Unknown => {
                let character = text[start..].chars().next()?;
                if starts_word(character) {
                    break;
                }
                start += character.len_utf8();
            }
        }
    }
    let (mut end, mut ascii) = (start, true);
    while let Some(&byte) = bytes.get(end) {
        match KINDS[usize::from(byte)] {
            ByteKind::Alphanumeric => end += 1,
            ByteKind::Letter(length) => {
                ascii = false;
                end += usize::from(length);
            }
            ByteKind::Other | ByteKind::Unspaced(_) => break,
            ByteKind::Unknown => {
                let character = text[end..].chars().next();
                let Some(character) = character.filter(|&character| is_of_word(character)) else {
                    break;
                };
                ascii = false;
                end += character.len_utf8();
            }
        }
    }
    Some(Word { start, end, ascii })
}

/// Whether a placeholder stands directly before or after: there, more of the word was.
pub(super) fn is_cut_off(text: &str, start: usize, end: usize) -> bool {
    let start = start_of_run(text, start, is_of_word);
    text[end..].starts_with('[') && placeholders::starts_at(text, end)
        || text[..start].ends_with(']') && placeholders::ends_at(text, start)
}

/// Whether the words of one name may be this far apart.
pub(super) fn is_gap(between: &str) -> bool {
    (1..=8).contains(&between.len()) && !between.contains(['\n', '[', ']'])
}

/// Writes `word` as all its cases are written.
pub(super) fn fold_into(word: &str, folded: &mut String) {
    folded.clear();
    for character in word.chars() {
        if is_folded(character) {
            folded.push(character);
        } else if character.is_ascii() {
            folded.push(character.to_ascii_lowercase());
        } else {
            folded.extend(by_tables(character));
        }
    }
}

/// How a word starts, folded, that starts with `character`.
pub(super) fn first_folded(character: char) -> Option<char> {
    if is_folded(character) {
        Some(character)
    } else {
        by_tables(character).next()
    }
}

/// Whether folding leaves it as it is, of what most texts are of; others are looked up in tables.
fn is_folded(character: char) -> bool {
    matches!(u32::from(character),
        0x61..=0x7A | 0x430..=0x44F | 0x621..=0x63A | 0x641..=0x64A | 0x904..=0x963 | 0xAC00..=0xD7A3)
}

fn by_tables(character: char) -> impl Iterator<Item = char> {
    let character = match reading(character) {
        Reading::Itself => Some(character),
        Reading::Ascii(byte) => Some(char::from(byte)),
        Reading::Nothing => None,
    };
    // By way of the capital, so that ß is ss, both sigmas are one, and a dot on a capital I doesn't matter.
    character
        .into_iter()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .filter(|&lower| lower != '\u{307}')
}

/// The words of a name, folded.
pub(super) fn folded(name: &str) -> impl Iterator<Item = String> {
    let mut from = 0;
    let words = iter::from_fn(move || {
        let word = next(name, from)?;
        from = word.end;
        let mut folded = String::new();
        fold_into(&name[word.start..word.end], &mut folded);
        Some(folded)
    });
    words.filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(name: &str) -> Vec<String> {
        super::folded(name).collect()
    }

    #[test]
    fn words_end_where_letters_do() {
        assert_eq!(
            folded("Mira's O’Brien-Lee ☀️ 2"),
            ["mira", "s", "o", "brien", "lee", "2"]
        );
        assert_eq!(folded("राज कुमार"), ["राज", "कुमार"]);
        assert_eq!(folded("田中Ren"), ["ren"]);
        assert_eq!(folded("☀️ \u{200d}"), [""; 0]);
    }

    #[test]
    fn the_short_ways_agree_with_the_tables() {
        for character in '\0'..=char::MAX {
            let tables = if character.is_ascii() {
                character.is_ascii_alphanumeric()
            } else {
                is_of_word_by_tables(character)
            };
            assert_eq!(is_of_word(character), tables, "{character:?}");
            let starts = tables && character.is_alphanumeric();
            assert_eq!(starts_word(character), starts, "{character:?}");
            let word = next(character.encode_utf8(&mut [0; 4]), 0);
            let whole = Word {
                start: 0,
                end: character.len_utf8(),
                ascii: character.is_ascii(),
            };
            assert_eq!(word, starts.then_some(whole), "{character:?}");
            let after_letter = next(&format!("a{character}"), 0).map(|word| word.end);
            let end = 1 + if tables { whole.end } else { 0 };
            assert_eq!(after_letter, Some(end), "{character:?}");
            let mut short = String::new();
            fold_into(character.encode_utf8(&mut [0; 4]), &mut short);
            assert_eq!(
                short,
                by_tables(character).collect::<String>(),
                "{character:?}"
            );
        }
    }

    #[test]
    fn all_cases_of_a_word_are_one() {
        for (one, other) in [
            ("STRASSE", "Straße"),
            ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
            ("İpek", "ipek"),
            ("Ренат", "РЕНАТ"),
            ("Mi\u{ad}ra", "Ｍira"),
        ] {
            assert_eq!(folded(one), folded(other), "{one}");
        }
    }
}
