//! The hash of the compiled vocabularies, which the build script and the counter share.

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
