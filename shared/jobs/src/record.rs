//! What is known of a job.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use resonare_pipeline::{Statistics, TokenizerInfo};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

/// The version of the records that are written. Older ones stay readable: new fields have defaults.
pub const SCHEMA_VERSION: u32 = 1;

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

    /// The least name that a job of that moment can have.
    pub fn first_of(moment: Timestamp) -> Self {
        let millis = u64::try_from(moment.as_millisecond()).unwrap_or_default();
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid())
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
    /// When a message was last sent for it.
    #[serde(default)]
    pub sent_at: Option<Timestamp>,
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

impl JobRecord {
    /// The record that follows this one, to be changed and written.
    pub(crate) fn next(&self, now: Timestamp) -> Self {
        let mut next = self.clone();
        next.schema_version = SCHEMA_VERSION;
        next.revision += 1;
        next.write_id = Uuid::new_v4();
        next.updated_at = now;
        next
    }

    /// Whether a worker's claim still holds.
    pub(crate) fn is_leased(&self, now: Timestamp) -> bool {
        self.lease.is_some_and(|lease| lease.expires_at > now)
    }

    /// Whether its time is over; such a job is not shown, even if it is not yet removed.
    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at <= now
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
