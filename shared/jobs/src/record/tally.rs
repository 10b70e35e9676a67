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
