//! Uploads that do not pass through the API: the record comes first, then the payload.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::error::JobError;
use crate::events::Step;
use crate::jobs::{Change, Jobs};
use crate::ports::{CreationOutcome, Unavailable};
use crate::record::{JobRecord, JobStatus, Owner, Payload, RunId};
use crate::submit::Submission;

/// A job whose payload is to come.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Its name.
    pub run_id: RunId,
    /// Whose it is.
    pub owner: Owner,
    /// The configuration that it will be done with, whatever is configured later.
    pub config: Map<String, Value>,
    /// Where the payload will be, and how large.
    pub payload: Payload,
}

/// What became of a payload that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadArrival {
    /// The job is queued now.
    Queued,
    /// The job was queued with this payload before, and still needs it.
    Before,
    /// Its job does not need it, so no one will ever read or remove it.
    Unwanted,
    /// There is no such job: it may be someone's only copy.
    Unknown,
}

impl Jobs {
    /// Checks, before an upload is prepared, whether the owner may begin it.
    ///
    /// # Errors
    /// [`JobError::LimitReached`] or [`JobError::UploadTooLarge`] if not.
    pub async fn admit_upload(&self, owner: &Owner, size_bytes: u64) -> Result<(), JobError> {
        let limit = self.largest_upload();
        if size_bytes > limit {
            return Err(JobError::UploadTooLarge(limit));
        }
        self.admit(owner).await
    }

    /// The most that one upload can ever have.
    pub(crate) fn largest_upload(&self) -> u64 {
        self.limits.upload_bytes.min(self.limits.bytes_per_day)
    }

    /// Writes the record of a job whose upload was prepared.
    ///
    /// # Errors
    /// If there is no room for it, or the owner may not upload as much.
    pub async fn await_upload(&self, upload: Upload) -> Result<JobRecord, JobError> {
        let submission = Submission {
            run_id: upload.run_id,
            owner: upload.owner,
            config: upload.config,
            payload: upload.payload,
            idempotency: None,
        };
        let record = self.first_record(submission, JobStatus::AwaitingUpload)?;
        match self.create_plain(&record).await? {
            CreationOutcome::Refused(limit) => Err(self.limit_reached(limit)),
            CreationOutcome::Done
            | CreationOutcome::Conflict
            | CreationOutcome::Before(_)
            | CreationOutcome::NotReserved => {
                self.tell(&record, Step::Announced);
                Ok(record)
            }
        }
    }

    /// Queues the job that awaits this payload.
    ///
    /// # Errors
    /// If a port fails. If the payload was taken all the same, the sweeper sends the job.
    pub async fn upload_arrived(
        &self,
        run_id: RunId,
        payload: &Payload,
    ) -> Result<UploadArrival, Unavailable> {
        let now = self.now();
        let change = self.change(run_id, |record| {
            (record.status == JobStatus::AwaitingUpload).then(|| {
                let mut next = record.next(now);
                next.status = JobStatus::Queued;
                next.payload = Payload {
                    // An event does not know what was announced.
                    upload: record.payload.upload.clone(),
                    ..payload.clone()
                };
                next
            })
        });
        let is_same = |record: &JobRecord| {
            record.payload.key == payload.key && record.payload.version == payload.version
        };
        let is_needed = |record: &JobRecord| record.status.is_active() || record.keeps_input();
        Ok(match change.await? {
            Change::Written(record) => {
                self.tell(&record, Step::Uploaded);
                self.send(&record).await?;
                UploadArrival::Queued
            }
            Change::Left(record) if is_same(&record) && is_needed(&record) => {
                // Whoever took it may have ended before it sent the job.
                self.send_unsent(&record).await?;
                UploadArrival::Before
            }
            Change::Left(_) => UploadArrival::Unwanted,
            Change::Missing => UploadArrival::Unknown,
        })
    }

    /// Removes a payload that no job needs.
    ///
    /// # Errors
    /// If it can't be removed now.
    pub async fn discard_upload(&self, payload: &Payload) -> Result<(), Unavailable> {
        let version = payload.version.as_deref();
        self.ports.objects.remove(&payload.key, version).await
    }

    /// How long an upload may take to arrive.
    pub fn upload_deadline(&self) -> Duration {
        self.timings.upload_deadline
    }

    /// An owner's job whose upload has not come yet.
    ///
    /// # Errors
    /// [`JobError::NotAwaited`] if it has arrived, or is no longer expected.
    pub async fn awaiting_upload(
        &self,
        owner: &Owner,
        run_id: RunId,
    ) -> Result<JobRecord, JobError> {
        let record = self.get(owner, run_id).await?;
        if record.status == JobStatus::AwaitingUpload {
            Ok(record)
        } else {
            Err(JobError::NotAwaited(record.status))
        }
    }
}
