//! Compiled vocabularies: from the bytes of a token to its rank.

use super::filter::HashFilter;
use super::hash;

const NUMBER: usize = size_of::<u32>();
const KEY: usize = size_of::<u64>();
const SHORT_SLOT: usize = KEY + NUMBER;
const MEDIUM_SLOT: usize = size_of::<u128>();
const HEADER: usize = 4 * NUMBER;
const PAIRS: usize = 1 << 16;

/// A view of the tables that [`hash::compile`] made.
#[derive(Clone, Copy)]
pub(crate) struct Vocabulary<'v> {
    pairs: &'v [u8],
    filter: HashFilter<'v>,
    medium: &'v [[u8; MEDIUM_SLOT]],
    medium_mask: usize,
    short: &'v [u8],
    short_mask: usize,
    long: &'v [u8],
    long_mask: usize,
    long_ranks: &'v [u8],
    long_starts: &'v [u8],
    long_bytes: &'v [u8],
}

#[inline]
fn number(table: &[u8], index: usize) -> u32 {
    let bytes = &table[index * NUMBER..][..NUMBER];
    u32::from_le_bytes(bytes.try_into().expect("four bytes"))
}

impl<'v> Vocabulary<'v> {
    /// A view of compiled tables; `None` if they are not whole.
    pub(crate) fn new(table: &'v [u8]) -> Option<Self> {
        let (header, rest) = table.split_at_checked(HEADER)?;
        let [short_slots, medium_slots, long_slots, long_tokens] =
            [0, 1, 2, 3].map(|index| number(header, index) as usize);
        let (pairs, rest) = rest.split_at_checked(PAIRS * NUMBER)?;
        let (filter, rest) = HashFilter::split_from(rest)?;
        let (medium, rest) = rest.split_at_checked(medium_slots.checked_mul(MEDIUM_SLOT)?)?;
        let (short, rest) = rest.split_at_checked(short_slots.checked_mul(SHORT_SLOT)?)?;
        let (long, rest) = rest.split_at_checked(long_slots.checked_mul(NUMBER)?)?;
        let (long_ranks, rest) = rest.split_at_checked(long_tokens.checked_mul(NUMBER)?)?;
        let starts = long_tokens.checked_add(1)?.checked_mul(NUMBER)?;
        let (long_starts, long_bytes) = rest.split_at_checked(starts)?;
        let all_slots = [short_slots, medium_slots, long_slots];
        let are_masked = all_slots.into_iter().all(usize::is_power_of_two);
        are_masked.then(|| Self {
            pairs,
            filter,
            medium: medium.as_chunks().0,
            medium_mask: medium_slots - 1,
            short,
            short_mask: short_slots - 1,
            long,
            long_mask: long_slots - 1,
            long_ranks,
            long_starts,
            long_bytes,
        })
    }

    /// The rank of the token with these bytes.
    #[inline]
    pub(crate) fn rank(self, token: &[u8]) -> Option<u32> {
        match *token {
            [] => None,
            [first, second] => {
                let rank = number(self.pairs, hash::pair_index([first, second]));
                (rank != hash::EMPTY).then_some(rank)
            }
            _ if token.len() <= hash::SHORT => self.short_rank(hash::short_key(token)),
            _ if token.len() <= hash::MEDIUM => self.medium_rank(hash::medium_key(token)),
            _ => self.long_rank(token),
        }
    }

    #[inline]
    fn short_rank(self, key: u64) -> Option<u32> {
        let mixed = hash::mix(key);
        if !self.filter.may_have(mixed) {
            return None;
        }
        let mut place = hash::key_slot(mixed, self.short_mask);
        loop {
            let slot = &self.short[place * SHORT_SLOT..][..SHORT_SLOT];
            let (found, rank) = slot.split_at(KEY);
            if u64::from_le_bytes(found.try_into().expect("eight bytes")) == key {
                return Some(number(rank, 0));
            }
            if number(rank, 0) == hash::EMPTY {
                return None;
            }
            place = (place + 1) & self.short_mask;
        }
    }

    fn medium_rank(self, key: u128) -> Option<u32> {
        let mixed = hash::mix_halves(key);
        if !self.filter.may_have(mixed) {
            return None;
        }
        let mut place = hash::medium_slot(mixed, self.medium_mask);
        loop {
            let slot = u128::from_le_bytes(self.medium[place]);
            // What is left of the same key is the rank.
            let found = slot ^ key;
            if found & ((1 << hash::MEDIUM_RANK_AT) - 1) == 0 {
                return u32::try_from(found >> hash::MEDIUM_RANK_AT).ok();
            }
            if slot == 0 {
                return None;
            }
            place = (place + 1) & self.medium_mask;
        }
    }

    fn long_rank(self, token: &[u8]) -> Option<u32> {
        let hash = hash::hash(token);
        let mut place = hash::slot(hash, self.long_mask);
        loop {
            let entry = number(self.long, place);
            if entry == hash::EMPTY {
                return None;
            }
            let index = entry & ((1 << hash::RANK_BITS) - 1);
            if entry == hash::entry(hash, index) && self.long_token(index as usize) == token {
                return Some(number(self.long_ranks, index as usize));
            }
            place = (place + 1) & self.long_mask;
        }
    }

    fn long_token(self, index: usize) -> &'v [u8] {
        let start = |index| number(self.long_starts, index) as usize;
        &self.long_bytes[start(index)..start(index + 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens of one to twenty bytes, many of which begin alike.
    fn tokens() -> Vec<Vec<u8>> {
        let mut tokens = Vec::new();
        for length in 1..=20 {
            for last in 0..40 {
                let mut token = vec![b'x'; length];
                token[length - 1] = last;
                tokens.push(token);
            }
        }
        tokens
    }

    #[test]
    fn each_token_has_its_place_as_its_rank_and_nothing_else_has_one() {
        let tokens = tokens();
        let table = hash::compile(&tokens);
        let vocabulary = Vocabulary::new(&table).unwrap();
        for (rank, token) in (0..).zip(&tokens) {
            assert_eq!(vocabulary.rank(token), Some(rank), "{token:?}");
            let mut other = token.clone();
            *other.last_mut().unwrap() = 200;
            assert_eq!(vocabulary.rank(&other), None, "{other:?}");
        }
        assert_eq!(vocabulary.rank(b""), None);
        assert_eq!(vocabulary.rank(&[b'x'; 21]), None);
    }

    #[test]
    fn tables_that_are_not_whole_are_not_taken() {
        let tokens = tokens();
        let table = hash::compile(&tokens);
        let long = tokens.iter().filter(|token| token.len() > hash::MEDIUM);
        let bytes: usize = long.map(Vec::len).sum();
        let begun = [0, HEADER - 1, HEADER, HEADER + PAIRS * NUMBER];
        // Within the medium slots, the short ones, the long ones, their ranks, and where long tokens begin.
        let later = [400_000, 405_000, 409_000, 410_000, 411_000];
        for length in begun.into_iter().chain(later) {
            assert!(Vocabulary::new(&table[..length]).is_none(), "{length}");
        }
        // The long tokens' own bytes come last.
        assert!(Vocabulary::new(&table[..table.len() - bytes - 1]).is_none());
        for header in [0, 4, 8] {
            let mut other = table.clone();
            other[header] |= 1;
            assert!(
                Vocabulary::new(&other).is_none(),
                "not a power of two of slots"
            );
        }
    }
}
