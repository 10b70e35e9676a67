//! What jobs need from the outside, in their own terms.
//!
//! Each port has a contract suite in the test kit; every adapter runs it.

use std::io::{self, Read, Write};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::limits::Limits;
use crate::record::{JobRecord, JobStatus, Owner, RunId, Tally};

mod transfers;

pub use crate::record::Limit;
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
pub enum WriteOutcome {
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

/// An object that is being written. It appears when it is finished; dropped before, it leaves nothing.
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

    /// Removes one object, in the version that is named if the store has versions. It is not an error
    /// if there is none.
    async fn remove(&self, key: &str, version: Option<&str>) -> Result<(), Unavailable>;

    /// Removes every object whose key begins with `prefix`, unfinished ones included. It is not an error
    /// if there is none.
    async fn remove_all(&self, prefix: &str) -> Result<(), Unavailable>;

    /// Looks for an object without opening it; `None` if there is no such object.
    async fn find(&self, key: &str) -> Result<Option<StoredObject>, Unavailable>;
}

/// An object as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// Its size in bytes.
    pub size_bytes: u64,
    /// What distinguishes it from others with the same key, if the store has versions.
    pub version: Option<String>,
    /// When it was stored, where the store says so.
    pub last_modified: Option<Timestamp>,
}

/// A page of records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The records.
    pub records: Vec<JobRecord>,
    /// Where the next page begins; none after the last.
    pub next: Option<String>,
}

/// A key by which a request is recognized when it comes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The caller's text, which is an owner's own.
    pub key: String,
    /// Identifies the request's body and configuration without revealing them.
    pub fingerprint: String,
    /// When it is forgotten.
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

/// A record to be created.
#[derive(Clone, Copy, Debug)]
pub struct Creation<'a> {
    /// The record, whose run has none yet.
    pub record: &'a JobRecord,
    /// A key that is bound to the run in the same step.
    pub key: Option<&'a IdempotencyKey>,
    /// What the owner may have, if the record is `counted`.
    pub limits: Limits,
    /// Whether the payload was stored under a reservation, which has to stand and goes with this.
    pub reserved: bool,
}

/// What became of the creation of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreationOutcome {
    /// It is there, and the key stands for its run.
    Done,
    /// The run has a record already.
    Conflict,
    /// The key stands for another run already.
    Before(KeyedRun),
    /// The reservation was abandoned: the payload may be gone.
    NotReserved,
    /// The owner has reached a limit.
    Refused(Limit),
}

/// What became of counting a record that was created uncounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdmissionOutcome {
    /// It counts.
    Done,
    /// The record has been changed since.
    Conflict,
    /// The owner has reached a limit.
    Refused(Limit),
}

/// Something that the sweeper has to look at.
#[derive(Clone, Debug, PartialEq)]
pub enum DueItem {
    /// A job.
    Job(Box<JobRecord>),
    /// A payload may have been stored for a run that never got a record.
    Reservation(RunId),
}

/// A page of what is due.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DuePage {
    /// What is due, the oldest first.
    pub due: Vec<DueItem>,
    /// Since when the first of them has been due.
    pub oldest: Option<Timestamp>,
    /// Where the next page begins; none after the last.
    pub next: Option<String>,
}

/// Records of jobs, the counters of their owners, and reservations. Reads see every write that was
/// answered before, unless their own documentation says otherwise.
///
/// Counters change in the same step as the records that they count, by [`JobRecord::tally`]. No
/// operation costs more the more jobs there are.
#[async_trait]
pub trait JobStore: Send + Sync {
    /// Notes that a payload is about to be stored for a run that has no record yet. At `due_at` what
    /// was stored is taken for lost, unless there is a record.
    async fn reserve(&self, run_id: RunId, due_at: Timestamp) -> Result<(), Unavailable>;

    /// Makes a reservation useless: no record can be created with it from now on. [`WriteOutcome::Conflict`] if
    /// there is none: then there may be a record.
    async fn abandon(&self, run_id: RunId) -> Result<WriteOutcome, Unavailable>;

    /// Removes a reservation. It is not an error if there is none.
    async fn release(&self, run_id: RunId) -> Result<(), Unavailable>;

    /// Writes a first record, and whatever belongs to it, in one step.
    async fn create(&self, creation: Creation<'_>) -> Result<CreationOutcome, Unavailable>;

    /// The run that an owner's key stands for, if it does at this moment.
    async fn run_of_key(
        &self,
        owner: &Owner,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<KeyedRun>, Unavailable>;

    /// The record of a run.
    async fn get(&self, run_id: RunId) -> Result<Option<JobRecord>, Unavailable>;

    /// Writes a record over the one that it was made of.
    async fn replace(
        &self,
        before: &JobRecord,
        after: &JobRecord,
    ) -> Result<WriteOutcome, Unavailable>;

    /// The same for a record that counts from now on, if its owner has room for it.
    async fn admit(
        &self,
        before: &JobRecord,
        after: &JobRecord,
        limits: Limits,
    ) -> Result<AdmissionOutcome, Unavailable>;

    /// Removes a record if the stored one has its revision, and its key with it. One that is gone is
    /// [`WriteOutcome::Done`].
    async fn remove(&self, record: &JobRecord) -> Result<WriteOutcome, Unavailable>;

    /// An owner's records, newest first, in pages; those that were deleted are left out. They may be a
    /// moment out of date.
    async fn list(
        &self,
        owner: &Owner,
        status: Option<JobStatus>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page, Unavailable>;

    /// Everything whose time to be looked at has come, from the oldest on, and nothing else. It may be
    /// a moment out of date.
    async fn due(
        &self,
        now: Timestamp,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<DuePage, Unavailable>;

    /// An owner's jobs, counted.
    async fn counters(&self, owner: &Owner) -> Result<Tally, Unavailable>;

    /// An owner's queued runs that were created first, and when, at most `limit`, oldest first. It may
    /// be a moment out of date.
    async fn oldest_queued(
        &self,
        owner: &Owner,
        limit: usize,
    ) -> Result<Vec<(Timestamp, RunId)>, Unavailable>;
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
    /// Sends a message, to be received after `delay`. Where the queue can, it lets no owner's messages
    /// keep the others' waiting.
    async fn send(&self, run_id: RunId, owner: &Owner, delay: Duration) -> Result<(), Unavailable>;

    /// Receives a message, which stays hidden for `visibility`; `None` if none is visible.
    async fn receive(&self, visibility: Duration) -> Result<Option<Message>, Unavailable>;

    /// Hides a received message for that long from now. Nothing happens
    /// if the message has been acknowledged since.
    async fn hide(&self, receipt: &str, visibility: Duration) -> Result<(), Unavailable>;

    /// Removes a received message for good. One that was received again since may stay or go, as with
    /// SQS, whose documentation leaves it open and whose emulators disagree.
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html>
    async fn acknowledge(&self, receipt: &str) -> Result<(), Unavailable>;

    /// Whether there is no message, neither a visible nor a hidden one. It may be a minute out of date.
    async fn is_empty(&self) -> Result<bool, Unavailable>;
}
