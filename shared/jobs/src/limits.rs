//! How long things may take, and how much of them one owner may have.

use std::time::Duration;

/// The times that a job's life is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// How long a claim holds without being extended.
    pub lease: Duration,
    /// How often a job may be claimed.
    pub max_attempts: u32,
    /// The pause before the second attempt; each further one is twice as long.
    pub first_pause: Duration,
    /// The longest pause between attempts.
    pub longest_pause: Duration,
    /// A queued job whose message was sent longer ago gets another.
    pub resend_after: Duration,
    /// How long an upload may take to come.
    pub upload_deadline: Duration,
    /// How long records and objects are kept.
    pub retention: Duration,
    /// How long an idempotency key is remembered.
    pub idempotency: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            lease: Duration::from_mins(1),
            max_attempts: 3,
            first_pause: Duration::from_secs(5),
            longest_pause: Duration::from_mins(5),
            resend_after: Duration::from_mins(15),
            upload_deadline: Duration::from_hours(24),
            retention: Duration::from_hours(7 * 24),
            idempotency: Duration::from_hours(24),
        }
    }
}

impl Timings {
    /// The pause after that many attempts.
    pub(crate) fn pause(&self, attempts: u32) -> Duration {
        let doubled = 1_u32
            .checked_shl(attempts.saturating_sub(1))
            .unwrap_or(u32::MAX);
        self.first_pause
            .saturating_mul(doubled)
            .min(self.longest_pause)
    }
}

/// What one owner may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Jobs that are not finished.
    pub active_jobs: usize,
    /// Bytes uploaded on one day.
    pub bytes_per_day: u64,
    /// Bytes of one upload.
    pub upload_bytes: u64,
}

impl Limits {
    /// None: for a service that one person runs for themself.
    pub const NONE: Self = Self {
        active_jobs: usize::MAX,
        bytes_per_day: u64::MAX,
        upload_bytes: u64::MAX,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let pauses =
            [1, 2, 3, 8, 40, 400].map(|attempts| Timings::default().pause(attempts).as_secs());
        assert_eq!(pauses, [5, 10, 20, 300, 300, 300]);
    }
}
