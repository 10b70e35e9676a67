//! The states of a job's life.

use serde::{Deserialize, Serialize};

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JobStatus {
    /// Its payload is yet to be uploaded.
    AwaitingUpload,
    /// It waits for a worker.
    Queued,
    /// A worker has a lease on it.
    Running,
    /// Its outputs are there.
    Completed,
    /// It will not be tried again.
    Failed,
    /// It and everything stored for it is being removed.
    Deleting,
}

impl JobStatus {
    /// All states.
    pub const ALL: [Self; 6] = [
        Self::AwaitingUpload,
        Self::Queued,
        Self::Running,
        Self::Completed,
        Self::Failed,
        Self::Deleting,
    ];

    /// The name that the API knows it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::AwaitingUpload => "AWAITING_UPLOAD",
            Self::Queued => "QUEUED",
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Deleting => "DELETING",
        }
    }

    /// Whether it counts toward what its owner may have at the same time.
    pub fn is_active(self) -> bool {
        matches!(self, Self::AwaitingUpload | Self::Queued | Self::Running)
    }

    /// Whether nothing more will happen to it.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_the_api_know_a_state_by_the_same_name() {
        for status in JobStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
        }
    }

    #[test]
    fn a_job_is_active_then_finished_then_neither() {
        let stages = JobStatus::ALL.map(|status| (status.is_active(), status.is_finished()));
        let (active, finished, neither) = ((true, false), (false, true), (false, false));
        assert_eq!(
            stages,
            [active, active, active, finished, finished, neither]
        );
    }
}
