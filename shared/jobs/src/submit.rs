//! Submission: the payload is stored under a reservation, then the record, then a message is sent.

use std::time::Duration;

use resonare_pipeline::causes;
use serde_json::{Map, Value};
use tracing::warn;
use uuid::Uuid;

use crate::error::JobError;
use crate::events::Step;
use crate::jobs::Jobs;
use crate::ports::{
    Creation, CreationOutcome, IdempotencyKey, KeyedRun, Limit, ObjectWriter, Unavailable,
    WriteOutcome,
};
use crate::record::{
    JobRecord, JobStatus, LARGEST_RECORD, Owner, Payload, RunId, SCHEMA_VERSION, Tally,
};

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
pub struct AcceptedJob {
    /// Its name: that of the earlier one, where the request was repeated.
    pub run_id: RunId,
    /// Whether it was accepted before.
    pub repeated: bool,
}

impl Jobs {
    /// Checks, before anything is stored, whether the owner may submit another job. The room that
    /// appears belongs to the jobs that wait for it already.
    ///
    /// # Errors
    /// [`JobError::LimitReached`] if not.
    pub async fn admit(&self, owner: &Owner) -> Result<(), JobError> {
        if self.has_room(owner).await? {
            Ok(())
        } else {
            Err(self.limit_reached(Limit::ActiveJobs))
        }
    }

    /// Whether an owner may have another job beside those that count and those that wait for room.
    pub(crate) async fn has_room(&self, owner: &Owner) -> Result<bool, Unavailable> {
        self.has_room_beside(owner, |tally| tally.active + tally.held)
            .await
    }

    /// Whether an owner may have another job beside those that count.
    pub(crate) async fn has_room_for_held(&self, owner: &Owner) -> Result<bool, Unavailable> {
        self.has_room_beside(owner, |tally| tally.active).await
    }

    async fn has_room_beside(
        &self,
        owner: &Owner,
        others: impl FnOnce(Tally) -> i64 + Send,
    ) -> Result<bool, Unavailable> {
        let limit = self.limits.active_jobs;
        if limit == usize::MAX {
            return Ok(true);
        }
        let tally = self.ports.records.counters(owner).await?;
        Ok(usize::try_from(others(tally)).unwrap_or_default() < limit)
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
        let keyed = self
            .ports
            .records
            .run_of_key(owner, key, self.now())
            .await?;
        Ok(keyed.map(|keyed| keyed.run_id))
    }

    /// A name for a new job.
    pub fn new_run_id(&self) -> RunId {
        RunId::generate(self.now())
    }

    /// Names a run and notes that a payload is about to be stored for it, so that the payload is not left
    /// behind forever if nothing more follows.
    ///
    /// # Errors
    /// If it can't be noted; then nothing is to be stored.
    pub async fn reserve(&self) -> Result<RunId, JobError> {
        let run_id = self.new_run_id();
        let due_at = self.now() + self.timings.reservation;
        self.ports.records.reserve(run_id, due_at).await?;
        Ok(run_id)
    }

    /// Begins to store a payload. It appears when its writer is finished.
    ///
    /// # Errors
    /// If it can't be stored.
    pub async fn create_payload(&self, key: &str) -> Result<Box<dyn ObjectWriter>, JobError> {
        Ok(self.ports.objects.create(key).await?)
    }

    /// Removes what was stored under a reservation that comes to nothing. What can't be removed now is
    /// left to the sweeper.
    pub async fn drop_reserved(&self, run_id: RunId) {
        let dropped = async {
            self.ports
                .objects
                .remove(&Self::payload_key(run_id), None)
                .await?;
            self.ports.records.release(run_id).await
        };
        if let Err(error) = dropped.await {
            warn!(%run_id, "a payload is left to the sweeper: {}", causes(&error));
        }
    }

    /// Accepts a job whose payload was stored under a reservation.
    ///
    /// # Errors
    /// If it is not accepted, its payload is removed, now or by the sweeper. If a port failed, the
    /// job may have been accepted all the same; it is then done.
    pub async fn submit(&self, submission: Submission) -> Result<AcceptedJob, JobError> {
        let stored = submission.run_id;
        let result = self.accept(submission).await;
        let keeps_payload = match &result {
            Ok(submitted) => submitted.run_id == stored,
            // It may have been accepted.
            Err(JobError::Unavailable(_)) => true,
            Err(_) => false,
        };
        if !keeps_payload {
            self.drop_reserved(stored).await;
        }
        result
    }

