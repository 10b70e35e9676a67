//! Jobs, counted.

use std::ops::{Add, Sub};

/// The number of jobs of one owner, by what they are doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those that are not finished and count towards the limit.
    pub active: i64,
    /// Those that wait for a worker.
    pub queued: i64,
    /// Those that a worker has.
    pub running: i64,
    /// Those that wait until fewer others are unfinished.
    pub held: i64,
}

impl Sub for Tally {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            active: self.active - other.active,
            queued: self.queued - other.queued,
            running: self.running - other.running,
            held: self.held - other.held,
        }
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            active: self.active + other.active,
            queued: self.queued + other.queued,
            running: self.running + other.running,
            held: self.held + other.held,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_are_added_and_subtracted_kind_by_kind() {
        let tally = |[active, queued, running, held]: [i64; 4]| Tally {
            active,
            queued,
            running,
            held,
        };
        let (all, some) = (tally([9, 8, 7, 6]), tally([1, 2, 3, 4]));
        assert_eq!(all + some, tally([10, 10, 10, 10]));
        assert_eq!(all - some, tally([8, 6, 4, 2]));
    }
}
