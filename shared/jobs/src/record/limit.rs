//! What keeps an owner from having more.

use serde::{Deserialize, Serialize};

/// A limit that an owner has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// As many unfinished jobs as there may be.
    ActiveJobs,
    /// As many bytes on one day as there may be.
    BytesPerDay,
}

impl Limit {
    /// The name that logs, metrics and records know it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::ActiveJobs => "active_jobs",
            Self::BytesPerDay => "bytes_per_day",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_logs_know_a_limit_by_the_same_name() {
        for limit in [Limit::ActiveJobs, Limit::BytesPerDay] {
            assert_eq!(serde_json::to_value(limit).unwrap(), limit.name());
        }
    }
}
