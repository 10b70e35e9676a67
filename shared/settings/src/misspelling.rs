//! Which key was probably meant by an unknown name.

use crate::keys::Key;

/// What to write instead of an unknown name: the key that was probably meant, or else one of all.
pub fn hint(name: &str, keys: &[Key]) -> String {
    closest(name, keys).map_or_else(
        || {
            let names: Vec<_> = keys.iter().map(|key| key.name()).collect();
            format!("expected one of {}", names.join(", "))
        },
        |meant| format!("did you mean `{}`?", meant.name()),
    )
}

/// The key whose name is closest to an unknown name, if one is close.
pub fn closest(name: &str, keys: &[Key]) -> Option<Key> {
    let by_distance = keys
        .iter()
        .map(|key| (edits(name, key.name()), *key))
        .min_by_key(|(distance, _)| *distance);
    by_distance
        .filter(|(distance, _)| *distance <= name.len() / 4)
        .map(|(_, key)| key)
}

/// How many characters have to be inserted, removed or replaced to make one text of another
/// (Levenshtein's distance).
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    // The distances from what was read of `from` to each beginning of `to`.
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (read, character) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], read + 1);
        for (column, wanted) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(character != *wanted);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("abc", ""), 3);
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("same", "same"), 0);
    }

    #[test]
    fn a_slip_of_the_keyboard_is_recognized_and_another_word_is_not() {
        let closest = |name| closest(name, Key::ALL);
        assert_eq!(closest("token_buget"), Some(Key::TokenBudget));
        assert_eq!(closest("max_token_per_block"), Some(Key::MaxTokensPerBlock));
        assert_eq!(closest("output.localdir"), Some(Key::OutputLocalDir));
        assert_eq!(closest("output.dir"), None);
        assert_eq!(closest("colour"), None);
        assert_eq!(closest(""), None);
    }
}
