//! From words to shingles.

use crate::mixing::mixed;

/// Words in a shingle.
const WIDTH: usize = 5;

const BASE: u64 = 0xd6e8_feb8_6659_fd93;
/// What the first word of a shingle counts by.
const FIRST: u64 = BASE
    .wrapping_mul(BASE)
    .wrapping_mul(BASE)
    .wrapping_mul(BASE);

/// The last words of a text, as a polynomial that loses one word for each that it gains.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shingles {
    words: [u64; WIDTH],
    next: usize,
    polynomial: u64,
    is_full: bool,
}

impl Shingles {
    /// Adds a word; the shingle that ends with it, where there are enough words.
    #[inline]
    pub(crate) fn push(&mut self, word: u64) -> Option<u64> {
        let gone = std::mem::replace(&mut self.words[self.next], word);
        self.next += 1;
        if self.next == WIDTH {
            self.next = 0;
            self.is_full = true;
        }
        let rest = self.polynomial.wrapping_sub(gone.wrapping_mul(FIRST));
        self.polynomial = rest.wrapping_mul(BASE).wrapping_add(word);
        self.is_full.then(|| mixed(self.polynomial))
    }

    /// The one shingle of a text that has too few words for a whole one.
    pub(crate) fn short(&self) -> Option<u64> {
        (!self.is_full && self.next > 0).then(|| mixed(self.polynomial))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shingles(words: &[u64]) -> Vec<u64> {
        let mut shingles = Shingles::default();
        let mut all: Vec<_> = words
            .iter()
            .filter_map(|&word| shingles.push(word))
            .collect();
        all.extend(shingles.short());
        all
    }

    #[test]
    fn each_run_of_five_words_is_a_shingle_whatever_comes_before() {
        let words: Vec<u64> = (100..120).map(mixed).collect();
        let all = shingles(&words);
        assert_eq!(all.len(), 16);
        for (shingle, run) in all.iter().zip(words.windows(WIDTH)) {
            assert_eq!(shingles(run), [*shingle]);
        }
    }

    #[test]
    fn fewer_words_are_one_shingle() {
        assert_eq!(shingles(&[]), []);
        assert_eq!(shingles(&[1]).len(), 1);
        assert_eq!(shingles(&[1, 2, 3, 4]).len(), 1);
        assert_ne!(shingles(&[1, 2]), shingles(&[2, 1]));
    }
}
