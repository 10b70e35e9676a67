//! The order of keys in objects that resemble each other.
//!
//! Exporters write the members of all messages in one order and with one indentation. So after a key, the one that came
//! after it the last time is expected, with all that is around it: comparing a few bytes finds it. What is not as
//! expected is read as any other JSON is, and remembered.

use std::ops::Range;

use wide::u8x16;

use super::span::StringSpan;

/// The most bytes that are compared.
const LONGEST: usize = 32;
/// The most keys that are remembered; a message has some twenty.
const MOST: usize = 32;

/// What comes before the value of a member: a comma, or the bracket that opens the object, white space, the key, a
/// colon, and the space after it.
#[derive(Debug)]
struct KeyPrefix {
    bytes: [u8; LONGEST],
    length: usize,
    /// Where the key is in it, without its quotes.
    key: Range<usize>,
    /// The number of the prefix that came after it the last time, if one did.
    next: Option<usize>,
}

impl KeyPrefix {
    /// Whether a slice of JSON begins with it.
    #[inline]
    fn begins(&self, slice: &[u8]) -> bool {
        let Some(ahead) = slice.first_chunk::<LONGEST>() else {
            return false;
        };
        let (ahead, _) = ahead.as_chunks::<16>();
        let (bytes, _) = self.bytes.as_chunks::<16>();
        let same = |half: usize| {
            let same = u8x16::new(ahead[half]).simd_eq(u8x16::new(bytes[half]));
            u64::from(same.to_bitmask())
        };
        let same = same(0) | same(1) << 16;
        same.trailing_ones() as usize >= self.length
    }
}

/// Where an object is that is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Before its bracket.
    Beginning,
    /// After the value of the key with the prefix of this number.
    After(usize),
    /// After the value of a key that is not remembered.
    Unknown,
}

/// A key that was found as it was expected.
pub(crate) struct ExpectedKey {
    /// Where the object is after its value.
    pub(crate) place: Place,
    /// Where it is in the slice, without its quotes.
    pub(crate) key: Range<usize>,
    /// Where its value begins, or more white space before that.
    pub(crate) value: usize,
}

/// The keys of the last objects, and which came after which.
#[derive(Debug, Default)]
pub(crate) struct KeyOrder {
    prefixes: Vec<KeyPrefix>,
    first: Option<usize>,
}

impl KeyOrder {
    /// The key that a slice of JSON has next, if it is the expected one; the slice begins where the object's bracket, or
    /// what follows a value, is.
    #[inline]
    pub(crate) fn expected(&self, place: Place, slice: &[u8]) -> Option<ExpectedKey> {
        let number = match place {
            Place::Beginning => self.first?,
            Place::After(before) => self.prefixes[before].next?,
            Place::Unknown => return None,
        };
        let prefix = &self.prefixes[number];
        prefix.begins(slice).then(|| ExpectedKey {
            place: Place::After(number),
            key: prefix.key.clone(),
            value: prefix.length,
        })
    }

    /// Remembers a key that was not expected, and says where the object is after its value. The slice begins as for
    /// [`Self::expected`]; `colon` is where the key's colon is in it.
    pub(crate) fn remember(
        &mut self,
        place: Place,
        slice: &[u8],
        key: StringSpan<'_>,
        colon: usize,
    ) -> Place {
        let number = prefix(slice, key, colon).and_then(|prefix| self.number(prefix));
        match place {
            Place::Beginning => self.first = number.or(self.first),
            Place::After(before) => {
                let next = &mut self.prefixes[before].next;
                *next = number.or(*next);
            }
            Place::Unknown => {}
        }
        number.map_or(Place::Unknown, Place::After)
    }

    /// The number of a prefix, which is a new one if there is room.
    fn number(&mut self, prefix: KeyPrefix) -> Option<usize> {
        let is_same =
            |known: &KeyPrefix| known.bytes == prefix.bytes && known.length == prefix.length;
        let known = self.prefixes.iter().position(is_same);
        known.or_else(|| {
            let number = self.prefixes.len();
            (number < MOST).then(|| {
                self.prefixes.push(prefix);
                number
            })
        })
    }
}

