//! The question that most look-ups end with: whether a table can have a key at all.

use super::hash;

/// A view of a filter that [`hash::filter`] made. It fits a processor's cache, as the tables behind it
/// don't.
#[derive(Clone, Copy)]
pub(crate) struct HashFilter<'f>(&'f hash::Filter);

impl<'f> HashFilter<'f> {
    /// A view of the filter at the beginning of `bytes`, and what follows it; `None` if there are too few.
    pub(crate) fn split_from(bytes: &'f [u8]) -> Option<(Self, &'f [u8])> {
        let (filter, rest) = bytes.split_first_chunk()?;
        Some((Self(filter), rest))
    }

    /// Whether a slot may have a mixed key.
    #[inline]
    pub(crate) fn may_have(self, mixed: u64) -> bool {
        let (byte, bit) = hash::filter_bit(mixed);
        self.0[byte] & bit != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_may_be_there_and_few_others_may() {
        let keys = || (0..1000).map(|number| number * 3);
        let bytes = [hash::filter(keys().map(hash::mix)), b"rest".to_vec()].concat();
        let (filter, rest) = HashFilter::split_from(&bytes).unwrap();
        assert_eq!(rest, b"rest");
        assert!(keys().all(|key| filter.may_have(hash::mix(key))));
        let others = keys().map(|key| key + 1);
        let mistaken = others.filter(|key| filter.may_have(hash::mix(*key)));
        assert!(mistaken.count() < 20);
        assert!(HashFilter::split_from(&bytes[rest.len() + 1..]).is_none());
    }
}
