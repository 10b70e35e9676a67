//! From the set of a text's shingles to a few numbers that say how similar it is to others.

use crate::mixing::{folded_product, mixed};
use crate::signature::{SLOTS, Signature};

/// Larger than what any shingle puts into a slot.
const EMPTY: u64 = u64::MAX;
/// The bits of a hash that are compared within a slot; those above choose it.
const VALUE_BITS: u32 = 48;
/// Shingles that are kept where a text has more and still leaves slots empty.
const MOST_KEPT: usize = 4096;

/// Minima of a set of shingles, filled again for each text.
///
/// Fast similarity sketching: each shingle is thrown once, into the slot that its hash chooses, which keeps the
/// smallest. Only where slots stay empty all are thrown again, by other hashes, until none is. That costs one hash
/// of a shingle in long texts, and in short ones is as exact as a hash for each slot. (To end earlier, and let the
/// last slots copy others, takes half the time, but similar texts of different lengths would not end alike.)
#[derive(Clone, Debug)]
pub(crate) struct Sketch {
    slots: [u64; SLOTS],
    /// What may have to be thrown again.
    shingles: Vec<u64>,
    /// Whether nothing has to be.
    is_full: bool,
}

impl Default for Sketch {
    fn default() -> Self {
        Self {
            slots: [EMPTY; SLOTS],
            shingles: Vec::new(),
            is_full: false,
        }
    }
}

impl Sketch {
    pub(crate) fn clear(&mut self) {
        self.slots.fill(EMPTY);
        self.shingles.clear();
        self.is_full = false;
    }

    #[inline]
    pub(crate) fn add(&mut self, shingle: u64) {
        self.throw(shingle, 0);
        if !self.is_full {
            if self.shingles.len() == 2 * MOST_KEPT {
                self.keep_less();
            }
            self.shingles.push(shingle);
        }
    }

    /// What is kept depends on the set of shingles alone, not on their order.
    #[cold]
    fn keep_less(&mut self) {
        self.is_full = self.slots.iter().all(|&slot| slot != EMPTY);
        if self.is_full {
            self.shingles.clear();
        } else {
            self.shingles.sort_unstable();
            self.shingles.dedup();
            self.shingles.truncate(MOST_KEPT);
        }
    }

    #[inline]
    fn throw(&mut self, hash: u64, round: u64) {
        let slot = ((hash >> VALUE_BITS) * SLOTS as u64) >> (u64::BITS - VALUE_BITS);
        let slot = usize::try_from(slot).unwrap_or_default();
        self.put(slot, hash, round);
    }

    /// What came in an earlier round stays.
    #[inline]
    fn put(&mut self, slot: usize, hash: u64, round: u64) {
        let value = hash & ((1 << VALUE_BITS) - 1) | round << VALUE_BITS;
        let slot = &mut self.slots[slot];
        *slot = value.min(*slot);
    }

    /// The signature of all shingles since the last [`Self::clear`]; nothing if there were none.
    pub(crate) fn signature(&mut self) -> Option<Signature> {
        if self.shingles.len() > MOST_KEPT {
            self.keep_less();
        }
        if self.shingles.is_empty() && !self.is_full {
            return None;
        }
        // The last round fills the last slot. With fewer throws than there are slots, none has to be looked for.
        let mut rounds = 1..2 * SLOTS;
        let at_once = SLOTS.div_ceil(self.shingles.len().max(1));
        while self.slots.contains(&EMPTY) {
            for round in rounds.by_ref().take(at_once) {
                self.throw_again(round);
            }
        }
        // The low bits of the minima are as good as random, and enough to tell them apart.
        Some(Signature::new(
            self.slots.map(|value| value.to_le_bytes()[0]),
        ))
    }

    fn throw_again(&mut self, round: usize) {
        let shingles = std::mem::take(&mut self.shingles);
        let number = round as u64;
        let key = mixed(number);
        let hashes = shingles.iter().map(|shingle| folded_product(shingle ^ key));
        // So many rounds leave a slot empty only where there are few shingles. From then on each round is
        // for one slot, so that there is an end.
        match round.checked_sub(SLOTS) {
            None => hashes.for_each(|hash| self.throw(hash, number)),
            Some(slot) => hashes.for_each(|hash| self.put(slot, hash, number)),
        }
        self.shingles = shingles;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(shingles: impl IntoIterator<Item = u64>) -> Signature {
        let mut sketch = Sketch::default();
        for shingle in shingles {
            sketch.add(mixed(shingle));
        }
        sketch.signature().unwrap()
    }

    #[test]
    fn a_set_has_one_signature_whatever_its_order_and_how_often_each_is_in_it() {
        for count in [1, 2, 10, 100, 1_000, 20_000] {
            let once = signature(0..count);
            assert_eq!(signature((0..count).rev()), once, "{count}");
            let often = (0..count).flat_map(|shingle| [shingle; 3]).chain(0..count);
            assert_eq!(signature(often), once, "{count}");
        }
    }

    #[test]
    fn what_is_kept_to_throw_again_is_bounded() {
        let mut sketch = Sketch::default();
        for number in 0..1_000_000_u64 {
            sketch.add(mixed(number % 7));
        }
        assert!(sketch.shingles.len() <= 2 * MOST_KEPT);
        assert_eq!(sketch.signature().unwrap(), signature(0..7));
    }

    #[test]
    fn the_estimate_is_right_on_average_for_large_and_for_small_sets() {
        for size in [5, 50, 500, 5_000] {
            let mut sum = 0.0;
            let times = 200_u64;
            for time in 0..times {
                // Of 5 parts, 4 are in both: 3/5 of all that there are.
                let start = time << 32;
                let one = signature(start..start + size / 5 * 4);
                let other = signature(start + size / 5..start + size);
                sum += one.similarity(&other);
            }
            let mean = sum / times as f64;
            assert!((mean - 0.6).abs() < 0.01, "{size}: {mean}");
        }
    }
}
