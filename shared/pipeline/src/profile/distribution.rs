//! How often values of which size occurred.

/// So many bins of equal width, and one for what is beyond them.
const BINS: u64 = 40;

/// Values by size, in bins of equal width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    width: u64,
    counts: Vec<u64>,
}

impl Histogram {
    /// Bins that hold the values up to `largest`; the last one is for larger ones.
    pub(crate) fn up_to(largest: u64) -> Self {
        Self {
            width: (largest / BINS + 1).max(1),
            counts: vec![0; usize::try_from(BINS).unwrap_or_default() + 1],
        }
    }

    pub(crate) fn add(&mut self, value: u64) {
        let bin = usize::try_from(value / self.width).unwrap_or(usize::MAX);
        let last = self.counts.len() - 1;
        self.counts[bin.min(last)] += 1;
    }

    /// How many different values a bin holds.
    pub fn width(&self) -> u64 {
        self.width
    }

    /// How many values each bin has; the last one has those that are larger than all others hold.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// How many values there are.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// Values by size, in ranges of whatever width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranges {
    ends: &'static [u64],
    counts: Vec<u64>,
}

/// One of the [`Ranges`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The largest value of the range before; `None` for the first.
    pub above: Option<u64>,
    /// Its largest value; `None` for the last, which has no end.
    pub up_to: Option<u64>,
    /// The values in it.
    pub count: u64,
}

impl Ranges {
    pub(crate) fn ending_at(ends: &'static [u64]) -> Self {
        Self {
            ends,
            counts: vec![0; ends.len() + 1],
        }
    }

    pub(crate) fn add(&mut self, value: u64) {
        let range = self.ends.partition_point(|end| *end < value);
        self.counts[range] += 1;
    }

    /// The ranges, from small to large.
    pub fn iter(&self) -> impl Iterator<Item = Range> {
        let ends = self.ends.iter().copied().map(Some);
        let above = [None].into_iter().chain(ends.clone());
        let ranges = above.zip(ends.chain([None])).zip(&self.counts);
        ranges.map(|((above, up_to), &count)| Range {
            above,
            up_to,
            count,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_range_ends_with_its_largest_value() {
        let mut ranges = Ranges::ending_at(&[1, 5]);
        for value in [0, 1, 2, 5, 6, u64::MAX] {
            ranges.add(value);
        }
        let ranges: Vec<_> = ranges.iter().collect();
        let range = |above, up_to| Range {
            above,
            up_to,
            count: 2,
        };
        assert_eq!(
            ranges,
            [
                range(None, Some(1)),
                range(Some(1), Some(5)),
                range(Some(5), None)
            ]
        );
    }

    proptest! {
        #[test]
        fn every_value_is_in_the_bin_that_holds_it(largest in 1_u64.., values in prop::collection::vec(any::<u64>(), 1..20)) {
            let mut histogram = Histogram::up_to(largest);
            for value in &values {
                histogram.add(*value);
            }
            prop_assert_eq!(histogram.total(), values.len() as u64);
            prop_assert!(u128::from(histogram.width()) * u128::from(BINS) > u128::from(largest));
            let beyond = values.iter().filter(|value| **value / histogram.width() >= BINS).count();
            prop_assert_eq!(histogram.counts().last(), Some(&(beyond as u64)));
        }
    }
}
