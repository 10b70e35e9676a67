//! What jobs need of the world, in their own terms.
//!
//! Each port has a contract suite in the test kit; every adapter runs it.

use std::io::{self, Read, Write};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::record::{JobRecord, JobStatus, Owner, RunId};

mod transfers;

pub use transfers::{Completion, Downloads, UploadPart, UploadPlan, Uploads};

/// A store or a queue could not be used. A write that ends like this may have happened.
#[derive(Debug, thiserror::Error)]
#[error("{port} is unavailable")]
pub struct Unavailable {
    /// Which port: `objects`, `records` or `queue`.
    pub port: &'static str,
    /// Why.
    #[source]
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

/// What became of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It happened.
    Done,
    /// It did not, since its condition does not hold.
    Conflict,
}

/// The time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// An object in the making. It appears when it is finished; dropped before, it leaves nothing.
pub trait ObjectWriter: Write + Send {
    /// Makes the object appear, whole and durably, instead of an earlier one of the same key.
    ///
    /// # Errors
    /// If it could not be stored; then it has not appeared.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// An object that is read.
pub struct ObjectReader {
    /// Its bytes. Reading blocks: not for async code.
    pub reader: Box<dyn Read + Send>,
    /// How many there are.
    pub size_bytes: u64,
}

impl std::fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectReader")
            .field("size_bytes", &self.size_bytes)
            .finish_non_exhaustive()
    }
}

/// Payloads and outputs, by key. Keys are paths of names joined by `/`.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// Begins an object.
    async fn create(&self, key: &str) -> Result<Box<dyn ObjectWriter>, Unavailable>;

    /// Opens an object, in the version that is named if the store has versions; `None` if there is
    /// no such object.
    async fn open(
        &self,
        key: &str,
        version: Option<&str>,
    ) -> Result<Option<ObjectReader>, Unavailable>;

    /// Removes one object, in the version that is named if the store has versions. That there is
    /// none is no error.
    async fn remove(&self, key: &str, version: Option<&str>) -> Result<(), Unavailable>;

    /// Removes every object whose key begins with `prefix`, unfinished ones included. That there is
    /// none is no error.
    async fn remove_all(&self, prefix: &str) -> Result<(), Unavailable>;

    /// The runs that have objects older than `age`, by the first part of their keys. Keys that begin
    /// otherwise are passed over.
    async fn runs_older_than(&self, age: Duration) -> Result<Vec<RunId>, Unavailable>;
}

/// A page of records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The records.
    pub records: Vec<JobRecord>,
    /// Where the next page begins; none after the last.
    pub next: Option<String>,
}

/// A key by which a request is recognised when it comes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The caller's text, which is an owner's own.
    pub key: String,
    /// Tells the request's body and configuration from others, and says nothing of them.
    pub fingerprint: String,
    /// When it stops counting.
    pub expires_at: Timestamp,
}

/// A run that a key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedRun {
    /// The run.
    pub run_id: RunId,
    /// The fingerprint of the request that it came from.
    pub fingerprint: String,
}

/// What became of the creation of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is there, and the key stands for its run.
    Done,
    /// The run has a record already.
    Conflict,
    /// The key stands for another run already.
    Before(KeyedRun),
    /// The owner has as many unfinished jobs as there may be.
    TooMany,
}

/// Records of jobs. Reads see every write that was answered before.
#[async_trait]
pub trait JobStore: Send + Sync {
    /// Writes a record whose run has none yet, unless its owner has `active_limit` unfinished jobs,
    /// and in the same step binds the key to the run. The count may be a moment behind.
    async fn create(
        &self,
        record: &JobRecord,
        key: Option<&IdempotencyKey>,
        active_limit: usize,
    ) -> Result<Created, Unavailable>;

    /// The run that an owner's key stands for, if it does at this moment.
    async fn run_of_key(
        &self,
        owner: &Owner,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<KeyedRun>, Unavailable>;

    /// The record of a run.
    async fn get(&self, run_id: RunId) -> Result<Option<JobRecord>, Unavailable>;

    /// Writes a record over the one whose revision is one less.
    async fn replace(&self, record: &JobRecord) -> Result<Written, Unavailable>;

    /// Removes a record if the stored one has its revision, and its key with it. One that is gone is
    /// [`Written::Done`].
    async fn remove(&self, record: &JobRecord) -> Result<Written, Unavailable>;

    /// An owner's records, newest first, in pages.
    async fn list(
        &self,
        owner: &Owner,
        status: Option<JobStatus>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page, Unavailable>;

    /// The records that a sweeper has to look at: those that are not finished, and those whose time
    /// is over.
    async fn due(
        &self,
        now: Timestamp,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page, Unavailable>;

    /// How many records of an owner have a status, counted up to `cap`. It may be a moment behind.
    async fn count(
        &self,
        owner: &Owner,
        status: JobStatus,
        cap: usize,
    ) -> Result<usize, Unavailable>;

    /// How many jobs of an owner are unfinished, counted up to `cap`. A store may count those that are
    /// being deleted.
    async fn active(&self, owner: &Owner, cap: usize) -> Result<usize, Unavailable> {
        let mut active = 0;
        for status in JobStatus::ALL
            .into_iter()
            .filter(|status| status.is_active())
        {
            active += self.count(owner, status, cap).await?;
        }
        Ok(active.min(cap))
    }

    /// The queued runs that were created first, and when, at most `limit`, oldest first. It may be a
    /// moment behind.
    async fn oldest_queued(&self, limit: usize) -> Result<Vec<(Timestamp, RunId)>, Unavailable>;

    /// Adds to what an owner has uploaded on a day (days since 1970), unless that would exceed
    /// `limit`.
    async fn add_upload(
        &self,
        owner: &Owner,
        day: i64,
        bytes: u64,
        limit: u64,
    ) -> Result<Written, Unavailable>;
}

/// A message that was received: a run to work on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Names this delivery.
    pub receipt: String,
    /// The run.
    pub run_id: RunId,
}

/// Messages that name runs, each delivered at least once, perhaps twice, in no order.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Sends a message, to be received after `delay`.
    async fn send(&self, run_id: RunId, delay: Duration) -> Result<(), Unavailable>;

    /// Receives a message, which stays hidden for `visibility`; `None` if none is visible.
    async fn receive(&self, visibility: Duration) -> Result<Option<Message>, Unavailable>;

    /// Hides a received message for that long from now. Of a message that was acknowledged or
    /// received again since, nothing happens.
    async fn hide(&self, receipt: &str, visibility: Duration) -> Result<(), Unavailable>;

    /// Removes a received message for good. Of a message that was received again since, nothing
    /// happens.
    async fn acknowledge(&self, receipt: &str) -> Result<(), Unavailable>;
}
