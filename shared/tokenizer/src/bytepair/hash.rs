//! Compiled vocabularies: how the build script and the counter write and find tokens.
//!
//! Most look-ups are for a few bytes, and most of those find nothing; so each of them touches one
//! place in memory. Two bytes are an index. Up to [`MEDIUM`] bytes are a number, which is kept beside
//! the rank, behind a filter that fits a processor's cache and answers for most of those that are no
//! token; up to [`SHORT`] in slots of their own, since these are smaller. Longer tokens, which are few,
//! are found by their hash, and compared.

/// A slot without a token.
pub(crate) const EMPTY: u32 = u32::MAX;

/// The longest token that is kept as a number of 8 bytes.
pub(crate) const SHORT: usize = 7;

/// The longest token that is kept as a number of 16 bytes.
pub(crate) const MEDIUM: usize = 13;

/// Bits of the largest rank.
pub(crate) const RANK_BITS: u32 = 18;

const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

/// Fewer than eight bytes, the first ones lowest.
#[inline]
fn packed(bytes: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        // They overlap, and agree where they do.
        let last = u64::from(u32::from_le_bytes(*last)) << (8 * (bytes.len() - 4));
        u64::from(u32::from_le_bytes(*first)) | last
    } else {
        let byte = |at: usize| bytes.get(at).map_or(0, |&byte| u64::from(byte) << (8 * at));
        byte(0) | byte(1) | byte(2)
    }
}

/// Up to [`SHORT`] bytes as a number that no others have; zero for none.
#[inline]
pub(crate) fn short_key(bytes: &[u8]) -> u64 {
    packed(bytes) | (bytes.len() as u64) << 56
}

/// 8 to 16 bytes, the first ones lowest; zero for fewer.
#[inline]
pub(crate) fn medium_bytes(bytes: &[u8]) -> u128 {
    let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) else {
        return 0;
    };
    // They overlap, and agree where they do.
    let last = u128::from(u64::from_le_bytes(*last)) << (8 * (bytes.len() - 8));
    u128::from(u64::from_le_bytes(*first)) | last
}

/// 8 to [`MEDIUM`] bytes as a number that no others have, below [`MEDIUM_RANK_AT`].
#[inline]
pub(crate) fn medium_key(bytes: &[u8]) -> u128 {
    medium_bytes(bytes) | (bytes.len() as u128) << (8 * MEDIUM)
}

/// The bit at which the rank begins in a medium token's slot: above its bytes, and four bits of their number.
pub(crate) const MEDIUM_RANK_AT: u32 = 108;

/// Mixes a key of 16 bytes, the upper bits best.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the halves are folded on purpose"
)]
pub(crate) fn mix_halves(key: u128) -> u64 {
    mix(key as u64 ^ (key >> 64) as u64)
}

/// Mixes a key, the upper bits best.
#[inline]
pub(crate) fn mix(key: u64) -> u64 {
    key.wrapping_mul(MULTIPLIER)
}

/// Where the search for a mixed key begins.
#[inline]
pub(crate) fn key_slot(mixed: u64, mask: usize) -> usize {
    (mixed >> 40) as usize & mask
}

/// Where the search for a mixed key of 16 bytes begins: by the highest bits, the only ones that its eighth byte changes.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the mask is smaller")]
pub(crate) fn medium_slot(mixed: u64, mask: usize) -> usize {
    mixed.rotate_left(RANK_BITS) as usize & mask
}

/// One bit for each value that the upper bits of a mixed key can have: a key whose bit is not set is
/// in no slot.
pub(crate) type Filter = [u8; 1 << (FILTER_BITS - 3)];

const FILTER_BITS: u32 = 20;

/// The filter's byte with a mixed key's bit, and the bit.
#[inline]
pub(crate) fn filter_bit(mixed: u64) -> (usize, u8) {
    let number = mixed >> (u64::BITS - FILTER_BITS);
    ((number >> 3) as usize, 1 << (number & 7))
}

/// The filter for some mixed keys.
pub(crate) fn filter(mixed: impl Iterator<Item = u64>) -> Vec<u8> {
    let mut filter = vec![0; size_of::<Filter>()];
    for mixed in mixed {
        let (byte, bit) = filter_bit(mixed);
        filter[byte] |= bit;
    }
    filter
}

/// The first free slot from `start` on.
pub(crate) fn free_slot<T>(slots: &[T], start: usize, is_free: impl Fn(&T) -> bool) -> usize {
    let mask = slots.len() - 1;
    let mut place = start;
    while !is_free(&slots[place]) {
        place = (place + 1) & mask;
    }
    place
}

