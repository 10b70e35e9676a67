//! What is known of a job.

mod limit;
mod owner;
mod payload;
mod progress;
mod results;
mod run_id;
mod status;
mod tally;

use jiff::Timestamp;
use resonare_pipeline::TokenizerInfo;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

pub use limit::Limit;
pub use owner::Owner;
pub use payload::{DirectUpload, Payload};
pub use progress::{Progress, Stage};
pub use results::{Output, StatsSummary};
pub use run_id::{RunId, RunIdError};
pub use status::JobStatus;
pub use tally::Tally;

/// The version of the records that are written. Older ones stay readable: new fields have defaults.
/// Version 2 added `counted`, `due_at` and `deleted_at`; version 3, `held_by` and `settle_at`.
pub const SCHEMA_VERSION: u32 = 3;

/// Seconds of a day. Days are those of UTC.
pub(crate) const SECONDS_OF_A_DAY: i64 = 86_400;

/// A record stays under this many bytes as JSON, whatever the export.
pub const LARGEST_RECORD: usize = 32 << 10;

/// The longest error message that is kept.
const LONGEST_ERROR: usize = 2048;

/// A worker's right to a job, for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Tells this claim from every other.
    pub token: Uuid,
    /// When it ends unless it is extended.
    pub expires_at: Timestamp,
}

/// A job, as the store keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobRecord {
    /// [`SCHEMA_VERSION`] when it was written.
    pub schema_version: u32,
    /// Counts the writes: each is conditional on the one before.
    pub revision: u64,
    /// Tells this write from every other, so that a write whose answer was lost is recognized.
    pub write_id: Uuid,
    /// Its name.
    pub run_id: RunId,
    /// Whose it is.
    pub owner: Owner,
    /// Its state.
    pub status: JobStatus,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When the record was last written.
    pub updated_at: Timestamp,
    /// When it was first claimed.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When it was completed or failed.
    #[serde(default)]
    pub completed_at: Option<Timestamp>,
    /// When it and what is stored for it expires.
    pub expires_at: Timestamp,
    /// When a message was last sent for it; none while no sending was confirmed.
    #[serde(default)]
    pub sent_at: Option<Timestamp>,
    /// When the sweeper has to look at it next.
    #[serde(default)]
    pub due_at: Option<Timestamp>,
    /// Whether it is among its owner's unfinished jobs, and its bytes among those of its day. A queued
    /// job that isn't waits until its owner has room for it.
    #[serde(default)]
    pub counted: bool,
    /// The limit that it waits for, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<Limit>,
    /// When everything that was stored for it had been removed. What is left of the record waits for a
    /// worker that may still be at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
    /// When what its attempts may have left, and may still store, is to be removed; none once that is
    /// done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle_at: Option<Timestamp>,
    /// Claims so far.
    #[serde(default)]
    pub attempts: u32,
    /// The claim of a running job.
    #[serde(default)]
    pub lease: Option<Lease>,
    /// Why it failed, or why its last attempt did.
    #[serde(default)]
    pub error_message: Option<String>,
    /// Its progress.
    #[serde(default)]
    pub progress: Option<Progress>,
    /// The configuration, frozen at submission.
    pub config: Map<String, Value>,
    /// The tokenizer, frozen at the first claim.
    #[serde(default)]
    pub tokenizer: Option<TokenizerInfo>,
    /// What it works on.
    pub payload: Payload,
    /// The key of the request that it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// Its numbers.
    #[serde(default)]
    pub stats: Option<StatsSummary>,
    /// Its outputs, which can be downloaded.
    #[serde(default)]
    pub outputs: Vec<Output>,
}

impl JobRecord {
    /// The record that follows this one, to be changed and written.
    pub(crate) fn next(&self, now: Timestamp) -> Self {
        let mut next = self.clone();
        next.schema_version = SCHEMA_VERSION;
        // The counters of an owner begin to count an older record with its next change.
        next.counted |= self.schema_version == 1 && self.status.is_active();
        next.revision += 1;
        next.write_id = Uuid::new_v4();
        next.updated_at = now;
        next
    }

    /// Whether a worker's claim still holds.
    pub(crate) fn is_leased(&self, now: Timestamp) -> bool {
        self.lease.is_some_and(|lease| lease.expires_at > now)
    }

    /// When its worker's claim ends unless it is extended.
    pub(crate) fn lease_end(&self) -> Option<Timestamp> {
        self.lease.map(|lease| lease.expires_at)
    }

