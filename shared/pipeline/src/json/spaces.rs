//! Runs of spaces, which exports are indented with.

use wide::u8x16;

/// The longest run that is passed at once.
pub(crate) const LONGEST: usize = 16;

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
    fn spaces_are_counted_up_to_the_first_other_byte() {
        for count in 0..=20 {
            let slice = format!("{}\n{}", " ".repeat(count), " ".repeat(20));
            assert_eq!(leading_spaces(slice.as_bytes()), Some(count.min(LONGEST)));
        }
        assert_eq!(leading_spaces(&[b' '; 15]), None);
    }
}
