//! The words of a text, and how they are compared.

use unicode_normalization_alignments::char::is_combining_mark;

use crate::characters::{Reading, is_unspaced, reading};
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
    (character.is_alphanumeric()
        || is_combining_mark(character) && !matches!(character, '\u{fe00}'..='\u{fe0f}')
        || reading(character) == Reading::Nothing)
        && !is_unspaced(character)
}

/// The next word from `from` on.
pub(super) fn next(text: &str, from: usize) -> Option<Word> {
    let bytes = text.as_bytes();
    let mut start = from;
    loop {
        let byte = *bytes.get(start)?;
        if byte.is_ascii() {
            if byte.is_ascii_alphanumeric() {
                break;
            }
            start += 1;
        } else {
            let character = text[start..].chars().next()?;
            if character.is_alphanumeric() && is_of_word(character) {
                break;
            }
            start += character.len_utf8();
        }
    }
    let (mut end, mut ascii) = (start, true);
    while let Some(&byte) = bytes.get(end) {
        if byte.is_ascii_alphanumeric() {
            end += 1;
            continue;
        }
        let other = (!byte.is_ascii())
            .then(|| text[end..].chars().next())
            .flatten();
        match other.filter(|&character| is_of_word(character)) {
            Some(character) => {
                ascii = false;
                end += character.len_utf8();
            }
            None => break,
        }
    }
    Some(Word { start, end, ascii })
}

/// Whether a placeholder stands directly before or after: there, more of the word was.
pub(super) fn is_cut_off(text: &str, start: usize, end: usize) -> bool {
    let bytes = text.as_bytes();
    bytes.get(end) == Some(&b'[') && placeholders::starts_at(text, end)
        || start > 0 && bytes[start - 1] == b']' && placeholders::ends_at(text, start)
}

/// Whether the words of one name may be this far apart.
pub(super) fn is_gap(between: &str) -> bool {
    (1..=8).contains(&between.len()) && !between.contains(['\n', '[', ']'])
}

/// Writes `word` as all its cases are written.
pub(super) fn fold_into(word: &str, folded: &mut String) {
    folded.clear();
    for character in word.chars() {
        let character = match reading(character) {
            Reading::Itself => character,
            Reading::Ascii(byte) => char::from(byte),
            Reading::Nothing => continue,
        };
        if character.is_ascii() {
            folded.push(character.to_ascii_lowercase());
            continue;
        }
        // By way of the capital, so that ß is ss, both sigmas are one, and a dot on a capital I doesn't matter.
        let lower = character.to_uppercase().flat_map(char::to_lowercase);
        folded.extend(lower.filter(|&lower| lower != '\u{307}'));
    }
}

/// The words of a name, folded.
pub(super) fn folded(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut from = 0;
    while let Some(word) = next(name, from) {
        let mut folded = String::new();
        fold_into(&name[word.start..word.end], &mut folded);
        if !folded.is_empty() {
            words.push(folded);
        }
        from = word.end;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

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
