//! Compiled vocabularies: how the build script and the counter write and find tokens.

/// A slot without a token.
pub(crate) const EMPTY: u32 = u32::MAX;

/// Bits of an entry that hold the rank; the others hold a part of the hash, so that most slots of
/// other tokens are told apart without looking at their bytes.
pub(crate) const RANK_BITS: u32 = 18;

/// The hash of a token's bytes.
#[inline]
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut hash = (bytes.len() as u64).wrapping_mul(MULTIPLIER);
    let mut rest = bytes;
    while let Some((chunk, behind)) = rest.split_first_chunk::<8>() {
        hash = (hash ^ u64::from_le_bytes(*chunk))
            .wrapping_mul(MULTIPLIER)
            .rotate_left(29);
        rest = behind;
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

/// What a slot holds for a token.
#[inline]
pub(crate) fn entry(hash: u64, rank: u32) -> u32 {
    ((hash >> 40) as u32) << RANK_BITS | rank
}

/// A header (number of tokens, number of slots), where each token begins, a hash table of ranks,
/// and the tokens' bytes. All numbers are u32, little-endian.
pub(crate) fn compile(tokens: &[Vec<u8>]) -> Vec<u8> {
    let slots = (tokens.len() * 2).next_power_of_two();
    let mut table = vec![EMPTY; slots];
    for (rank, token) in tokens.iter().enumerate() {
        let hash_of_token = hash(token);
        let mut place = slot(hash_of_token, slots - 1);
        while table[place] != EMPTY {
            place = (place + 1) & (slots - 1);
        }
        let rank = u32::try_from(rank).expect("a rank");
        table[place] = entry(hash_of_token, rank);
    }
    let mut offsets = vec![0];
    for token in tokens {
        offsets.push(offsets[offsets.len() - 1] + token.len());
    }
    let mut out = Vec::new();
    let mut push = |number: usize| {
        out.extend_from_slice(&u32::try_from(number).expect("fits").to_le_bytes());
    };
    push(tokens.len());
    push(slots);
    for offset in offsets {
        push(offset);
    }
    for entry in table {
        push(entry as usize);
    }
    out.extend(tokens.concat());
    out
}
