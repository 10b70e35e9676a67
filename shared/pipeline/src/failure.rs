//! A run that failed.

use crate::error::PipelineError;
use crate::statistics::Statistics;

/// A run that failed, with its findings so far.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Failure {
    /// Why.
    #[source]
    pub error: PipelineError,
    /// The statistics up to that point. They need not balance.
    pub statistics: Box<Statistics>,
}

impl Failure {
    /// A run that failed where it had found this out: nothing that it wrote counts.
    pub(crate) fn new(error: PipelineError, statistics: Statistics) -> Self {
        Self {
            error,
            statistics: statistics.without_outputs().into(),
        }
    }
}
