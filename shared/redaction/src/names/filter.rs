//! Tells most words apart that no name starts with, without folding and hashing them.

use super::words::first_folded;

/// How words start that names start with.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    /// By the first two letters and the length, which are the same in both cases of ASCII.
    ascii: Box<[u64; 512]>,
    /// By the first letter.
    other: Box<[u64; 64]>,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            ascii: Box::new([0; 512]),
            other: Box::new([0; 64]),
        }
    }
}

impl Filter {
    /// Adds a folded word.
    pub(super) fn add(&mut self, folded: &str) {
        set(&mut *self.ascii, ascii_bit(folded.as_bytes()));
        set(&mut *self.other, other_bit(folded.chars().next()));
    }

    /// Whether a word that isn't folded may be one that was added.
    pub(super) fn may_have(&self, word: &str, ascii: bool) -> bool {
        if ascii {
            return is_set(&*self.ascii, ascii_bit(word.as_bytes()));
        }
        let first = word.chars().next().and_then(first_folded);
        is_set(&*self.other, other_bit(first))
    }
}

fn ascii_bit(word: &[u8]) -> usize {
    let low = |index: usize| usize::from(word.get(index).copied().unwrap_or(0) & 0x1F);
    (low(0) << 10) | (low(1) << 5) | word.len().min(31)
}

fn other_bit(first: Option<char>) -> usize {
    first.map_or(0, |first| first as usize % 4096)
}

fn set(bits: &mut [u64], bit: usize) {
    bits[bit / 64] |= 1 << (bit % 64);
}

fn is_set(bits: &[u64], bit: usize) -> bool {
    bits[bit / 64] >> (bit % 64) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_was_added_passes_in_any_case() {
        let mut filter = Filter::default();
        for folded in ["mira", "ренат", "ss", "é", "i"] {
            filter.add(folded);
        }
        for word in ["MIRA", "mira", "i"] {
            assert!(filter.may_have(word, true), "{word}");
        }
        for word in ["РЕНАТ", "Ренат", "ß", "É", "İ", "\u{ff4d}ira"] {
            assert!(filter.may_have(word, false), "{word}");
        }
        assert!(!filter.may_have("mire2", true));
        assert!(!filter.may_have("жук", false));
    }
}
