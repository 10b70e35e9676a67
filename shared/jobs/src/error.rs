//! Why a use case did not do what it was asked.

use std::time::Duration;

use crate::ports::Unavailable;
use crate::record::{JobStatus, Limit};

/// Why a use case did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// There is no such job for this owner.
    #[error("there is no such job")]
    NotFound,
    /// The job is there; what was asked of it no longer is.
    #[error("{0} is no longer available")]
    Gone(String),
    /// The owner has reached a limit.
    #[error("{what}; try again in {} seconds", retry_after.as_secs())]
    LimitReached {
        /// Which limit.
        limit: Limit,
        /// The same in words, with what it is.
        what: String,
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The idempotency key was used with another request.
    #[error("the Idempotency-Key was used before with another body or configuration")]
    KeyReused,
    /// The upload would be larger than is allowed.
    #[error("an upload may have up to {0} bytes")]
    UploadTooLarge(u64),
    /// The job's upload has already arrived, or is no longer expected.
    #[error("the job is {} and does not expect an upload", .0.name())]
    NotAwaited(JobStatus),
    /// The payload was stored too long ago to rely on its still being there.
    #[error("it took too long to store the payload; send it again")]
    TooSlow,
    /// The job that the idempotency key stands for is being deleted.
    #[error("the job with this Idempotency-Key is being deleted; try again in a moment")]
    BeingDeleted,
    /// The cursor does not come from a page.
    #[error("the cursor does not come from the `Link` of an earlier page")]
    NotACursor,
    /// The configuration is larger than a record allows.
    #[error("the configuration has more than {0} bytes")]
    ConfigurationTooLarge(usize),
    /// Something that is needed could not be used; trying again may succeed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
