//! The answer to a submission.

use resonare_jobs::RunId;
use serde::Serialize;
use utoipa::ToSchema;

/// The answer to a submission.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Accepted)]
pub(crate) struct AcceptedResponse {
    /// `queued`.
    status: &'static str,
    /// The same in words.
    message: &'static str,
    /// The job's name.
    #[schema(value_type = String, format = Uuid)]
    run_id: RunId,
}

impl AcceptedResponse {
    pub(crate) fn queued(run_id: RunId) -> Self {
        Self {
            status: "queued",
            message: "Job accepted and enqueued",
            run_id,
        }
    }
}
