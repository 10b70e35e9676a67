//! Time between moments.

use std::time::Duration;

use jiff::Timestamp;

/// The time from one moment to another; none if that one is not later.
pub(crate) fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