/// The prefix with a key, unless it is too long, or the key has to be decoded or mended.
fn prefix(slice: &[u8], key: StringSpan<'_>, colon: usize) -> Option<KeyPrefix> {
    if key.is_escaped() || key.bytes.iter().any(u8::is_ascii_control) {
        return None;
    }
    // At the edge of the slice that is not known.
    let has_space = *slice.get(colon + 1)? == b' ';
    let written = &slice[..colon + 1 + usize::from(has_space)];
    let key_end = written[..colon].iter().rposition(|byte| *byte == b'"')?;
    let mut bytes = [0; LONGEST];
    bytes.get_mut(..written.len())?.copy_from_slice(written);
    Some(KeyPrefix {
        bytes,
        length: written.len(),
        key: key_end - key.bytes.len()..key_end,
        next: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long enough to be compared with anything.
    const REST: &str = "1, and more of the input than is compared";

    /// The key that is expected at a prefix, and the place after it.
    fn expected(order: &KeyOrder, place: Place, prefix: &str) -> Option<(String, Place)> {
        let slice = format!("{prefix}{REST}");
        let found = order.expected(place, slice.as_bytes())?;
        assert_eq!(&slice[found.value..], REST);
        Some((slice[found.key].to_owned(), found.place))
    }

    fn remember(order: &mut KeyOrder, place: Place, prefix: &str, key: &str) -> Place {
        let slice = format!("{prefix}{REST}");
        let span = StringSpan {
            bytes: key.as_bytes(),
            escaped: None,
        };
        order.remember(place, slice.as_bytes(), span, prefix.rfind(':').unwrap())
    }

    #[test]
    fn after_a_key_the_one_that_came_last_is_expected() {
        let mut order = KeyOrder::default();
        let (id, kind, text) = ("{\n  \"id\": ", ",\n  \"type\": ", ",\n  \"text\":");
        assert_eq!(expected(&order, Place::Beginning, id), None);
        let after_id = remember(&mut order, Place::Beginning, id, "id");
        assert_eq!(expected(&order, after_id, kind), None);
        let after_kind = remember(&mut order, after_id, kind, "type");
        assert_eq!(
            expected(&order, Place::Beginning, id),
            Some(("id".to_owned(), after_id))
        );
        assert_eq!(
            expected(&order, after_id, kind),
            Some(("type".to_owned(), after_kind))
        );
        for other in [text, ",\n   \"type\": ", ",\n  \"typo\": ", "}"] {
            assert_eq!(expected(&order, after_id, other), None, "{other}");
        }
        let after_text = remember(&mut order, after_id, text, "text");
        assert_eq!(
            expected(&order, after_id, text),
            Some(("text".to_owned(), after_text))
        );
        // It is the same key as before, whatever it came after.
        assert_eq!(remember(&mut order, after_text, kind, "type"), after_kind);
    }

    #[test]
    fn what_is_long_or_has_to_be_decoded_or_mended_is_not_remembered() {
        let mut order = KeyOrder::default();
        let (fits, longer) = (28, 29);
        for (key, is_remembered) in [
            ("k".repeat(fits), true),
            ("k".repeat(longer), false),
            ("a\\u0062".to_owned(), false),
            ("a\tb".to_owned(), false),
        ] {
            let prefix = format!("{{\"{key}\":");
            let place = remember(&mut order, Place::Beginning, &prefix, &key);
            assert_eq!(place != Place::Unknown, is_remembered, "{key}");
        }
        let kept = format!("{{\"{}\":", "k".repeat(fits));
        assert!(expected(&order, Place::Beginning, &kept).is_some());
        assert_eq!(expected(&order, Place::Unknown, &kept), None);
    }

    #[test]
    fn only_so_many_keys_are_remembered() {
        let mut order = KeyOrder::default();
        let mut place = Place::Beginning;
        for number in 0..MOST {
            place = remember(
                &mut order,
                place,
                &format!(",\"{number}\":"),
                &number.to_string(),
            );
            assert_eq!(place, Place::After(number));
        }
        let one_more = remember(&mut order, place, ",\"more\":", "more");
        assert_eq!(one_more, Place::Unknown);
        assert_eq!(remember(&mut order, place, ",\"7\":", "7"), Place::After(7));
    }

    #[test]
    fn near_the_end_of_a_slice_nothing_is_expected() {
        let mut order = KeyOrder::default();
        remember(&mut order, Place::Beginning, "{\"id\":", "id");
        let slice = format!("{{\"id\":{}", " ".repeat(LONGEST));
        let ends_at = |end: usize| order.expected(Place::Beginning, &slice.as_bytes()[..end]);
        assert!(ends_at(LONGEST).is_some());
        assert!(ends_at(LONGEST - 1).is_none());
    }
}
