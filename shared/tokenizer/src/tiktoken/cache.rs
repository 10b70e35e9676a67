//! Counts of the pieces that were met lately.

/// The longest piece that is remembered.
const LONGEST: usize = 15;
/// Chats repeat a few thousand words; more slots than that only miss the processor's cache.
const SLOTS: usize = 1 << 12;

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// The piece's bytes, its length last; zero where nothing is remembered.
    piece: [u8; LONGEST + 1],
    tokens: u32,
}

/// A direct-mapped cache: each piece has one slot, and the last to come keeps it.
#[derive(Debug)]
pub(crate) struct PieceCache {
    slots: Box<[Slot]>,
}

impl PieceCache {
    pub(crate) fn new() -> Self {
        Self {
            slots: vec![Slot::default(); SLOTS].into(),
        }
    }

    #[inline]
    pub(crate) fn get_or_insert(&mut self, piece: &[u8], count: impl FnOnce() -> u32) -> u32 {
        let Ok(length @ 1..=15) = u8::try_from(piece.len()) else {
            return count();
        };
        let mut key = [0; LONGEST + 1];
        key[..piece.len()].copy_from_slice(piece);
        key[LONGEST] = length;
        let number = u128::from_le_bytes(key);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the halves are folded on purpose"
        )]
        let folded = (number as u64 ^ (number >> 64) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        // The upper bits are the best mixed.
        let slot = &mut self.slots[(folded >> 52) as usize % SLOTS];
        if slot.piece != key {
            *slot = Slot {
                piece: key,
                tokens: count(),
            };
        }
        slot.tokens
    }
}
