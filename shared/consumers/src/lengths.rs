//! Lengths of many rows in little memory: their extremes, mean and percentiles.

/// What the lengths of the rows are like.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Lengths {
    /// The shortest.
    pub min: u64,
    /// Half of the rows are at most this long; from 2,048 on to within a thousandth, as all
    /// percentiles here.
    pub p50: u64,
    /// Nine tenths are.
    pub p90: u64,
    /// 95 of a hundred are.
    pub p95: u64,
    /// 99 of a hundred are.
    pub p99: u64,
    /// The longest.
    pub max: u64,
    /// The mean.
    pub mean: f64,
}

/// Counts of lengths: each on its own below 2,048, then 1,024 ranges for each doubling.
#[derive(Default)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    rows: u64,
    sum: u64,
    min: Option<u64>,
    max: u64,
}

const BITS: u32 = 10;

fn slot_of(length: u64) -> usize {
    let shift = (u64::BITS - length.leading_zeros()).saturating_sub(BITS + 1);
    let slot = (u64::from(shift) << BITS) + (length >> shift);
    usize::try_from(slot).expect("there are less than a hundred thousand slots")
}

/// The largest length of a slot.
fn end_of(slot: usize) -> u64 {
    let slot = slot as u64;
    let shift = (slot >> BITS).saturating_sub(1);
    let first = slot - (shift << BITS);
    ((first + 1) << shift) - 1
}

impl Histogram {
    pub(crate) fn add(&mut self, length: u64) {
        // Longer than any row can be: the arithmetic stays clear of overflow.
        let length = length.min(1 << 48);
        let slot = slot_of(length);
        if slot >= self.counts.len() {
            self.counts.resize(slot + 1, 0);
        }
        self.counts[slot] += 1;
        self.rows += 1;
        self.sum += length;
        self.min = Some(self.min.map_or(length, |min| min.min(length)));
        self.max = self.max.max(length);
    }

    /// `None` if there is none.
    pub(crate) fn lengths(&self) -> Option<Lengths> {
        Some(Lengths {
            min: self.min?,
            p50: self.percentile(50),
            p90: self.percentile(90),
            p95: self.percentile(95),
            p99: self.percentile(99),
            max: self.max,
            mean: self.sum as f64 / self.rows as f64,
        })
    }

    fn percentile(&self, percent: u64) -> u64 {
        let rank = (self.rows * percent).div_ceil(100).max(1);
        let mut rows = 0;
        for (slot, count) in self.counts.iter().enumerate() {
            rows += count;
            if rows >= rank {
                return end_of(slot).min(self.max);
            }
        }
        self.max
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_percentile_is_that_of_the_sorted_lengths_to_within_a_thousandth(
            mut lengths in prop::collection::vec(0u64..100_000, 1..200)
        ) {
            let mut histogram = Histogram::default();
            for &length in &lengths {
                histogram.add(length);
            }
            lengths.sort_unstable();
            let exact = lengths[(lengths.len() * 90).div_ceil(100) - 1];
            let p90 = histogram.lengths().unwrap().p90;
            prop_assert!(p90 >= exact && p90 - exact <= exact / 1000, "{p90} for {exact}");
            prop_assert!(exact >= 2048 || p90 == exact);
        }
    }

    #[test]
    fn no_rows_have_no_lengths() {
        assert_eq!(Histogram::default().lengths(), None);
    }
}
