//! Time between moments.

use std::time::Duration;

use jiff::Timestamp;

/// The time from one moment to another; none if that one is not later.
pub(crate) fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_has_passed_since_a_moment_that_is_to_come() {
        let [early, late] = [1, 3].map(|second| Timestamp::from_second(second).unwrap());
        assert_eq!(elapsed(early, late), Duration::from_secs(2));
        assert_eq!(elapsed(late, early), Duration::ZERO);
    }
}