    async fn accept(&self, submission: Submission) -> Result<AcceptedJob, JobError> {
        let now = self.now();
        let key = submission
            .idempotency
            .as_ref()
            .map(|(key, fingerprint)| IdempotencyKey {
                key: key.clone(),
                fingerprint: fingerprint.clone(),
                expires_at: now + self.timings.idempotency,
            });
        let record = JobRecord {
            idempotency_key: key.as_ref().map(|key| key.key.clone()),
            ..self.first_record(submission, JobStatus::Queued)?
        };
        if let Some(key) = &key {
            let before = self.ports.records.run_of_key(&record.owner, &key.key, now);
            if let Some(before) = before.await? {
                return self.repeat(before, key).await;
            }
        }
        let creation = Creation {
            record: &record,
            key: key.as_ref(),
            limits: self.limits,
            reserved: true,
        };
        let run_id = record.run_id;
        match (self.create(creation).await?, key) {
            (CreationOutcome::Done, _) => {
                self.tell(&record, Step::Submitted);
                self.send(&record).await?;
                Ok(AcceptedJob {
                    run_id,
                    repeated: false,
                })
            }
            (CreationOutcome::Conflict, _) => Ok(AcceptedJob {
                run_id,
                repeated: true,
            }),
            (CreationOutcome::Before(before), Some(key)) => self.repeat(before, &key).await,
            (CreationOutcome::Before(_) | CreationOutcome::NotReserved, _) => {
                Err(JobError::TooSlow)
            }
            (CreationOutcome::Refused(limit), _) => Err(self.limit_reached(limit)),
        }
    }

    /// The answer to a request that came before.
    async fn repeat(
        &self,
        before: KeyedRun,
        key: &IdempotencyKey,
    ) -> Result<AcceptedJob, JobError> {
        if before.fingerprint != key.fingerprint {
            return Err(JobError::KeyReused);
        }
        let run_id = before.run_id;
        match self.ports.records.get(run_id).await? {
            Some(record) if record.status == JobStatus::Deleting => Err(JobError::BeingDeleted),
            None => Err(JobError::BeingDeleted),
            Some(record) => {
                // Its own request may have ended before it sent this.
                self.send_unsent(&record).await?;
                Ok(AcceptedJob {
                    run_id,
                    repeated: true,
                })
            }
        }
    }

    /// Writes the first record of a run; one whose answer was lost is recognized.
    pub(crate) async fn create(
        &self,
        creation: Creation<'_>,
    ) -> Result<CreationOutcome, Unavailable> {
        let created = self.ports.records.create(creation).await;
        if matches!(
            created,
            Ok(CreationOutcome::Done | CreationOutcome::Refused(_))
        ) {
            return created;
        }
        match self.ports.records.get(creation.record.run_id).await? {
            Some(found) if found.write_id == creation.record.write_id => Ok(CreationOutcome::Done),
            _ => created,
        }
    }

    /// The same without a key, for a payload that needs no reservation.
    pub(crate) async fn create_plain(
        &self,
        record: &JobRecord,
    ) -> Result<CreationOutcome, Unavailable> {
        let creation = Creation {
            record,
            key: None,
            limits: self.limits,
            reserved: false,
        };
        self.create(creation).await
    }

    /// Sends the message of a queued job, and notes that it was.
    pub(crate) async fn send(&self, record: &JobRecord) -> Result<(), Unavailable> {
        self.ports
            .queue
            .send(record.run_id, &record.owner, Duration::ZERO)
            .await?;
        let now = self.now();
        let mut sent = record.next(now);
        sent.sent_at = Some(now);
        sent.due_at = Some(self.timings.due(&sent, now));
        match self.ports.records.replace(record, &sent).await {
            // A worker was faster.
            Ok(WriteOutcome::Done | WriteOutcome::Conflict) => {}
            Err(error) => {
                let run_id = record.run_id;
                warn!(%run_id, "a message may be sent twice: {}", causes(&error));
            }
        }
        Ok(())
    }

    /// The same, if none is known to have been sent.
    pub(crate) async fn send_unsent(&self, record: &JobRecord) -> Result<(), Unavailable> {
        if record.status == JobStatus::Queued && !record.is_held() && record.sent_at.is_none() {
            self.send(record).await?;
        }
        Ok(())
    }

    /// The first record of a job.
    pub(crate) fn first_record(
        &self,
        submission: Submission,
        status: JobStatus,
    ) -> Result<JobRecord, JobError> {
        let now = self.now();
        let mut record = JobRecord {
            schema_version: SCHEMA_VERSION,
            revision: 1,
            write_id: Uuid::new_v4(),
            run_id: submission.run_id,
            owner: submission.owner,
            status,
            created_at: now,
            updated_at: now,
            started_at: None,
            completed_at: status.is_finished().then_some(now),
            expires_at: now + self.timings.retention,
            sent_at: None,
            due_at: None,
            counted: status.is_active(),
            held_by: None,
            deleted_at: None,
            settle_at: None,
            attempts: 0,
            lease: None,
            error_message: None,
            progress: None,
            config: submission.config,
            tokenizer: None,
            payload: submission.payload,
            idempotency_key: None,
            stats: None,
            outputs: Vec::new(),
        };
        record.due_at = Some(self.timings.due(&record, now));
        let size = serde_json::to_vec(&record).map_or(usize::MAX, |json| json.len());
        // The other half is for what the job finds out.
        if size > LARGEST_RECORD / 2 {
            return Err(JobError::ConfigurationTooLarge(LARGEST_RECORD / 2));
        }
        Ok(record)
    }
}
