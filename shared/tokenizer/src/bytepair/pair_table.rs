//! Merges by pairs of tokens: which two tokens are joined, when, and into what.

use super::filter::HashFilter;
use super::hash;

/// Bytes of a number in the tables.
const NUMBER: usize = size_of::<u32>();
/// Bytes of a slot: a pair of tokens with its rank, as the bits of the left one, the right one, the rank.
pub(crate) const SLOT: usize = size_of::<u64>();
const TOKEN_BITS: u32 = 21;
const RANK_BITS: u32 = 22;
/// A slot without a pair: [`has_room`] keeps its tokens away.
const EMPTY: u64 = u64::MAX;

/// Two tokens that are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Merge {
    pub(crate) left: u32,
    pub(crate) right: u32,
    /// When they are joined: the lower, the earlier.
    pub(crate) rank: u32,
    /// The token that the two become.
    pub(crate) joined: u32,
}

impl Merge {
    fn key(self) -> u64 {
        key(self.left, self.right)
    }
}

fn key(left: u32, right: u32) -> u64 {
    u64::from(left) << TOKEN_BITS | u64::from(right)
}

/// Whether the tables have room for tokens up to `largest`, and for so many merges.
pub(crate) fn has_room(largest: u32, merges: usize) -> bool {
    largest < (1 << TOKEN_BITS) - 1 && merges <= 1 << RANK_BITS
}

/// The tables of some merges, as bytes.
pub(crate) struct CompiledPairs {
    pub(crate) filter: Vec<u8>,
    pub(crate) slots: Vec<u8>,
    /// By rank, the tokens that merges arrive at. A rank that no pair has is never asked for.
    pub(crate) joined: Vec<u8>,
}

impl CompiledPairs {
    /// Tables of these merges, in the order of their ranks. Of two of the same tokens the later counts.
    pub(crate) fn new(merges: &[Merge]) -> Self {
        let mut slots = vec![EMPTY; hash::slots_for(merges.len())];
        let ranks = merges.last().map_or(0, |merge| merge.rank as usize + 1);
        let mut joined = vec![0; ranks];
        for merge in merges {
            let key = merge.key();
            let is_free = |slot: &u64| *slot == EMPTY || *slot >> RANK_BITS == key;
            let start = hash::key_slot(hash::mix(key), slots.len() - 1);
            let place = hash::free_slot(&slots, start, is_free);
            slots[place] = key << RANK_BITS | u64::from(merge.rank);
            joined[merge.rank as usize] = merge.joined;
        }
        Self {
            filter: hash::filter(merges.iter().map(|merge| hash::mix(merge.key()))),
            slots: slots.into_iter().flat_map(u64::to_le_bytes).collect(),
            joined: joined.into_iter().flat_map(u32::to_le_bytes).collect(),
        }
    }

    /// A view of them, with the token of each byte.
    pub(crate) fn view<'t>(&'t self, byte_tokens: &'t [u32; 256]) -> PairTable<'t> {
        let filter = HashFilter::split_from(&self.filter);
        let (filter, _) = filter.expect("a filter has one size");
        let view = PairTable::new(byte_tokens, filter, &self.slots, &self.joined);
        view.expect("the slots are a power of two")
    }
}

/// A view of [`CompiledPairs`].
#[derive(Clone, Copy)]
pub(crate) struct PairTable<'t> {
    byte_tokens: &'t [u32; 256],
    filter: HashFilter<'t>,
    slots: &'t [u8],
    mask: usize,
    joined: &'t [u8],
}

impl<'t> PairTable<'t> {
    /// A view of these tables, with the token of each byte; `None` if the slots are not a power of two of
    /// them.
    pub(crate) fn new(
        byte_tokens: &'t [u32; 256],
        filter: HashFilter<'t>,
        slots: &'t [u8],
        joined: &'t [u8],
    ) -> Option<Self> {
        let count = slots.len() / SLOT;
        count.is_power_of_two().then(|| Self {
            byte_tokens,
            filter,
            slots,
            mask: count - 1,
            joined,
        })
    }

    /// The token that one byte is.
    pub(crate) fn byte_token(self, byte: u8) -> u32 {
        self.byte_tokens[usize::from(byte)]
    }

    /// When two tokens are joined, if they are: the lower, the earlier.
    #[inline]
    pub(crate) fn rank(self, left: u32, right: u32) -> Option<u32> {
        let key = key(left, right);
        let mixed = hash::mix(key);
        if !self.filter.may_have(mixed) {
            return None;
        }
        let mut place = hash::key_slot(mixed, self.mask);
        loop {
            let slot = self.slots[place * SLOT..]
                .first_chunk()
                .expect("a whole slot");
            let slot = u64::from_le_bytes(*slot);
            if slot >> RANK_BITS == key {
                return Some((slot & ((1 << RANK_BITS) - 1)) as u32);
            }
            if slot == EMPTY {
                return None;
            }
            place = (place + 1) & self.mask;
        }
    }

    /// The token that the two of a merge become.
    #[inline]
    pub(crate) fn joined(self, rank: u32) -> u32 {
        let number = &self.joined[rank as usize * NUMBER..][..NUMBER];
        u32::from_le_bytes(number.try_into().expect("four bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pair_has_its_rank_and_what_it_becomes_and_no_other_has() {
        let merge = |rank: u32| Merge {
            left: rank * 7 % 1000,
            right: rank,
            rank: rank * 2,
            joined: rank + 5000,
        };
        let merges: Vec<Merge> = (0..1000).map(merge).collect();
        let compiled = CompiledPairs::new(&merges);
        let byte_tokens = std::array::from_fn(|byte| u32::try_from(byte).unwrap() + 3);
        let table = compiled.view(&byte_tokens);
        for Merge {
            left,
            right,
            rank,
            joined,
        } in merges
        {
            assert_eq!(table.rank(left, right), Some(rank));
            assert_eq!(table.joined(rank), joined);
            assert_eq!(table.rank(left + 1, right), None);
            assert_eq!(table.rank(right + 2000, left), None);
        }
        assert_eq!([table.byte_token(0), table.byte_token(255)], [3, 258]);
        let (filter, _) = HashFilter::split_from(&compiled.filter).unwrap();
        let too_few = &compiled.slots[SLOT..];
        assert!(PairTable::new(&byte_tokens, filter, too_few, &compiled.joined).is_none());
    }

    #[test]
    fn of_two_merges_of_the_same_tokens_the_later_counts() {
        let merge = |rank, joined| Merge {
            left: 1,
            right: 2,
            rank,
            joined,
        };
        let compiled = CompiledPairs::new(&[merge(0, 7), merge(1, 7)]);
        assert_eq!(compiled.view(&[0; 256]).rank(1, 2), Some(1));
    }

    #[test]
    fn tokens_and_merges_have_to_fit_a_slot() {
        assert!(has_room((1 << 21) - 2, 1 << 22));
        assert!(!has_room((1 << 21) - 1, 1 << 22));
        assert!(!has_room((1 << 21) - 2, (1 << 22) + 1));
    }
}
