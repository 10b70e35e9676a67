//! Names and texts of strangers, as they can be shown.

/// So many characters of a name are shown.
const NAME: usize = 60;
/// So many of a setting's value.
const VALUE: usize = 400;

/// A name of whatever length and characters.
pub(crate) fn name(name: &str) -> String {
    cut(name, NAME)
}

/// A setting's value.
pub(crate) fn value(value: &str) -> String {
    cut(value, VALUE)
}

/// A text, whole. What HTML has no place for is replaced.
pub(crate) fn whole(text: &str) -> String {
    cut(text, usize::MAX)
}

fn cut(text: &str, longest: usize) -> String {
    let mut characters = text.chars().map(|character| {
        if character.is_control() && character != '\n' {
            '\u{fffd}'
        } else {
            character
        }
    });
    let mut shown: String = characters.by_ref().take(longest).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// A text as the beginning of a sentence.
pub(crate) fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_and_no_control_character_is_left() {
        let long = "ö".repeat(10_000);
        assert_eq!(name(&long).chars().count(), NAME + 1);
        assert_eq!(name("a\0b\u{85}c\n"), "a\u{fffd}b\u{fffd}c\n");
        assert_eq!(whole(&long), long);
        assert_eq!(sentence("ßa"), "SSa");
    }
}
