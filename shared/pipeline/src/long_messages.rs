//! Messages that alone have more tokens than a block may have: what a higher maximum would make room for.

/// Higher maximums, as multiples of the maximum.
const FACTORS: [u64; 3] = [2, 4, 8];

/// Messages over the maximum, by how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LongMessages {
    max: u64,
    /// Those within each of the higher maximums.
    within: [u64; FACTORS.len()],
}

impl LongMessages {
    /// None so far, where blocks have this many tokens at most.
    pub(crate) fn new(max: u64) -> Self {
        Self {
            max,
            ..Self::default()
        }
    }

    pub(crate) fn add(&mut self, tokens: u64) {
        for (factor, within) in FACTORS.into_iter().zip(&mut self.within) {
            *within += u64::from(tokens <= self.max.saturating_mul(factor));
        }
    }

    /// Higher maximums, and the messages that each makes room for.
    pub(crate) fn higher_maximums(&self) -> impl Iterator<Item = (u64, u64)> {
        let maximums = FACTORS.map(|factor| self.max.saturating_mul(factor));
        maximums.into_iter().zip(self.within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_maximum_has_room_for_messages_up_to_it() {
        let mut long = LongMessages::new(800);
        for tokens in [801, 1600, 1601, 6400, 6401] {
            long.add(tokens);
        }
        let room: Vec<_> = long.higher_maximums().collect();
        assert_eq!(room, [(1600, 2), (3200, 3), (6400, 4)]);
    }
}
