//! What is kept of a text.

/// Numbers in a signature: the more, the better the estimate.
pub(crate) const SLOTS: usize = 192;
/// Groups of slots by which similar texts are found. Two texts that are similar by 0.8 agree in one of them with
/// a probability of 0.98, by 0.85 of 0.997.
pub(crate) const BANDS: usize = 8;
/// Slots in a band.
const ROWS: usize = 4;

/// Slots that agree in texts whose similarity is 0.8, with the one in 256 of the others that agree by chance.
const SIMILAR: usize = 154;

/// What is kept of a text: the least of its shingles by each of 192 hashes, a byte of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature([u8; SLOTS]);

impl Signature {
    pub(crate) fn new(slots: [u8; SLOTS]) -> Self {
        Self(slots)
    }

    /// One band, as a number.
    pub(crate) fn band(&self, band: usize) -> u32 {
        let (rows, _) = self.0.as_chunks::<ROWS>();
        u32::from_le_bytes(rows[band])
    }

    fn agreeing(&self, other: &Self) -> usize {
        let pairs = self.0.iter().zip(&other.0);
        pairs.map(|(one, other)| usize::from(one == other)).sum()
    }

    /// The estimated similarity of two texts, from 0 to 1.
    pub fn similarity(&self, other: &Self) -> f64 {
        let agreeing = self.agreeing(other) as f64 / SLOTS as f64;
        let chance = 1.0 / 256.0;
        ((agreeing - chance) / (1.0 - chance)).max(0.0)
    }

    /// Whether the estimated similarity is 0.8 or more.
    pub fn is_similar(&self, other: &Self) -> bool {
        self.agreeing(other) >= SIMILAR
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_is_what_is_estimated_at_0_8() {
        let one = Signature::new([7; SLOTS]);
        for agreeing in 0..=SLOTS {
            let mut slots = [8; SLOTS];
            slots[..agreeing].fill(7);
            let other = Signature::new(slots);
            assert_eq!(one.is_similar(&other), one.similarity(&other) >= 0.8);
            assert_eq!(other.is_similar(&one), one.is_similar(&other));
        }
        assert!((one.similarity(&one) - 1.0).abs() < 1e-9);
    }
}
