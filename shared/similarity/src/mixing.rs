//! Spreading what differs in a few bits over all of them.

/// A bijection after which each bit depends on all of them: the finalizer of `MurmurHash3`.
#[inline]
pub(crate) fn mixed(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let bits = (bits ^ (bits >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    bits ^ (bits >> 33)
}

/// Another number for what is mixed already, in less time.
#[inline]
pub(crate) fn folded_product(bits: u64) -> u64 {
    let (low, high) = bits.carrying_mul(0xa076_1d64_78bd_642f, 0);
    low ^ high
}
