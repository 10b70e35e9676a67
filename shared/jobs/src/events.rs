//! The steps of a job's life: a log line for each, and a call to the observer.

use std::time::Duration;

use serde_json::Value;
use tracing::{info, warn};

use crate::elapsed::elapsed;
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

    /// How long what the step ends has taken; of a failure, since the job was first started.
    pub fn duration(&self, job: &JobRecord) -> Option<Duration> {
        match self {
            Self::Claimed(duration) | Self::Completed(duration) | Self::Postponed(duration) => {
                Some(*duration)
            }
            Self::Failed(_) => Some(elapsed(job.started_at?, job.completed_at?)),
            _ => None,
        }
    }

    fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Failed(kind) => Some(kind.name()),
            Self::Held(limit) => Some(limit.name()),
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

/// The blocks that a job has made, and their tokens.
fn made(job: &JobRecord) -> (Option<u64>, Option<u64>) {
    let number = |key| job.stats.as_ref().and_then(|stats| stats.0.get(key));
    let blocks = number("num_blocks").and_then(Value::as_u64);
    let average = number("avg_tokens_per_block").and_then(Value::as_f64);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of tokens is far from the limits of either type"
    )]
    let tokens = blocks
        .zip(average)
        .map(|(blocks, average)| (blocks as f64 * average).round() as u64);
    (blocks, tokens)
}

/// Writes the step's line of the log.
pub(crate) fn log(job: &JobRecord, step: &Step) {
    let duration = step.duration(job);
    let duration_ms =
        duration.map(|duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
    let attempt = (job.attempts > 0).then_some(job.attempts);
    let owner = job.owner.digest();
    let (blocks, tokens) = made(job);
    macro_rules! line {
        ($level:ident) => {
            $level!(
                run_id = %job.run_id,
                owner,
                step = step.name(),
                kind = step.kind(),
                attempt,
                blocks,
                tokens,
                duration_ms,
                bytes = job.payload.size_bytes,
                "job {}",
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

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Write as _};
    use std::sync::{Arc, Mutex};

    use tracing::field::Field;
    use tracing::{Event, Metadata, Subscriber, span};

    use super::*;
    use crate::testkit::record;

    /// Keeps the lines of the log.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    impl Subscriber for Lines {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn event(&self, event: &Event<'_>) {
            let mut line = event.metadata().level().to_string();
            event.record(&mut |field: &Field, value: &dyn Debug| {
                write!(line, " {field}={value:?}").unwrap();
            });
            self.0.lock().unwrap().push(line);
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
        fn enter(&self, _: &span::Id) {}
        fn exit(&self, _: &span::Id) {}
    }

    /// The line of a step of a job that was tried that often.
    fn line(step: &Step, attempts: u32) -> String {
        let job = JobRecord {
            attempts,
            ..record("ann", 0)
        };
        let lines = Lines::default();
        tracing::subscriber::with_default(lines.clone(), || log(&job, step));
        let line = lines.0.lock().unwrap().join("\n");
        let line = line.replace(&job.run_id.to_string(), "RUN");
        line.replace(&job.owner.digest(), "OWNER")
    }

    #[test]
    fn a_line_says_whose_step_it_was_once_and_without_naming_anyone() {
        let completed = Step::Completed(Duration::from_millis(1500));
        assert_eq!(
            line(&completed, 2),
            "INFO message=job completed run_id=RUN owner=\"OWNER\" step=\"completed\" \
             attempt=2 duration_ms=1500 bytes=1"
        );
        assert_eq!(line(&completed, 2).matches("RUN").count(), 1);
        assert_eq!(
            line(&Step::Failed(FailureKind::Input), 1),
            "WARN message=job failed run_id=RUN owner=\"OWNER\" step=\"failed\" kind=\"input\" \
             attempt=1 bytes=1"
        );
        assert!(!line(&Step::Submitted, 0).contains("attempt"));
    }

    #[test]
    fn a_finished_job_says_what_it_made_and_how_long_it_took() {
        let stats = serde_json::json!({"num_blocks": 3, "avg_tokens_per_block": 333.333_333_333});
        let started = record("ann", 0).created_at;
        let job = JobRecord {
            stats: serde_json::from_value(stats).ok(),
            started_at: Some(started),
            completed_at: Some(started + Duration::from_secs(2)),
            ..record("ann", 0)
        };
        assert_eq!(made(&job), (Some(3), Some(1000)));
        let failed = Step::Failed(FailureKind::Input);
        assert_eq!(failed.duration(&job), Some(Duration::from_secs(2)));
        assert_eq!(failed.duration(&record("ann", 0)), None);
        assert_eq!(made(&record("ann", 0)), (None, None));
    }

    #[test]
    fn each_step_has_a_name_and_a_level() {
        let second = Duration::from_secs(1);
        for (step, beginning) in [
            (Step::Submitted, "INFO message=job submitted "),
            (Step::Announced, "INFO message=job announced "),
            (Step::Uploaded, "INFO message=job uploaded "),
            (Step::Held(Limit::ActiveJobs), "WARN message=job held "),
            (Step::Admitted, "INFO message=job admitted "),
            (Step::Claimed(second), "INFO message=job claimed "),
            (Step::Postponed(second), "WARN message=job postponed "),
            (Step::GivenBack, "INFO message=job given back "),
            (Step::Released, "WARN message=job released "),
            (Step::SentAgain, "WARN message=job sent again "),
            (Step::Deleted, "INFO message=job deleted "),
            (Step::Expired, "INFO message=job expired "),
        ] {
            let line = line(&step, 1);
            assert!(line.starts_with(beginning), "{line}");
            let has_duration = matches!(step, Step::Claimed(_) | Step::Postponed(_));
            assert_eq!(line.contains(" duration_ms=1000 "), has_duration, "{line}");
        }
    }

    #[test]
    fn failures_and_waits_have_kinds() {
        let kinds = [
            (Step::Failed(FailureKind::Input), "input"),
            (Step::Failed(FailureKind::Tokenizer), "tokenizer"),
            (Step::Failed(FailureKind::Time), "time"),
            (Step::Failed(FailureKind::Attempts), "attempts"),
            (Step::Failed(FailureKind::Payload), "payload"),
            (Step::Failed(FailureKind::Refused), "refused"),
            (Step::Held(Limit::ActiveJobs), "active_jobs"),
            (Step::Held(Limit::BytesPerDay), "bytes_per_day"),
        ];
        for (step, kind) in kinds {
            assert_eq!(step.kind(), Some(kind));
        }
        assert_eq!(Step::Submitted.kind(), None);
    }
}
