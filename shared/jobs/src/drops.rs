//! Objects that someone put without calling the API. No one waits for an answer, and the object may be the
//! only copy of what is in it: it is removed once its outputs are there, with its job, or when it expires,
//! and for no other reason.

use serde_json::{Map, Value};

use crate::error::JobError;
use crate::events::{FailureKind, Step};
use crate::jobs::Jobs;
use crate::ports::{AdmissionOutcome, CreationOutcome, Limit, Unavailable};
use crate::record::{JobRecord, JobStatus};
use crate::submit::Submission;

/// How many of an owner's queued jobs are read at most to find the one that has waited longest for room.
const ELDERS_READ: usize = 100;

/// How often another look may be faster before one ends.
const ELDERS_TRIED: usize = 4;

/// What became of an object that someone put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropArrival {
    /// Its job is queued now.
    Queued,
    /// Its job waits until its owner has room for it.
    Held,
    /// Its job failed, and says what to do.
    Refused,
    /// It became a job before.
    Before,
}

impl Jobs {
    /// Makes an object a job, now or later. Where its configuration can't be used, that is the job's
    /// failure.
    ///
    /// # Errors
    /// If a port fails. The same call again changes nothing that was done.
    pub async fn take_drop(
        &self,
        submission: Submission,
        operators: Map<String, Value>,
        problem: Option<String>,
    ) -> Result<DropArrival, Unavailable> {
        let size = submission.payload.size_bytes;
        let usable = Submission {
            config: operators,
            ..submission.clone()
        };
        let problem = problem.or_else(|| {
            let limit = self.largest_upload();
            (size > limit).then(|| JobError::UploadTooLarge(limit).to_string())
        });
        match (self.first_record(submission, JobStatus::Queued), problem) {
            (Ok(record), None) => self.take(record).await,
            (Err(error), None) => self.refuse(usable, &error.to_string()).await,
            (_, Some(problem)) => self.refuse(usable, &problem).await,
        }
    }

    async fn take(&self, record: JobRecord) -> Result<DropArrival, Unavailable> {
        // What came earlier and waits for room is not overtaken.
        if !self.has_room(&record.owner).await? {
            return self.hold(record, Limit::ActiveJobs).await;
        }
        match self.create_plain(&record).await? {
            CreationOutcome::Done => {
                self.tell(&record, Step::Submitted);
                self.send(&record).await?;
                Ok(DropArrival::Queued)
            }
            CreationOutcome::Refused(limit) => self.hold(record, limit).await,
            CreationOutcome::Conflict
            | CreationOutcome::Before(_)
            | CreationOutcome::NotReserved => self.before(&record).await,
        }
    }

    async fn hold(&self, record: JobRecord, limit: Limit) -> Result<DropArrival, Unavailable> {
        let held = self.held(record, limit);
        match self.create_plain(&held).await? {
            CreationOutcome::Done => {
                self.tell(&held, Step::Held(limit));
                Ok(DropArrival::Held)
            }
            _ => self.before(&held).await,
        }
    }

    /// A job that does not count yet, and says why it waits.
    fn held(&self, mut record: JobRecord, limit: Limit) -> JobRecord {
        record.counted = false;
        waits_for(&mut record, limit);
        record.due_at = Some(self.timings.due(&record, record.updated_at));
        record
    }

    /// The event came before: whoever took it may have ended before it sent the job.
    async fn before(&self, record: &JobRecord) -> Result<DropArrival, Unavailable> {
        if let Some(stored) = self.ports.records.get(record.run_id).await? {
            self.send_unsent(&stored).await?;
        }
        Ok(DropArrival::Before)
    }

    async fn refuse(
        &self,
        submission: Submission,
        problem: &str,
    ) -> Result<DropArrival, Unavailable> {
        let record = self.first_record(submission, JobStatus::Failed);
        let mut record = record.map_err(|error| Unavailable {
            port: "records",
            cause: error.to_string().into(),
        })?;
        record.set_error(&format!(
            "{problem}; the object stays in the bucket until it expires: correct the problem and upload it \
             again"
        ));
        match self.create_plain(&record).await? {
            CreationOutcome::Done => {
                self.tell(&record, Step::Failed(FailureKind::Refused));
                Ok(DropArrival::Refused)
            }
            _ => Ok(DropArrival::Before),
        }
    }

    /// Gives the room that an owner has by now to the job that has waited longest for it, which need not be
    /// the one that is due. Whether there was room.
    pub(crate) async fn admit_held(&self, due: &JobRecord) -> Result<bool, Unavailable> {
        if due.held_by == Some(Limit::ActiveJobs) && !self.has_room_for_held(&due.owner).await? {
            self.wait_longer(due, Limit::ActiveJobs).await?;
            return Ok(false);
        }
        for _ in 0..ELDERS_TRIED {
            let Some(elder) = self.elder_of(due).await? else {
                break;
            };
            match self.admit_one(&elder).await? {
                // The other is still due, and is looked at again by the next sweep.
                AdmissionOutcome::Done => return Ok(true),
                // Another look was faster.
                AdmissionOutcome::Conflict => {}
                // What the elder is too large for may be enough for the other.
                AdmissionOutcome::Refused(_) => break,
            }
        }
        Ok(self.admit_one(due).await? == AdmissionOutcome::Done)
    }

    /// The job that has waited longest for the same as this one, if it came before it.
    async fn elder_of(&self, due: &JobRecord) -> Result<Option<JobRecord>, Unavailable> {
        let records = &self.ports.records;
        let queued = records.oldest_queued(&due.owner, ELDERS_READ).await?;
        for (created_at, run_id) in queued {
            if created_at >= due.created_at || run_id == due.run_id {
                break;
            }
            let elder = records.get(run_id).await?;
            let waits = |elder: &JobRecord| elder.is_held() && elder.held_by == due.held_by;
            if let Some(elder) = elder.filter(waits) {
                return Ok(Some(elder));
            }
        }
        Ok(None)
    }

    /// Counts a job that waits, if there is room for it, and sends it.
    async fn admit_one(&self, held: &JobRecord) -> Result<AdmissionOutcome, Unavailable> {
        let now = self.now();
        let mut admitted = held.next(now);
        admitted.counted = true;
        admitted.held_by = None;
        admitted.error_message = None;
        admitted.due_at = Some(self.timings.due(&admitted, now));
        let counted = self.ports.records.admit(held, &admitted, self.limits);
        let outcome = counted.await?;
        match outcome {
            AdmissionOutcome::Done => {
                self.tell(&admitted, Step::Admitted);
                self.send(&admitted).await?;
            }
            AdmissionOutcome::Conflict => {}
            AdmissionOutcome::Refused(limit) => self.wait_longer(held, limit).await?,
        }
        Ok(outcome)
    }

    /// Notes that a job still waits, and for what.
    async fn wait_longer(&self, held: &JobRecord, limit: Limit) -> Result<(), Unavailable> {
        let now = self.now();
        let change = self.change(held.run_id, |record| {
            record.is_held().then(|| {
                let mut next = record.next(now);
                waits_for(&mut next, limit);
                next
            })
        });
        change.await.map(drop)
    }
}

/// Notes what a job waits for, and tells its owner.
fn waits_for(record: &mut JobRecord, limit: Limit) {
    let reason = match limit {
        Limit::ActiveJobs => "you have reached the limit of unfinished jobs",
        Limit::BytesPerDay => "you have reached the limit of uploaded bytes for today",
    };
    record.held_by = Some(limit);
    record.set_error(&format!("waiting: {reason}"));
}
