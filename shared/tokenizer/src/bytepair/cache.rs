//! Counts of the pieces that were met lately.
//!
//! The shorter a piece the more often it comes, so those of a few bytes have small slots, of which many fit the cache
//! of a processor's core.

use super::hash;

/// The longest piece that is remembered, in bytes.
pub(crate) const LONGEST: usize = 30;
/// The longest piece whose slot is a number of 8 bytes.
const SHORT: usize = hash::SHORT;
/// The longest piece whose slot is a number of 16 bytes.
const MEDIUM: usize = 15;

/// A piece as a number that no others of its kind have; above it, in a slot, there is its count.
trait Key: Copy + Default {
    /// The piece, mixed, the upper bits best.
    fn mixed(self) -> u64;

    /// What is to be kept of a piece with so many tokens, which are no more than its bytes.
    fn with(self, tokens: u32) -> Self;

    /// The tokens in a slot, if it is of this piece.
    fn tokens_in(self, slot: Self) -> Option<u32>;
}

/// Up to [`SHORT`] bytes.
impl Key for u64 {
    #[inline]
    fn mixed(self) -> u64 {
        hash::mix(self)
    }

    #[inline]
    fn with(self, tokens: u32) -> Self {
        self | u64::from(tokens) << SHORT_TOKENS_AT
    }

    #[inline]
    fn tokens_in(self, slot: Self) -> Option<u32> {
        // What is left of the same key is the count.
        let found = slot ^ self;
        (found & ((1 << SHORT_TOKENS_AT) - 1) == 0).then_some((found >> SHORT_TOKENS_AT) as u32)
    }
}

/// The length is below it.
const SHORT_TOKENS_AT: u32 = 60;

/// Up to [`MEDIUM`] bytes.
impl Key for u128 {
    #[inline]
    fn mixed(self) -> u64 {
        hash::mix_halves(self)
    }

    #[inline]
    fn with(self, tokens: u32) -> Self {
        self | u128::from(tokens) << MEDIUM_TOKENS_AT
    }

    #[inline]
    fn tokens_in(self, slot: Self) -> Option<u32> {
        let found = slot ^ self;
        (found & ((1 << MEDIUM_TOKENS_AT) - 1) == 0).then_some((found >> MEDIUM_TOKENS_AT) as u32)
    }
}

/// The length is below it, in four bits.
const MEDIUM_TOKENS_AT: u32 = 124;

/// Up to [`LONGEST`] bytes.
impl Key for [u128; 2] {
    #[inline]
    fn mixed(self) -> u64 {
        hash::mix(hash::mix_halves(self[0]).rotate_left(29) ^ hash::mix_halves(self[1]))
    }

    #[inline]
    fn with(self, tokens: u32) -> Self {
        [self[0], self[1] | u128::from(tokens) << LONG_TOKENS_AT]
    }

    #[inline]
    fn tokens_in(self, slot: Self) -> Option<u32> {
        let found = slot[1] ^ self[1];
        let is_same = slot[0] == self[0] && found & ((1 << LONG_TOKENS_AT) - 1) == 0;
        is_same.then_some((found >> LONG_TOKENS_AT) as u32)
    }
}

/// The length is below it, in eight bits.
const LONG_TOKENS_AT: u32 = 120;

/// The key of 8 to [`MEDIUM`] bytes.
#[inline]
fn medium_key(piece: &[u8]) -> u128 {
    hash::medium_bytes(piece) | (piece.len() as u128) << (8 * MEDIUM)
}

/// The key of 16 to [`LONGEST`] bytes.
#[inline]
fn long_key(piece: &[u8]) -> Option<[u128; 2]> {
    let (first, last) = (piece.first_chunk()?, piece.last_chunk()?);
    // Of the last sixteen bytes two make room: with the length, the others tell all.
    let last = u128::from_le_bytes(*last) >> 16;
    Some([
        u128::from_le_bytes(*first),
        last | (piece.len() as u128) << (LONG_TOKENS_AT - 8),
    ])
}

