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
