//! What stands between the members of an object.
//!
//! Exporters write it alike before each member, so where the first one was indented, the next key is found by comparing
//! a few bytes, instead of looking for a comma, white space, quotes and a colon one after the other.

use wide::u8x16;

/// The longest that is compared at once, in bytes.
pub(crate) const LONGEST: usize = 16;

/// A comma, the white space that the first key of an object has before it, and a quote.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap {
    bytes: u8x16,
    /// One bit for each of its bytes.
    compared: u32,
    length: usize,
}

impl Gap {
    /// From the slice from an object's bracket on, and how much white space follows the bracket; `None` if that is too
    /// much.
    #[inline]
    pub(crate) fn new(object: &[u8], white_space: usize) -> Option<Self> {
        let mut bytes: [u8; LONGEST] = *object.first_chunk()?;
        let length = 1 + white_space + 1;
        if length > LONGEST {
            return None;
        }
        bytes[0] = b',';
        Some(Self {
            bytes: u8x16::new(bytes),
            compared: (1 << length) - 1,
            length,
        })
    }

    /// Where a key begins, if this gap stands at the beginning of a slice.
    #[inline]
    pub(crate) fn key_start(&self, slice: &[u8]) -> Option<usize> {
        let ahead = u8x16::new(*slice.first_chunk()?);
        let same = ahead.simd_eq(self.bytes).to_bitmask() & self.compared;
        (same == self.compared).then_some(self.length)
    }
}

/// How many spaces the first [`LONGEST`] bytes of a slice begin with; `None` if it is shorter.
#[inline]
pub(crate) fn leading_spaces(slice: &[u8]) -> Option<usize> {
    let spaces = u8x16::new(*slice.first_chunk()?).simd_eq(u8x16::splat(b' '));
    Some(spaces.to_bitmask().trailing_ones() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_begins_where_the_first_one_did() {
        let gap = Gap::new(b"{\n  \"id\": 1,\n  \"to\"", 3).unwrap();
        for (slice, start) in [
            (&b",\n  \"longer key\": 1"[..], Some(5)),
            (b",\n  \"too short", None),
            (b",\n   \"longer key\": 1", None),
            (b",\r  \"longer key\": 1", None),
            (b"}\n  \"longer key\": 1", None),
            (b",\n  'longer key': 1", None),
        ] {
            assert_eq!(gap.key_start(slice), start);
        }
    }

    #[test]
    fn spaces_are_counted_up_to_the_first_other_byte() {
        for count in 0..=20 {
            let slice = format!("{}\n{}", " ".repeat(count), " ".repeat(20));
            assert_eq!(leading_spaces(slice.as_bytes()), Some(count.min(LONGEST)));
        }
        assert_eq!(leading_spaces(&[b' '; 15]), None);
    }

    #[test]
    fn what_is_longer_than_can_be_compared_is_none() {
        let object = format!("{{{}\"", " ".repeat(30));
        assert!(Gap::new(object.as_bytes(), 14).is_some());
        assert!(Gap::new(object.as_bytes(), 15).is_none());
        assert!(Gap::new(b"{\"a\": 1}", 0).is_none());
    }
}
