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
