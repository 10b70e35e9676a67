//! Eight bytes at a time: most bytes of a text are written as they are.

/// How many bytes a word has.
pub(crate) const WORD_BYTES: usize = 8;

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// The word that begins at `at`; `None` where fewer bytes are left.
#[inline]
pub(crate) fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let chunk = bytes.get(at..)?.first_chunk::<WORD_BYTES>()?;
    Some(u64::from_le_bytes(*chunk))
}

/// Marks (in the high bits, exact up to the first) the bytes of `word` that end a plain run of a
/// string: a quote, a backslash or a control byte.
#[inline]
pub(crate) fn string_specials(word: u64) -> u64 {
    let quotes = word ^ (LOW_BITS * u64::from(b'"'));
    let backslashes = word ^ (LOW_BITS * u64::from(b'\\'));
    let zero_quotes = quotes.wrapping_sub(LOW_BITS) & !quotes;
    let zero_backslashes = backslashes.wrapping_sub(LOW_BITS) & !backslashes;
    let controls = word.wrapping_sub(LOW_BITS * 0x20) & !word;
    (zero_quotes | zero_backslashes | controls) & HIGH_BITS
}

/// Index of the first byte that is marked.
#[inline]
pub(crate) fn first_marked(marks: u64) -> usize {
    (marks.trailing_zeros() / 8) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The index of the first byte that is marked, if one is.
    fn first(marks: u64) -> Option<usize> {
        (marks != 0).then(|| first_marked(marks))
    }

    #[test]
    fn the_first_byte_that_ends_a_plain_run_is_found_wherever_it_is() {
        for at in 0..WORD_BYTES {
            for byte in 0..=255 {
                let mut bytes = *b"abcdefgh";
                bytes[at] = byte;
                let word = word(&bytes, 0).unwrap();
                let is_special = byte < 0x20 || byte == b'"' || byte == b'\\';
                assert_eq!(
                    first(string_specials(word)),
                    is_special.then_some(at),
                    "{byte} {at}"
                );
            }
        }
    }

    #[test]
    fn of_several_the_first_counts() {
        let word = |bytes: &[u8]| word(bytes, 0).unwrap();
        assert_eq!(first(string_specials(word(b"ab\"\\\n\"gh"))), Some(2));
    }

    #[test]
    fn a_word_is_eight_bytes() {
        let bytes = b"0123456789";
        assert_eq!(word(bytes, 2), Some(u64::from_le_bytes(*b"23456789")));
        assert_eq!(word(bytes, 3), None);
        assert_eq!(word(bytes, 11), None);
    }
}
