//! What is known of a job.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use jiff::Timestamp;
use resonare_pipeline::{Statistics, TokenizerInfo};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// The version of the records that are written. Older ones stay readable: new fields have defaults.
/// Version 2 added `counted`, `due_at` and `deleted_at`.
pub const SCHEMA_VERSION: u32 = 2;

/// Seconds of a day. Days are those of UTC.
pub(crate) const SECONDS_OF_A_DAY: i64 = 86_400;

/// A record stays under this many bytes as JSON, whatever the export.
pub const LARGEST_RECORD: usize = 32 << 10;

/// The longest error message that is kept.
const LONGEST_ERROR: usize = 2048;

/// A job's name: a UUID of version 7, so that names order by time, or for an object that was put
/// without a call, of version 5.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(Uuid);

impl RunId {
    /// A new name that no other job has.
    pub fn generate(now: Timestamp) -> Self {
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
        let time = uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos);
        Self(Uuid::new_v7(time))
    }

    /// The name of the job that an object starts: the same for the same version of it.
    pub fn of_object(bucket: &str, key: &str, version: &str) -> Self {
        let name = serde_json::json!([bucket, key, version]).to_string();
        Self(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()))
    }
}

/// Text that names no run.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("a run_id is a UUID in its hyphenated form")]
pub struct NotARunId;

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RunId {
    type Err = NotARunId;

    /// Reads the hyphenated form alone, so that one job has one name.
    fn from_str(text: &str) -> Result<Self, NotARunId> {
        let id = Uuid::try_parse(text).map_err(|_| NotARunId)?;
        if id.to_string() == text {
            Ok(Self(id))
        } else {
            Err(NotARunId)
        }
    }
}

/// Whose job it is. Others get no glimpse of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Owner(pub String);

/// What the owners of a service begin with that asks nobody who they are.
const OPEN: &str = "open";

impl Owner {
    /// The owner of what comes from `source` where nobody proves who they are. It is limited by
    /// itself, and may see the jobs of every other open owner whose names it knows.
    pub fn open(source: &str) -> Self {
        Self(format!("{OPEN}:{source}"))
    }

    fn is_open(&self) -> bool {
        let after = self.0.strip_prefix(OPEN);
        after.is_some_and(|after| after.is_empty() || after.starts_with(':'))
    }

    /// Whether this owner may see and delete what belongs to `other`.
    pub(crate) fn owns(&self, other: &Self) -> bool {
        self == other || (self.is_open() && other.is_open())
    }

    /// Tells owners apart in logs, keys and queues without naming them: 16 hexadecimal digits.
    pub fn digest(&self) -> String {
        let digest = Sha256::digest(&self.0);
        base16ct::lower::encode_string(&digest[..8])
    }
}

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

    /// Whether it counts towards what its owner may have at once.
    pub fn is_active(self) -> bool {
        matches!(self, Self::AwaitingUpload | Self::Queued | Self::Running)
    }

    /// Whether nothing more will happen to it.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

/// A worker's right to a job, for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Tells this claim from every other.
    pub token: Uuid,
    /// When it ends unless it is extended.
    pub expires_at: Timestamp,
}

/// An upload that does not pass through the API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectUpload {
    /// The store's name for it, where it has several parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// How the bytes are encoded, as its sender announced it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
}

/// What was uploaded, or is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// The object's key.
    pub key: String,
    /// The version that is meant, where the store has versions.
    pub version: Option<String>,
    /// Its size as stored.
    pub size_bytes: u64,
    /// When it was stored, where it is an object that somebody put and the store says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<Timestamp>,
    /// How it is uploaded, where that does not pass through the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<DirectUpload>,
}

/// What an attempt is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The tokenizer is looked up, and the payload opened.
    #[default]
    Preparing,
    /// The payload is read, and its blocks are written.
    Reading,
    /// Everything is read; the last blocks and the statistics are written.
    Writing,
    /// The outputs are there.
    Done,
}

impl Payload {
    /// How its bytes are encoded, as the sender of a direct upload announced it.
    pub fn content_encoding(&self) -> Option<&str> {
        self.upload.as_ref()?.content_encoding.as_deref()
    }
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What the attempt is at.
    #[serde(default)]
    pub stage: Stage,
    /// Bytes of the payload that were read.
    pub bytes_read: u64,
    /// Bytes of the payload.
    pub bytes_total: u64,
}