/// The hash of a token's bytes.
#[inline]
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut hash = (bytes.len() as u64).wrapping_mul(MULTIPLIER);
    let mut rest = bytes;
    while let Some((chunk, after)) = rest.split_first_chunk::<8>() {
        hash = (hash ^ u64::from_le_bytes(*chunk))
            .wrapping_mul(MULTIPLIER)
            .rotate_left(29);
        rest = after;
    }
    let mut last = 0;
    for &byte in rest {
        last = last << 8 | u64::from(byte);
    }
    hash = (hash ^ last).wrapping_mul(MULTIPLIER);
    hash ^ hash >> 32
}

/// Where the search for a token begins.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the mask is smaller")]
pub(crate) fn slot(hash: u64, mask: usize) -> usize {
    hash as usize & mask
}

/// What a slot holds for the long token of that number: beside it a part of the hash, so that most slots of
/// other tokens are told apart without looking at their bytes.
#[inline]
pub(crate) fn entry(hash: u64, index: u32) -> u32 {
    ((hash >> 40) as u32) << RANK_BITS | index
}

/// The index of two bytes.
#[inline]
pub(crate) fn pair_index(pair: [u8; 2]) -> usize {
    u16::from_le_bytes(pair).into()
}

/// So many slots that little more than half of them are taken.
pub(crate) fn slots_for(count: usize) -> usize {
    (count * 17 / 10 + 1).next_power_of_two()
}

