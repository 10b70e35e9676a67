//! Eight bytes at a time: most bytes of an export are the insides of strings and indentation.

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

/// Marks the bytes of `word` that are not spaces.
#[inline]
pub(crate) fn other_than_spaces(word: u64) -> u64 {
    word ^ (LOW_BITS * u64::from(b' '))
}

/// Index of the first byte that is marked.
#[inline]
pub(crate) fn first_marked(marks: u64) -> usize {
    (marks.trailing_zeros() / 8) as usize
}