    /// Whether it has expired; such a job is not shown, even if it is not yet removed.
    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }

    /// Whether it waits until its owner has room for it. Records of version 1 never do.
    pub fn is_held(&self) -> bool {
        self.status == JobStatus::Queued && !self.counted && self.schema_version > 1
    }

    /// Whether its payload is an object that somebody put without a call: maybe the only copy.
    pub(crate) fn is_drop(&self) -> bool {
        let own = self.run_id.to_string();
        self.payload.upload.is_none() && !self.payload.key.starts_with(&own)
    }

    /// Whether its payload was announced and has not come.
    pub(crate) fn awaits_payload(&self) -> bool {
        self.payload.upload.is_some() && self.payload.version.is_none() && self.attempts == 0
    }

    /// When the sweeper has to look at it next. An unfinished record of version 1 is due at once.
    pub fn due(&self) -> Timestamp {
        let of_version_1 = if self.status.is_finished() {
            self.expires_at
        } else {
            self.updated_at
        };
        self.due_at.unwrap_or(of_version_1)
    }

    /// What it adds to its owner's counters. Version 1 had none.
    pub fn tally(&self) -> Tally {
        let one = |counts| i64::from(counts && self.schema_version > 1);
        let is_ahead = self.is_held() && self.held_by == Some(Limit::ActiveJobs);
        Tally {
            active: one(self.counted && self.status.is_active()),
            queued: one(self.status == JobStatus::Queued),
            running: one(self.status == JobStatus::Running),
            held: one(is_ahead),
        }
    }

    /// The day, since 1970 in UTC, among whose bytes its payload counts if it begins to count now.
    pub fn day(&self) -> i64 {
        self.updated_at.as_second().div_euclid(SECONDS_OF_A_DAY)
    }

    pub(crate) fn set_error(&mut self, message: &str) {
        let mut end = message.len().min(LONGEST_ERROR);
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        self.error_message = Some(message[..end].to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::record;

    /// The same moment, so many seconds later.
    fn after(record: &JobRecord, seconds: i64) -> Timestamp {
        Timestamp::from_second(record.created_at.as_second() + seconds).unwrap()
    }

    #[test]
    fn each_write_has_a_revision_and_an_id_of_its_own() {
        let first = record("ann", 0);
        let next = first.next(after(&first, 5));
        assert_eq!(next.revision, first.revision + 1);
        assert_ne!(next.write_id, first.write_id);
        assert_eq!(next.updated_at, after(&first, 5));
    }

    #[test]
    fn a_lease_and_a_job_are_over_at_the_moment_that_is_named() {
        let mut job = record("ann", 0);
        assert!(!job.is_leased(job.created_at));
        job.lease = Some(Lease {
            token: Uuid::nil(),
            expires_at: after(&job, 60),
        });
        assert!(job.is_leased(after(&job, 59)) && !job.is_leased(after(&job, 60)));
        job.expires_at = after(&job, 90);
        assert!(!job.is_expired(after(&job, 89)) && job.is_expired(after(&job, 90)));
    }

    #[test]
    fn an_unfinished_record_of_version_1_counts_from_its_next_change_on() {
        let mut old = record("ann", 0);
        (old.schema_version, old.counted, old.due_at) = (1, false, None);
        assert!(!old.is_held());
        assert_eq!(old.tally(), Tally::default());
        assert_eq!(old.due(), old.updated_at);
        let next = old.next(after(&old, 5));
        assert!(next.counted);
        assert_eq!(next.schema_version, SCHEMA_VERSION);

        old.status = JobStatus::Completed;
        assert_eq!(old.due(), old.expires_at);
        assert!(!old.next(after(&old, 5)).counted);
    }

    #[test]
    fn a_job_counts_as_what_it_is_doing() {
        let tally = |status, counted, held_by| {
            let job = JobRecord {
                status,
                counted,
                held_by,
                ..record("ann", 0)
            };
            let Tally {
                active,
                queued,
                running,
                held,
            } = job.tally();
            [active, queued, running, held]
        };
        assert_eq!(tally(JobStatus::AwaitingUpload, true, None), [1, 0, 0, 0]);
        assert_eq!(tally(JobStatus::Queued, true, None), [1, 1, 0, 0]);
        assert_eq!(tally(JobStatus::Running, true, None), [1, 0, 1, 0]);
        assert_eq!(tally(JobStatus::Completed, true, None), [0; 4]);
        let ahead = tally(JobStatus::Queued, false, Some(Limit::ActiveJobs));
        assert_eq!(ahead, [0, 1, 0, 1]);
        let tomorrow = tally(JobStatus::Queued, false, Some(Limit::BytesPerDay));
        assert_eq!(tomorrow, [0, 1, 0, 0]);
    }

    #[test]
    fn only_what_is_queued_and_does_not_count_waits_for_room() {
        let is_held = |status, counted| {
            let job = JobRecord {
                status,
                counted,
                ..record("ann", 0)
            };
            job.is_held()
        };
        assert!(is_held(JobStatus::Queued, false));
        assert!(!is_held(JobStatus::Queued, true));
        assert!(!is_held(JobStatus::Failed, false));
    }

    #[test]
    fn an_announced_payload_is_awaited_until_it_comes_or_is_tried() {
        let mut job = record("ann", 0);
        assert!(!job.awaits_payload());
        job.payload.upload = Some(DirectUpload::default());
        assert!(job.awaits_payload());
        job.attempts = 1;
        assert!(!job.awaits_payload());
        job.attempts = 0;
        job.payload.version = Some("1".to_owned());
        assert!(!job.awaits_payload());
    }

    #[test]
    fn an_object_that_was_put_without_a_call_is_a_drop() {
        let mut job = record("ann", 0);
        assert!(!job.is_drop(), "its key begins with the run's name");
        job.payload.key = "uploads/a".to_owned();
        assert!(job.is_drop());
        job.payload.upload = Some(DirectUpload::default());
        assert!(!job.is_drop());
    }

    #[test]
    fn days_begin_at_midnight_in_utc() {
        let day = |second| record("ann", second).day();
        assert_eq!([-1, 0, 86_399, 86_400].map(day), [-1, 0, 0, 1]);
        assert_eq!(day(1_700_000_000), 19_675);
    }

    #[test]
    fn a_long_error_is_cut_between_two_characters() {
        let mut job = record("ann", 0);
        let error = format!("x{}", "é".repeat(LONGEST_ERROR));
        job.set_error(&error);
        assert_eq!(job.error_message.as_deref(), Some(&error[..2047]));
        job.set_error("short");
        assert_eq!(job.error_message.as_deref(), Some("short"));
    }
}
