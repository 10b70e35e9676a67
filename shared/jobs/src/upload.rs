//! Uploads that do not pass through the API: the record comes first, then the payload.

use serde_json::{Map, Value};
use tracing::info;

use crate::jobs::{Change, JobError, Jobs};
use crate::ports::{Created, Unavailable};
use crate::record::{JobRecord, JobStatus, Owner, Payload, RunId};

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

/// What became of a payload that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// The job is queued now.
    Queued,
    /// The job was queued with this payload before.
    Before,
    /// No job awaits it, so nobody will ever read or remove it.
    Unwanted,
}

impl Jobs {
    /// Checks, before an upload is prepared, whether the owner may begin it.
    ///
    /// # Errors
    /// [`JobError::LimitReached`] or [`JobError::UploadTooLarge`] if not.
    pub async fn admit_upload(&self, owner: &Owner, size_bytes: u64) -> Result<(), JobError> {
        if size_bytes > self.limits.upload_bytes {
            return Err(JobError::UploadTooLarge(self.limits.upload_bytes));
        }
        self.admit(owner).await
    }

    /// Writes the record of a job whose upload was prepared.
    ///
    /// # Errors
    /// If there is no room for it, or the owner may not upload as much.
    pub async fn await_upload(&self, upload: Upload) -> Result<JobRecord, JobError> {
        let now = self.now();
        let record = JobRecord::new(
            upload.run_id,
            upload.owner,
            JobStatus::AwaitingUpload,
            upload.config,
            upload.payload,
            now,
            self.timings.retention,
        )?;
        self.charge(&record.owner, record.payload.size_bytes, now)
            .await?;
        match self.create(&record, None, self.limits.active_jobs).await? {
            Created::TooMany => Err(self.too_many()),
            Created::Done | Created::Conflict | Created::Before(_) => Ok(record),
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
    ) -> Result<Arrived, Unavailable> {
        let now = self.now();
        let change = self.change(run_id, |record| {
            (record.status == JobStatus::AwaitingUpload).then(|| {
                let mut next = record.next(now);
                next.status = JobStatus::Queued;
                next.sent_at = Some(now);
                next.payload = payload.clone();
                next
            })
        });
        let same = |record: &JobRecord| {
            record.payload.key == payload.key && record.payload.version == payload.version
        };
        Ok(match change.await? {
            Change::Written(_) => {
                info!(job.id = %run_id, bytes = payload.size_bytes, "the upload of job {run_id} came");
                self.queue.send(run_id, std::time::Duration::ZERO).await?;
                Arrived::Queued
            }
            Change::Left(record) if same(&record) && record.status != JobStatus::Deleting => {
                Arrived::Before
            }
            Change::Left(_) | Change::Missing => Arrived::Unwanted,
        })
    }

    /// An owner's job whose upload has not come yet.
    ///
    /// # Errors
    /// [`JobError::NotAwaited`] if it came, or will not come any more.
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
