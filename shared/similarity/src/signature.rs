//! What is kept of a text.

/// Numbers in a signature: the more, the better the estimate.
pub(crate) const SLOTS: usize = 192;
/// Groups of slots by which similar texts are found. Two texts that are similar by 0.7 agree in one of them with
/// a probability of 0.975, by 0.8 of 0.998, and by 0.85 of 0.9998.
pub(crate) const BANDS: usize = 9;
/// Slots in a band.
const ROWS: usize = 3;

/// The part of the slots of different shingles that agree nevertheless.
const CHANCE: f64 = 1.0 / 256.0;

/// What is kept of a text: the least of its shingles by each of 192 hashes, a byte of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature([u8; SLOTS]);

impl Signature {
    pub(crate) fn new(slots: [u8; SLOTS]) -> Self {
        Self(slots)
    }

    /// One band, as a number.
    pub(crate) fn band(&self, band: usize) -> u32 {
        let (bands, _) = self.0.as_chunks::<ROWS>();
        let [one, two, three] = bands[band];
        u32::from_le_bytes([one, two, three, 0])
    }

    /// The slots in which two texts agree.
    pub(crate) fn agreeing(&self, other: &Self) -> usize {
        let pairs = self.0.iter().zip(&other.0);
        pairs.map(|(one, other)| usize::from(one == other)).sum()
    }

    /// The estimated similarity of two texts, from 0 to 1.
    pub fn similarity(&self, other: &Self) -> f64 {
        let agreeing = self.agreeing(other) as f64 / SLOTS as f64;
        ((agreeing - CHANCE) / (1.0 - CHANCE)).max(0.0)
    }
}

/// The fewest slots that agree in texts whose estimated similarity is this or more.
pub(crate) fn fewest_agreeing(similarity: f64) -> usize {
    let fewest = SLOTS as f64 * (CHANCE + similarity * (1.0 - CHANCE));
    (0..SLOTS)
        .take_while(|agreeing| (*agreeing as f64) < fewest)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_agrees_in_the_fewest_slots_has_the_similarity() {
        let one = Signature::new([7; SLOTS]);
        for similarity in [0.1, 0.5, 0.8, 0.85] {
            for agreeing in 0..=SLOTS {
                let mut slots = [8; SLOTS];
                slots[..agreeing].fill(7);
                let is_similar = one.similarity(&Signature::new(slots)) >= similarity;
                assert_eq!(agreeing >= fewest_agreeing(similarity), is_similar);
            }
        }
        assert!((one.similarity(&one) - 1.0).abs() < 1e-9);
    }
}
