//! A compiled vocabulary: from bytes to ranks.

use super::hash;

const NUMBER: usize = size_of::<u32>();

/// A view of the tables that [`hash::compile`] made.
#[derive(Clone, Copy)]
pub(crate) struct Vocabulary<'v> {
    offsets: &'v [u8],
    slots: &'v [u8],
    bytes: &'v [u8],
    mask: usize,
}

#[inline]
fn number(table: &[u8], index: usize) -> u32 {
    let bytes = &table[index * NUMBER..][..NUMBER];
    u32::from_le_bytes(bytes.try_into().expect("four bytes"))
}

impl<'v> Vocabulary<'v> {
    pub(crate) fn new(table: &'v [u8]) -> Self {
        let (tokens, slots) = (number(table, 0) as usize, number(table, 1) as usize);
        let (offsets, rest) = table[2 * NUMBER..].split_at((tokens + 1) * NUMBER);
        let (slots_table, bytes) = rest.split_at(slots * NUMBER);
        Self {
            offsets,
            slots: slots_table,
            bytes,
            mask: slots - 1,
        }
    }

    /// The rank of the token with these bytes.
    #[inline]
    pub(crate) fn rank(self, token: &[u8]) -> Option<u32> {
        let hash = hash::hash(token);
        let mut slot = hash::slot(hash, self.mask);
        loop {
            let entry = number(self.slots, slot);
            if entry == hash::EMPTY {
                return None;
            }
            let rank = entry & ((1 << hash::RANK_BITS) - 1);
            if entry == hash::entry(hash, rank) && self.token(rank) == token {
                return Some(rank);
            }
            slot = (slot + 1) & self.mask;
        }
    }

    fn token(self, rank: u32) -> &'v [u8] {
        let index = rank as usize;
        &self.bytes[number(self.offsets, index) as usize..number(self.offsets, index + 1) as usize]
    }
}
