//! The words of a text, as hashes.

use crate::folding::{ASCII, Folded, Folding};

/// What the hash of a word begins with, and what no word has.
const BEGINNING: u64 = 0x9e37_79b9_7f4a_7c15;

const MULTIPLIER: u64 = 0xa076_1d64_78bd_642f;

fn with(hash: u64, character: u32) -> u64 {
    (hash ^ u64::from(character)).wrapping_mul(MULTIPLIER)
}

/// Finds words: runs of letters and digits, in lower case, and single characters where a script has no spaces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    folding: Folding,
}

impl Words {
    /// Calls `take` with the hash of each word.
    pub(crate) fn for_each(&mut self, text: &str, mut take: impl FnMut(u64)) {
        let mut word = BEGINNING;
        let mut at = 0;
        loop {
            while let Some(&byte) = text.as_bytes().get(at)
                && ASCII[byte as usize] != 0
            {
                word = with(word, ASCII[byte as usize].into());
                at += 1;
            }
            let folded = match text.as_bytes().get(at) {
                None => break,
                Some(byte) if byte.is_ascii() => {
                    at += 1;
                    Folded::Nothing
                }
                Some(_) => {
                    let character = text[at..].chars().next().unwrap_or_default();
                    at += character.len_utf8();
                    self.folding.fold(character)
                }
            };
            if let Folded::Part(character) = folded {
                word = with(word, character);
                continue;
            }
            if word != BEGINNING {
                take(word);
                word = BEGINNING;
            }
            if let Folded::Whole(character) = folded {
                take(with(BEGINNING, character));
            }
        }
        if word != BEGINNING {
            take(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<u64> {
        let mut words = Vec::new();
        Words::default().for_each(text, |word| words.push(word));
        words
    }

    #[test]
    fn a_word_is_a_run_of_letters_and_digits_in_any_case() {
        assert_eq!(words("Ann's CAFÉ, 24/7!"), words("ann s café 24 7"));
        assert_eq!(words("Привет, МИР"), words("привет мир"));
        assert_eq!(words("ab").len(), 1);
        assert_ne!(words("ab"), words("ba"));
        assert_eq!(words(">>> … \n"), []);
    }

    #[test]
    fn characters_without_spaces_between_them_are_words() {
        assert_eq!(words("今天很好"), words("今 天 很 好"));
        assert_eq!(words("iPhone手机2台").len(), 5);
        assert_eq!(words("ok😂😂"), words("OK 😂 😂"));
    }
}