/// Compiles tokens, of which each has its index as its rank; an empty one is a rank without a token.
///
/// A header (the number of short, medium and long slots, and of long tokens), the ranks of all pairs of
/// bytes, the filter for the short and the medium tokens, the slots of the medium ones (a key with the
/// rank above it, 16 bytes), of the short ones (a key of 8 bytes and a rank) and of the long ones, the
/// ranks of these, where each of them begins, and their bytes. All numbers are little-endian and, but for
/// the keys, of 4 bytes.
pub(crate) fn compile(tokens: &[Vec<u8>]) -> Vec<u8> {
    let number = |length: usize| u32::try_from(length).expect("a vocabulary has less than 4 GB");
    let ranked = || (0_u32..).zip(tokens);
    let is_short = |token: &[u8]| matches!(token.len(), 1 | 3..=SHORT);
    let short = || ranked().filter(|(_, token)| is_short(token));
    let medium = || ranked().filter(|(_, token)| (SHORT + 1..=MEDIUM).contains(&token.len()));
    let long = || ranked().filter(|(_, token)| token.len() > MEDIUM);

    let mut pairs = vec![EMPTY; 1 << 16];
    for (rank, token) in ranked() {
        if let [first, second] = token[..] {
            pairs[pair_index([first, second])] = rank;
        }
    }
    let mut short_slots = vec![(0, EMPTY); slots_for(short().count())];
    for (rank, token) in short() {
        let key = short_key(token);
        let start = key_slot(mix(key), short_slots.len() - 1);
        let place = free_slot(&short_slots, start, |slot| slot.1 == EMPTY);
        short_slots[place] = (key, rank);
    }
    const { assert!(MEDIUM_RANK_AT + RANK_BITS <= u128::BITS) };
    let mut medium_slots = vec![0; slots_for(medium().count())];
    for (rank, token) in medium() {
        let key = medium_key(token);
        let start = medium_slot(mix_halves(key), medium_slots.len() - 1);
        let place = free_slot(&medium_slots, start, |slot| *slot == 0);
        medium_slots[place] = key | u128::from(rank) << MEDIUM_RANK_AT;
    }
    let mut long_slots = vec![EMPTY; slots_for(long().count())];
    let (mut long_ranks, mut long_starts, mut long_bytes) = (Vec::new(), Vec::new(), Vec::new());
    for (index, (rank, token)) in (0_u32..).zip(long()) {
        let hash = hash(token);
        let start = slot(hash, long_slots.len() - 1);
        let place = free_slot(&long_slots, start, |slot| *slot == EMPTY);
        long_slots[place] = entry(hash, index);
        long_ranks.push(rank);
        long_starts.push(number(long_bytes.len()));
        long_bytes.extend_from_slice(token);
    }
    long_starts.push(number(long_bytes.len()));

    let mut out = Vec::new();
    let push_all = |out: &mut Vec<u8>, numbers: &[u32]| {
        out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    };
    let header = [
        short_slots.len(),
        medium_slots.len(),
        long_slots.len(),
        long_ranks.len(),
    ];
    push_all(&mut out, &header.map(number));
    push_all(&mut out, &pairs);
    let short_keys = short().map(|(_, token)| mix(short_key(token)));
    let medium_keys = medium().map(|(_, token)| mix_halves(medium_key(token)));
    out.extend(filter(short_keys.chain(medium_keys)));
    out.extend(medium_slots.into_iter().flat_map(u128::to_le_bytes));
    for (key, rank) in short_slots {
        out.extend_from_slice(&u64::to_le_bytes(key));
        out.extend_from_slice(&u32::to_le_bytes(rank));
    }
    push_all(&mut out, &long_slots);
    push_all(&mut out, &long_ranks);
    push_all(&mut out, &long_starts);
    out.extend(long_bytes);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::sha256;

    #[test]
    fn the_first_byte_is_packed_lowest_and_the_length_highest() {
        for length in 0..8 {
            let bytes = &[1, 2, 3, 4, 5, 6, 7][..length];
            let expected = bytes
                .iter()
                .rev()
                .fold(0, |number, &byte| number << 8 | u64::from(byte));
            assert_eq!(packed(bytes), expected);
            assert_eq!(short_key(bytes), expected | (length as u64) << 56);
        }
        assert_eq!(pair_index([1, 2]), 0x201);
    }

    // Tables are kept on disk. With other values they would be misread, and need a name of their own.
    #[test]
    fn what_is_kept_is_found_by_the_same_numbers_for_ever() {
        assert_eq!(mix(3), 0xDAA6_6D2C_7DDF_743F);
        assert_eq!(key_slot(0x1234_5678_9ABC_DEF0, 0xFF), 0x56);
        assert_eq!(filter_bit(0xABCD_E000_0000_0000), (0x1579B, 0x40));
        assert_eq!(slot(0x1234_5678, 0xFF), 0x78);
        assert_eq!(entry(0x1234_5600_0000_0000, 7), 0xD158_0007);
        assert_eq!(
            medium_key(b"hello worlds!"),
            0x0D21_7364_6C72_6F77_206F_6C6C_6568
        );
        assert_eq!(mix_halves(3 << 64 | 5), mix(6));
        assert_eq!(medium_slot(0x1234_5678_9ABC_DEF0, 0xFFFF), 0x48D1);
        let hashes = [&b""[..], b"x", b"hello", b"hello world, and again"].map(hash);
        let expected = [
            0,
            0x4256_04E6_CDB5_0417,
            0x0C3D_A7B5_A68B_4FCB,
            0x6626_D0C9_C55D_0F9E,
        ];
        assert_eq!(hashes, expected);
    }

    #[test]
    fn a_vocabulary_has_the_layout_that_the_counter_reads() {
        let tokens = [
            "a",
            "b",
            "ab",
            "abc",
            "abcdefg",
            "abcdefgh",
            "abcdefghijklm",
            "",
            "abcdefghijklmnopq",
        ];
        let tokens = tokens.map(|token| token.as_bytes().to_vec());
        assert_eq!(
            sha256(&compile(&tokens)),
            "1bbadfa3e6bfe35cf164d710fa498bb31dff796bab7daf7ab1844df06d723ec1"
        );
    }

    #[test]
    fn at_least_two_slots_of_five_stay_free() {
        assert_eq!([0, 1, 2, 9, 10, 100].map(slots_for), [1, 2, 4, 16, 32, 256]);
    }

    #[test]
    fn the_search_for_a_free_slot_goes_on_at_the_beginning() {
        let slots = [1, 0, 1, 1];
        let free = |start| free_slot(&slots, start, |slot| *slot == 0);
        assert_eq!([0, 1, 2, 3].map(free), [1; 4]);
    }

    #[test]
    fn hashes_spread_over_the_slots() {
        let mask = (1 << 12) - 1;
        let [mut by_hash, mut by_key, mut by_medium_key] = [0; 3].map(|none| vec![none; mask + 1]);
        for number in 0..4096 {
            let medium = format!(" medium{number}");
            by_medium_key[medium_slot(mix_halves(medium_key(medium.as_bytes())), mask)] += 1;
            by_hash[slot(hash(format!("a longer token {number}").as_bytes()), mask)] += 1;
            by_key[key_slot(mix(short_key(format!("t{number}").as_bytes())), mask)] += 1;
        }
        for slots in [by_hash, by_key, by_medium_key] {
            assert!(slots.iter().all(|count| *count < 12));
        }
    }
}