/// Direct-mapped slots: each piece has one, and the last to come keeps it.
#[derive(Debug)]
struct Slots<K, const BITS: u32>(Box<[K]>);

impl<K: Key, const BITS: u32> Slots<K, BITS> {
    fn new() -> Self {
        // All are zero, which is the key of no piece: a key has the length in it.
        Self(vec![K::default(); 1 << BITS].into())
    }

    #[inline]
    fn get_or_insert(&mut self, key: K, count: impl FnOnce() -> u32) -> u32 {
        let place = usize::try_from(key.mixed() >> (u64::BITS - BITS)).expect("of so few bits");
        let slot = &mut self.0[place];
        if let Some(tokens) = key.tokens_in(*slot) {
            return tokens;
        }
        let tokens = count();
        *slot = key.with(tokens);
        tokens
    }
}

/// Tens of thousands of pieces that were met lately, with their counts, in less than a megabyte.
#[derive(Debug)]
pub(crate) struct PieceCache {
    short: Slots<u64, 15>,
    medium: Slots<u128, 15>,
    long: Slots<[u128; 2], 12>,
}

impl PieceCache {
    pub(crate) fn new() -> Self {
        Self {
            short: Slots::new(),
            medium: Slots::new(),
            long: Slots::new(),
        }
    }

    #[inline]
    pub(crate) fn get_or_insert(&mut self, piece: &[u8], count: impl FnOnce() -> u32) -> u32 {
        if piece.is_empty() || piece.len() > LONGEST {
            return count();
        }
        if piece.len() <= SHORT {
            return self.short.get_or_insert(hash::short_key(piece), count);
        }
        if piece.len() <= MEDIUM {
            return self.medium.get_or_insert(medium_key(piece), count);
        }
        match long_key(piece) {
            Some(key) => self.long.get_or_insert(key, count),
            None => count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_pieces_have_the_same_key() {
        for length in 8..=MEDIUM {
            let piece: Vec<u8> = (1..=15).take(length).collect();
            let bytes = piece
                .iter()
                .rev()
                .fold(0, |number, &byte| number << 8 | u128::from(byte));
            assert_eq!(medium_key(&piece), bytes | (length as u128) << 120);
        }
        let mut keys = HashSet::new();
        for length in MEDIUM + 1..=LONGEST {
            for changed in 0..length {
                let mut piece = vec![b'a'; length];
                piece[changed] = b'b';
                assert!(keys.insert(long_key(&piece)), "{length} {changed}");
            }
        }
    }

    #[test]
    fn what_was_met_is_not_counted_again_and_what_is_long_is_not_remembered() {
        let mut cache = PieceCache::new();
        for length in 1..=LONGEST + 1 {
            let piece = vec![b'a'; length];
            let most = u32::try_from(length).unwrap();
            let mut counted = 0;
            for _ in 0..3 {
                let count = cache.get_or_insert(&piece, || {
                    counted += 1;
                    most
                });
                assert_eq!(count, most);
            }
            let times = if length <= LONGEST { 1 } else { 3 };
            assert_eq!(counted, times, "{length}");
        }
        assert_eq!(cache.get_or_insert(b"", || 0), 0);
    }

    #[test]
    fn each_piece_has_its_own_count_whatever_it_shares_a_slot_with() {
        let mut cache = PieceCache::new();
        for (name, pieces) in [
            ("", 5000),
            ("a longer", 4000),
            ("a piece with some length", 1000),
        ] {
            let mut counted = 0;
            for round in 0..2 {
                counted = 0;
                for number in 0..pieces {
                    let piece = format!("{name}{:06x}", number * 7919);
                    let count = cache.get_or_insert(piece.as_bytes(), || {
                        counted += 1;
                        number % 6
                    });
                    assert_eq!(count, number % 6, "{piece} in round {round}");
                }
            }
            assert!(counted > 0, "no two of {name} share a slot");
            assert!(
                counted < pieces / 2,
                "too many of {name} share a slot: {counted}"
            );
        }
    }
}