impl Progress {
    /// The progress of an attempt that has read that much.
    pub(crate) fn of(bytes_read: u64, bytes_total: u64) -> Self {
        let stage = match bytes_read {
            0 => Stage::Preparing,
            read if read < bytes_total => Stage::Reading,
            _ => Stage::Writing,
        };
        Self {
            stage,
            bytes_read,
            bytes_total,
        }
    }
}

/// An output that can be downloaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Its file name.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
}

/// The statistics' numbers; what has names is in `stats.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StatsSummary(pub Map<String, Value>);

impl StatsSummary {
    /// The numbers of a run.
    pub fn of(statistics: &Statistics) -> Self {
        let mut all = match serde_json::to_value(statistics.overview()) {
            Ok(Value::Object(all)) => all,
            _ => Map::new(),
        };
        all.retain(|key, _| !matches!(&**key, "top_chats" | "target"));
        Self(all)
    }
}

/// A job, as the store keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobRecord {
    /// [`SCHEMA_VERSION`] when it was written.
    pub schema_version: u32,
    /// Counts the writes: each is conditional on the one before.
    pub revision: u64,
    /// Tells this write from every other, so that a write whose answer was lost is recognised.
    pub write_id: Uuid,
    /// Its name.
    pub run_id: RunId,
    /// Whose it is.
    pub owner: Owner,
    /// Where it is in its life.
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
    /// When everything that was stored for it had been removed. What is left of the record waits for a
    /// worker that may still be at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
    /// Claims so far.
    #[serde(default)]
    pub attempts: u32,
    /// The claim of a running job.
    #[serde(default)]
    pub lease: Option<Lease>,
    /// Why it failed, or why its last attempt did.
    #[serde(default)]
    pub error_message: Option<String>,
    /// How far it is.
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
    /// What it found out.
    #[serde(default)]
    pub stats: Option<StatsSummary>,
    /// What can be downloaded.
    #[serde(default)]
    pub outputs: Vec<Output>,
}

/// Jobs of one owner, by what they are at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those that are not finished and count towards the limit.
    pub active: i64,
    /// Those that wait for a worker.
    pub queued: i64,
    /// Those that a worker has.
    pub running: i64,
}

impl Sub for Tally {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            active: self.active - other.active,
            queued: self.queued - other.queued,
            running: self.running - other.running,
        }
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            active: self.active + other.active,
            queued: self.queued + other.queued,
            running: self.running + other.running,
        }
    }
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

    /// Whether its time is over; such a job is not shown, even if it is not yet removed.
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
        Tally {
            active: one(self.counted && self.status.is_active()),
            queued: one(self.status == JobStatus::Queued),
            running: one(self.status == JobStatus::Running),
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

    #[test]
    fn one_job_has_one_name() {
        let id = RunId::generate(Timestamp::now());
        assert_eq!(id.to_string().parse::<RunId>().unwrap(), id);
        for other in [
            id.0.simple().to_string(),
            id.to_string().to_uppercase(),
            format!("{{{id}}}"),
            "x".to_owned(),
            "../x".to_owned(),
        ] {
            assert!(other.parse::<RunId>().is_err(), "{other}");
        }
    }

    #[test]
    fn names_order_by_time() {
        let at = |second| RunId::generate(Timestamp::from_second(second).unwrap());
        assert!(at(1_000_000) < at(1_000_001));
    }

    #[test]
    fn open_owners_see_what_they_can_name_and_nobody_else_does() {
        let [home, office] = ["198.51.100.1", "198.51.100.2"].map(Owner::open);
        assert!(home.owns(&office) && home.owns(&Owner("open".to_owned())));
        let named = Owner("jwt:issuer|open".to_owned());
        assert!(!home.owns(&named) && !named.owns(&home) && named.owns(&named));
        assert!(!home.owns(&Owner("opened".to_owned())));
        assert_ne!(home.digest(), office.digest());
    }

    #[test]
    fn an_object_names_the_same_job_again_and_its_next_version_another() {
        assert_eq!(
            RunId::of_object("b", "k", "1"),
            RunId::of_object("b", "k", "1")
        );
        assert_ne!(
            RunId::of_object("b", "k", "1"),
            RunId::of_object("b", "k", "2")
        );
        assert_ne!(
            RunId::of_object("b", "k1", ""),
            RunId::of_object("b", "k", "1")
        );
    }
}
