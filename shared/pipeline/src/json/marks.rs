//! Sixty-four bytes at a time: most bytes of an export are the insides of strings, and strings are short, so that what
//! ends them is looked for once for several of them.

use wide::u8x16;

/// How many bytes a block has.
const BLOCK_BYTES: usize = 64;

/// Which bytes of a block end a plain run of a string: quotes, backslashes and control bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks {
    /// The index of the block's first byte.
    start: usize,
    /// The first byte is the lowest bit.
    marks: u64,
}

/// The rest of a block.
pub(crate) struct Rest {
    /// Its marks; the first byte is the lowest bit.
    marks: u64,
    bytes: usize,
}

impl Rest {
    /// How many bytes come before the first that is marked, and whether there is one.
    #[inline]
    pub(crate) fn before_mark(&self) -> (usize, bool) {
        if self.marks == 0 {
            (self.bytes, false)
        } else {
            (self.marks.trailing_zeros() as usize, true)
        }
    }
}

impl Marks {
    /// Of no block yet.
    pub(crate) const NONE: Self = Self {
        start: usize::MAX - BLOCK_BYTES,
        marks: 0,
    };

    /// The rest, from `at` on, of the block that `at` is in, or of one that begins there if it was in none; `None` if
    /// fewer bytes than a block has are left.
    #[inline]
    pub(crate) fn rest(&mut self, bytes: &[u8], at: usize) -> Option<Rest> {
        let mut passed = at.wrapping_sub(self.start);
        if passed >= BLOCK_BYTES {
            *self = Self::of(bytes.get(at..)?.first_chunk()?, at);
            passed = 0;
        }
        Some(Rest {
            marks: self.marks >> passed,
            bytes: BLOCK_BYTES - passed,
        })
    }

    #[inline]
    fn of(block: &[u8; BLOCK_BYTES], start: usize) -> Self {
        let (parts, _) = block.as_chunks::<16>();
        let [quote, backslash, last_control] = [b'"', b'\\', 0x1f].map(u8x16::splat);
        let mut marks = 0;
        for (index, part) in parts.iter().enumerate() {
            let part = u8x16::new(*part);
            let controls = part.min(last_control).simd_eq(part);
            let specials = part.simd_eq(quote) | part.simd_eq(backslash) | controls;
            marks |= u64::from(specials.to_bitmask()) << (16 * index);
        }
        Self { start, marks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_is_marked_for_what_it_is_wherever_it_is() {
        for place in 0..BLOCK_BYTES {
            for byte in 0..=255 {
                let mut block = [b'a'; BLOCK_BYTES];
                block[place] = byte;
                let marks = Marks::of(&block, 0);
                let is_special = byte < 0x20 || byte == b'"' || byte == b'\\';
                let specials = if is_special { 1 << place } else { 0 };
                assert_eq!(marks.marks, specials, "{byte} {place}");
            }
        }
    }

    #[test]
    fn a_block_serves_all_places_in_it() {
        let mut bytes = [b'a'; 3 * BLOCK_BYTES];
        bytes[70] = b'"';
        let mut marks = Marks::NONE;
        let mut before = |at| marks.rest(&bytes, at).map(|rest| rest.before_mark());
        assert_eq!(before(0), Some((64, false)));
        assert_eq!(before(63), Some((1, false)));
        assert_eq!(before(64), Some((6, true)));
        assert_eq!(before(70), Some((0, true)));
        // A block of its own, which is not over with the bytes.
        assert_eq!(before(128), Some((64, false)));
        assert_eq!(before(192), None);
        assert_eq!(before(129), Some((63, false)));
        assert_eq!(before(0), Some((64, false)));
        let mut marks = Marks::NONE;
        assert!(marks.rest(&bytes[..63], 0).is_none());
    }
}
