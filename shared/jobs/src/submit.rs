//! Submission: the payload is stored, then the record, then a message is sent.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::warn;
use uuid::Uuid;

use crate::jobs::{JobError, Jobs, prefix};
use crate::ports::{Created, IdempotencyKey, KeyedRun, Unavailable, Written};
use crate::record::{JobRecord, JobStatus, LARGEST_RECORD, Owner, Payload, RunId, SCHEMA_VERSION};

/// A job whose payload is stored.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Its name.
    pub run_id: RunId,
    /// Whose it is.
    pub owner: Owner,
    /// The configuration that it will be done with, whatever is configured later.
    pub config: Map<String, Value>,
    /// What it works on.
    pub payload: Payload,
    /// The request's idempotency key, and what tells its body and configuration from others.
    pub idempotency: Option<(String, String)>,
}

/// A job that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// Its name: that of the earlier one, where the request was repeated.
    pub run_id: RunId,
    /// Whether it was accepted before.
    pub repeated: bool,
}

impl Jobs {
    /// The key under which a run's payload is stored when this service stores it.
    pub fn payload_key(run_id: RunId) -> String {
        format!("{}payload", prefix(run_id))
    }

    /// Checks, before anything is stored, whether the owner may submit another job.
    ///
    /// # Errors
    /// [`JobError::LimitReached`] if not.
    pub async fn admit(&self, owner: &Owner) -> Result<(), JobError> {
        let limit = self.limits.active_jobs;
        if limit == usize::MAX {
            return Ok(());
        }
        if self.records.active(owner, limit).await? < limit {
            Ok(())
        } else {
            Err(self.too_many())
        }
    }

    pub(crate) fn too_many(&self) -> JobError {
        let limit = self.limits.active_jobs;
        JobError::LimitReached {
            what: format!("{limit} of your jobs are not finished yet, which is as many as may be"),
            retry_after: self.timings.lease,
        }
    }

    /// The job of an earlier request with this key; none if there is none.
    ///
    /// # Errors
    /// If the records can't be read.
    pub async fn submitted_with(
        &self,
        owner: &Owner,
        key: &str,
    ) -> Result<Option<RunId>, JobError> {
        let keyed = self.records.run_of_key(owner, key, self.now()).await?;
        Ok(keyed.map(|keyed| keyed.run_id))
    }

    /// Accepts a job whose payload is stored.
    ///
    /// # Errors
    /// If it is not accepted, its payload is removed, now or by the sweeper. If a port failed, the
    /// job may have been accepted all the same; it is then done.
    pub async fn submit(&self, submission: Submission) -> Result<Submitted, JobError> {
        let stored = submission.run_id;
        let result = self.accept(submission).await;
        let keeps_payload = match &result {
            Ok(submitted) => submitted.run_id == stored,
            // It may have been accepted.
            Err(JobError::Unavailable(_)) => true,
            Err(_) => false,
        };
        if !keeps_payload && let Err(error) = self.objects.remove_all(&prefix(stored)).await {
            warn!(job.id = %stored, "a payload is left to the sweeper: {error}");
        }
        result
    }

    /// Records a job that cannot be accepted, for an owner who gets no other answer.
    ///
    /// # Errors
    /// If a port fails.
    pub async fn reject(&self, submission: Submission, reason: &str) -> Result<(), JobError> {
        let now = self.now();
        let mut record = JobRecord::new(
            submission.run_id,
            submission.owner,
            JobStatus::Failed,
            submission.config,
            submission.payload,
            now,
            self.timings.retention,
        )?;
        record.completed_at = Some(now);
        record.set_error(reason);
        self.create(&record, None, usize::MAX).await?;
        Ok(self.discard_leftovers(&record).await?)
    }

