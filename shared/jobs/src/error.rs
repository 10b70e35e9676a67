//! Why a use case did not do what it was asked.

use std::time::Duration;

use crate::ports::Unavailable;
use crate::record::JobStatus;

/// Why a use case did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// There is no such job for this owner.
    #[error("there is no such job")]
    NotFound,
    /// The job is there, what was asked of it is not any more.
    #[error("{0} is no longer available")]
    Gone(String),
    /// The owner has as much as one may have.
    #[error("{what}; try again in {} seconds", retry_after.as_secs())]
    LimitReached {
        /// Which limit, and what it is.
        what: String,
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The idempotency key was used with another request.
    #[error("the Idempotency-Key was used before with another body or configuration")]
    KeyReused,
    /// More is to be uploaded than one may.
    #[error("an upload may have up to {0} bytes")]
    UploadTooLarge(u64),
    /// The job's upload came already, or will not come any more.
    #[error("the job is {} and awaits no upload", .0.name())]
    NotAwaited(JobStatus),
    /// The payload was stored too long ago to be relied upon.
    #[error("it took too long to store the payload; send it again")]
    TooSlow,
    /// The job that the idempotency key stands for is being deleted.
    #[error("the job of this Idempotency-Key is being deleted; try again in a moment")]
    BeingDeleted,
    /// The place to go on from is none.
    #[error("the cursor is not one that a page gave")]
    NotACursor,
    /// The configuration takes more room than a record has.
    #[error("the configuration takes more than {0} bytes")]
    ConfigurationTooLarge(usize),
    /// Something that is needed could not be used; trying again may succeed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
