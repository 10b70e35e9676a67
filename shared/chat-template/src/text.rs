//! Python's idea of white space and lines, where it differs from Rust's.

/// Whether `str.isspace` holds: Unicode's white space, and four separators of ASCII besides.
pub(crate) fn is_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\x1c'..='\x1f')
}

/// A part of `text`, up to where `str.split()` would cut, and what follows the cut.
pub(crate) fn next_word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches(is_space);
    if text.is_empty() {
        return None;
    }
    let end = text.find(is_space).unwrap_or(text.len());
    Some(text.split_at(end))
}

/// As [`next_word`], from the end: what precedes the last word, and the word.
pub(crate) fn last_word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_end_matches(is_space);
    if text.is_empty() {
        return None;
    }
    let start = text
        .char_indices()
        .rev()
        .find(|&(_, character)| is_space(character))
        .map_or(0, |(at, character)| at + character.len_utf8());
    Some(text.split_at(start))
}

/// The lines of `str.splitlines`, with or without what ends them.
pub(crate) fn lines(text: &str, keep_ends: bool) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some((at, end)) = rest.char_indices().find(|&(_, c)| ends_line(c)) {
        let mut after = at + end.len_utf8();
        if end == '\r' && rest[after..].starts_with('\n') {
            after += 1;
        }
        lines.push(&rest[..if keep_ends { after } else { at }]);
        rest = &rest[after..];
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}

fn ends_line(character: char) -> bool {
    matches!(
        character,
        '\n'..='\r' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_of_ascii_are_white_space() {
        assert!(is_space('\x1f'));
        assert!(is_space('\u{a0}'));
        assert!(!is_space('\u{200d}'));
    }

    #[test]
    fn words_are_taken_from_either_end() {
        assert_eq!(next_word("  a b "), Some(("a", " b ")));
        assert_eq!(last_word("  a b "), Some(("  a ", "b")));
        assert_eq!(next_word(" \t"), None);
        assert_eq!(last_word(" \t"), None);
    }

    #[test]
    fn a_carriage_return_and_a_newline_end_one_line() {
        assert_eq!(lines("a\r\nb\x0bc\n", false), ["a", "b", "c"]);
        assert_eq!(lines("a\r\n\nb", true), ["a\r\n", "\n", "b"]);
    }
}
