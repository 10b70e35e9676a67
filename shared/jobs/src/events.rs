//! The steps of a job's life: a log line for each, and a call to the observer.

use std::time::Duration;

use tracing::{info, warn};

use crate::ports::Limit;
use crate::record::JobRecord;

/// Why a job failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The export or its configuration: another attempt would end the same.
    Input,
    /// The tokenizer could not be found.
    Tokenizer,
    /// It takes longer than a worker has.
    Time,
    /// Every attempt failed, or its worker stopped responding.
    Attempts,
    /// The upload never came, or the payload is gone.
    Payload,
    /// It could not be taken: it is too large, or its configuration is wrong.
    Refused,
}

impl FailureKind {
    /// The name that logs know it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Tokenizer => "tokenizer",
            Self::Time => "time",
            Self::Attempts => "attempts",
            Self::Payload => "payload",
            Self::Refused => "refused",
        }
    }
}

/// A step of a job's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is there, with its payload.
    Submitted,
    /// It is there, and awaits its payload.
    Announced,
    /// Its payload came.
    Uploaded,
    /// Its payload came, and it waits until its owner has room for it.
    Held(Limit),
    /// Its owner has room for it now.
    Admitted,
    /// A worker took it, after this time in the queue.
    Claimed(Duration),
    /// Its outputs are there, after this time of work.
    Completed(Duration),
    /// It will not be tried again.
    Failed(FailureKind),
    /// An attempt failed; the next one begins after a pause.
    Postponed(Duration),
    /// A worker gave it back, untried.
    GivenBack,
    /// Its worker's lease ran out.
    Released,
    /// Its message was lost, and is sent again.
    SentAgain,
    /// Its owner deleted it.
    Deleted,
    /// It expired.
    Expired,
}

impl Step {
    /// The name that logs know it by.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Announced => "announced",
            Self::Uploaded => "uploaded",
            Self::Held(_) => "held",
            Self::Admitted => "admitted",
            Self::Claimed(_) => "claimed",
            Self::Completed(_) => "completed",
            Self::Failed(_) => "failed",
            Self::Postponed(_) => "postponed",
            Self::GivenBack => "given back",
            Self::Released => "released",
            Self::SentAgain => "sent again",
            Self::Deleted => "deleted",
            Self::Expired => "expired",
        }
    }

    fn duration(&self) -> Option<Duration> {
        match self {
            Self::Claimed(duration) | Self::Completed(duration) | Self::Postponed(duration) => {
                Some(*duration)
            }
            _ => None,
        }
    }

    fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Failed(kind) => Some(kind.name()),
            Self::Held(Limit::ActiveJobs) => Some("active_jobs"),
            Self::Held(Limit::BytesPerDay) => Some("bytes_per_day"),
            _ => None,
        }
    }
}

/// Learns of each step of each job, once for each time that it happens.
pub trait Observer: Send + Sync {
    /// A job took a step.
    fn step(&self, job: &JobRecord, step: &Step);
}

/// Counts nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn step(&self, _job: &JobRecord, _step: &Step) {}
}

/// Writes the step's line of the log.
pub(crate) fn log(job: &JobRecord, step: &Step) {
    let duration = step.duration();
    let duration_ms =
        duration.map(|duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
    let attempt = (job.attempts > 0).then_some(job.attempts);
    let owner = job.owner.digest();
    // A job was claimed, and was completed; but it failed.
    let was = match step {
        Step::Failed(_) => "",
        _ => "was ",
    };
    macro_rules! line {
        ($level:ident) => {
            $level!(
                run_id = %job.run_id,
                owner,
                step = step.name(),
                kind = step.kind(),
                attempt,
                duration_ms,
                bytes = job.payload.size_bytes,
                "job {} {was}{}",
                job.run_id,
                step.name()
            )
        };
    }
    match step {
        Step::Failed(_) | Step::Postponed(_) | Step::Held(_) | Step::Released | Step::SentAgain => {
            line!(warn);
        }
        _ => line!(info),
    }
}
