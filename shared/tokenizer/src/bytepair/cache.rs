//! Counts of the pieces that were met lately.

use super::hash;

/// The longest piece that is remembered.
pub(crate) const LONGEST: usize = 15;
/// A megabyte, which fits the cache of a processor's core; chats in ten languages repeat some ten thousand pieces.
const SLOT_BITS: u32 = 16;

/// Up to [`LONGEST`] bytes, and how many they are, as a number that no others have.
#[inline]
fn key(piece: &[u8]) -> u128 {
    let length = piece.len();
    let bytes = if let (Some(first), Some(last)) = (piece.first_chunk(), piece.last_chunk()) {
        // They overlap, and agree where they do.
        let last = u128::from(u64::from_le_bytes(*last)) << (8 * (length - 8));
        u128::from(u64::from_le_bytes(*first)) | last
    } else {
        hash::packed(piece).into()
    };
    bytes | (length as u128) << (8 * LONGEST)
}

/// Where a slot has the count, above the key: a piece has no more tokens than bytes.
const TOKENS_AT: u32 = 124;

/// A direct-mapped cache: each piece has one slot, and the last to come keeps it.
#[derive(Debug)]
pub(crate) struct PieceCache {
    /// Each a key and a count; zero where nothing is remembered.
    slots: Box<[u128; 1 << SLOT_BITS]>,
}

impl PieceCache {
    pub(crate) fn new() -> Self {
        let slots: Box<[u128]> = vec![0; 1 << SLOT_BITS].into();
        Self {
            slots: slots.try_into().expect("it has that many"),
        }
    }

    #[inline]
    pub(crate) fn get_or_insert(&mut self, piece: &[u8], count: impl FnOnce() -> u32) -> u32 {
        if piece.is_empty() || piece.len() > LONGEST {
            return count();
        }
        let key = key(piece);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the halves are folded on purpose"
        )]
        let folded = hash::mix(key as u64 ^ (key >> 64) as u64);
        // The upper bits are the best mixed.
        let slot = &mut self.slots[(folded >> (64 - SLOT_BITS)) as usize];
        let found = *slot ^ key;
        // What is left of the same key is the count.
        if found & ((1 << TOKENS_AT) - 1) == 0 {
            return (found >> TOKENS_AT) as u32;
        }
        let tokens = count();
        *slot = key | u128::from(tokens) << TOKENS_AT;
        tokens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_pieces_have_the_same_key() {
        for length in 1..=LONGEST {
            let piece: Vec<u8> = (1..=15).take(length).collect();
            let bytes = piece
                .iter()
                .rev()
                .fold(0, |number, &byte| number << 8 | u128::from(byte));
            assert_eq!(key(&piece), bytes | (length as u128) << 120);
        }
    }

    #[test]
    fn what_was_met_is_not_counted_again_and_what_is_long_is_not_remembered() {
        let mut cache = PieceCache::new();
        let mut counted = 0;
        for (piece, times) in [("word", 1), ("fifteen letters", 1), ("sixteen letters!", 3)] {
            counted = 0;
            for _ in 0..3 {
                let count = cache.get_or_insert(piece.as_bytes(), || {
                    counted += 1;
                    15
                });
                assert_eq!(count, 15);
            }
            assert_eq!(counted, times, "{piece}");
        }
        assert_eq!(cache.get_or_insert(b"", || 0), 0);
        assert!(counted > 0);
    }

    #[test]
    fn each_piece_has_its_own_count_whatever_it_shares_a_slot_with() {
        let mut cache = PieceCache::new();
        let piece = |number: u32| format!("w{number}");
        let mut counted = 0;
        for round in 0..2 {
            counted = 0;
            for number in 0..4000 {
                let count = cache.get_or_insert(piece(number).as_bytes(), || {
                    counted += 1;
                    number % 16
                });
                assert_eq!(count, number % 16, "{number} in round {round}");
            }
        }
        assert!(counted < 2500, "too many share a slot: {counted}");
    }
}