    async fn accept(&self, submission: Submission) -> Result<Submitted, JobError> {
        let now = self.now();
        let mut record = JobRecord::new(
            submission.run_id,
            submission.owner,
            JobStatus::Queued,
            submission.config,
            submission.payload,
            now,
            self.timings.retention,
        )?;
        let key = submission
            .idempotency
            .map(|(key, fingerprint)| IdempotencyKey {
                key,
                fingerprint,
                expires_at: now + self.timings.idempotency,
            });
        if let Some(key) = &key {
            let before = self.records.run_of_key(&record.owner, &key.key, now);
            if let Some(before) = before.await? {
                return self.repeat(before, key).await;
            }
        }
        record.idempotency_key = key.as_ref().map(|key| key.key.clone());
        self.charge(&record.owner, record.payload.size_bytes, now)
            .await?;
        let created = self
            .create(&record, key.as_ref(), self.limits.active_jobs)
            .await?;
        let run_id = record.run_id;
        match (created, key) {
            (Created::Done, _) => {
                self.queue.send(run_id, Duration::ZERO).await?;
                Ok(Submitted {
                    run_id,
                    repeated: false,
                })
            }
            (Created::Conflict, _) => Ok(Submitted {
                run_id,
                repeated: true,
            }),
            (Created::Before(before), Some(key)) => self.repeat(before, &key).await,
            (Created::Before(_) | Created::TooMany, _) => Err(self.too_many()),
        }
    }

    /// The answer to a request that came before.
    async fn repeat(&self, before: KeyedRun, key: &IdempotencyKey) -> Result<Submitted, JobError> {
        if before.fingerprint != key.fingerprint {
            return Err(JobError::KeyReused);
        }
        let run_id = before.run_id;
        match self.records.get(run_id).await? {
            Some(record) if record.status == JobStatus::Deleting => Err(JobError::BeingDeleted),
            None => Err(JobError::BeingDeleted),
            Some(record) => {
                if record.status == JobStatus::Queued {
                    // Its own request may have ended before it sent this.
                    self.queue.send(run_id, Duration::ZERO).await?;
                }
                Ok(Submitted {
                    run_id,
                    repeated: true,
                })
            }
        }
    }

    /// Writes the first record of a run; one whose answer was lost is recognised.
    pub(crate) async fn create(
        &self,
        record: &JobRecord,
        key: Option<&IdempotencyKey>,
        active_limit: usize,
    ) -> Result<Created, Unavailable> {
        let created = self.records.create(record, key, active_limit).await;
        if matches!(created, Ok(Created::Done | Created::TooMany)) {
            return created;
        }
        match self.records.get(record.run_id).await? {
            Some(found) if found.write_id == record.write_id => Ok(Created::Done),
            _ => created,
        }
    }

    pub(crate) async fn charge(
        &self,
        owner: &Owner,
        size: u64,
        now: Timestamp,
    ) -> Result<(), JobError> {
        const DAY: i64 = 86_400;
        let limit = self.limits.bytes_per_day;
        if limit == u64::MAX {
            return Ok(());
        }
        let day = now.as_second().div_euclid(DAY);
        match self.records.add_upload(owner, day, size, limit).await? {
            Written::Done => Ok(()),
            Written::Conflict => Err(JobError::LimitReached {
                what: format!("you may upload {limit} bytes a day"),
                retry_after: Duration::from_secs(
                    u64::try_from(DAY - now.as_second().rem_euclid(DAY)).unwrap_or(1),
                ),
            }),
        }
    }
}

impl JobRecord {
    /// The first record of a job.
    pub(crate) fn new(
        run_id: RunId,
        owner: Owner,
        status: JobStatus,
        config: Map<String, Value>,
        payload: Payload,
        now: Timestamp,
        retention: Duration,
    ) -> Result<Self, JobError> {
        let record = Self {
            schema_version: SCHEMA_VERSION,
            revision: 1,
            write_id: Uuid::new_v4(),
            run_id,
            owner,
            status,
            created_at: now,
            updated_at: now,
            started_at: None,
            completed_at: None,
            expires_at: now + retention,
            sent_at: (status == JobStatus::Queued).then_some(now),
            attempts: 0,
            lease: None,
            error_message: None,
            progress: None,
            config,
            tokenizer: None,
            payload,
            idempotency_key: None,
            stats: None,
            outputs: Vec::new(),
        };
        let size = serde_json::to_vec(&record).map_or(usize::MAX, |json| json.len());
        // The other half is for what the job finds out.
        if size > LARGEST_RECORD / 2 {
            return Err(JobError::ConfigurationTooLarge(LARGEST_RECORD / 2));
        }
        Ok(record)
    }
}
