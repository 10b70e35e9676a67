//! Whole numbers as exports write nearly all of them.

/// Every number of so many digits fits an `i64`.
const MOST: usize = 18;

/// The number that some digits are; `None` if something else is among them, or if there are none or too many.
#[inline]
pub(crate) fn plain(text: &[u8]) -> Option<i64> {
    if text.is_empty() || text.len() > MOST {
        return None;
    }
    text.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit()
            .then(|| number * 10 + i64::from(byte - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_are_a_number_and_not_too_many() {
        assert_eq!(plain(b"0123"), Some(123));
        assert_eq!(plain(&[b'9'; 18]), Some(999_999_999_999_999_999));
        for text in [&b""[..], b"-1", b"1.5", b" 1", b"1:", b"1/", &[b'9'; 19]] {
            assert_eq!(plain(text), None, "{text:?}");
        }
    }
}
