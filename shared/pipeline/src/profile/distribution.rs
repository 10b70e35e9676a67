//! How often values of which size occurred.

/// So many bins of equal width at most.
const BINS: u64 = 40;

/// Values by size, in bins of equal width up to a limit, and one for all beyond it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    limit: u64,
    width: u64,
    counts: Vec<u64>,
}

impl Histogram {
    pub(crate) fn up_to(limit: u64) -> Self {
        let limit = limit.max(1);
        let width = limit.div_ceil(BINS);
        let bins = usize::try_from(limit.div_ceil(width)).expect("there are few");
        Self {
            limit,
            width,
            counts: vec![0; bins + 1],
        }
    }

    pub(crate) fn add(&mut self, value: u64) {
        let beyond = self.counts.len() - 1;
        let bin = if value > self.limit {
            beyond
        } else {
            usize::try_from(value.saturating_sub(1) / self.width).unwrap_or(beyond)
        };
        self.counts[bin] += 1;
    }

    /// Adds those of a histogram up to the same limit.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    /// How many different values a bin holds: the first from 1 on, with 0 in addition.
    pub fn width(&self) -> u64 {
        self.width
    }

    /// How many values each bin has; the last has those beyond the limit.
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

    #[test]
    fn a_bin_ends_with_its_largest_value_and_the_limit_is_the_end_of_one() {
        let mut histogram = Histogram::up_to(800);
        for tokens in [0, 1, 20, 21, 800, 801] {
            histogram.add(tokens);
        }
        assert_eq!((histogram.width(), histogram.counts().len()), (20, 41));
        assert_eq!(histogram.counts()[..2], [3, 1]);
        assert_eq!(histogram.counts()[39..], [1, 1]);
    }

    proptest! {
        #[test]
        fn every_value_is_in_the_bin_that_holds_it(
            limit in prop_oneof![1_u64..200, Just(u64::from(u32::MAX))],
            values in prop::collection::vec(prop_oneof![0_u64..200, any::<u64>()], 1..20),
        ) {
            let mut histogram = Histogram::up_to(limit);
            let mut counts = vec![0; histogram.counts().len()];
            prop_assert!(counts.len() <= 41);
            for value in values {
                histogram.add(value);
                let last = counts.len() - 1;
                let holds = |bin: &usize| value <= (*bin as u64 + 1) * histogram.width();
                let bin = (0..last).find(|bin| value <= limit && holds(bin));
                counts[bin.unwrap_or(last)] += 1;
            }
            prop_assert_eq!(histogram.counts(), counts);
        }
    }
}
