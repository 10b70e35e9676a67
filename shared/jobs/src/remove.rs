//! Deletion: the job vanishes immediately, then everything that is stored for it.

use serde_json::{Map, Value};

use crate::elapsed::elapsed;
use crate::error::JobError;
use crate::events::Step;
use crate::jobs::{Change, Jobs, output_key, prefix};
use crate::ports::{Unavailable, WriteOutcome};
use crate::record::{JobRecord, JobStatus, Owner, Payload, RunId};

impl JobRecord {
    /// Whether its payload outlives it.
    pub(crate) fn keeps_input(&self) -> bool {
        let keep_input = self.config.get("keep_input").and_then(Value::as_bool);
        // An object that somebody put may be the only copy, and what failed may have been the
        // configuration: it stays until its time is over.
        keep_input == Some(true) || (self.is_drop() && self.status == JobStatus::Failed)
    }
}

impl Jobs {
    /// Removes an owner's job and everything stored for it, also while it runs: its worker finds its
    /// claim gone, stops, and removes what it has written since.
    ///
    /// # Errors
    /// [`JobError::NotFound`] if there is no such job. After another error the sweeper finishes what
    /// was begun.
    pub async fn delete(&self, owner: &Owner, run_id: RunId) -> Result<(), JobError> {
        self.get(owner, run_id).await?;
        if let Some(record) = self.begin_deletion(run_id).await? {
            self.finish_deletion(&record).await?;
            self.tell(&record, Step::Deleted);
        }
        Ok(())
    }

    /// Marks a job as being deleted; `None` if it is gone.
    pub(crate) async fn begin_deletion(
        &self,
        run_id: RunId,
    ) -> Result<Option<JobRecord>, Unavailable> {
        let now = self.now();
        let change = self.change(run_id, |record| {
            (record.status != JobStatus::Deleting).then(|| {
                let mut next = record.next(now);
                next.status = JobStatus::Deleting;
                next
            })
        });
        Ok(match change.await? {
            Change::Written(record) | Change::Left(record) => Some(record),
            Change::Missing => None,
        })
    }

    /// Removes what is stored for a job that is being deleted, then its record. Where a worker may
    /// still be at it, or an upload under way, the record stays until that must have ended, with nothing
    /// private in it: what comes until then is removed.
    pub(crate) async fn finish_deletion(&self, record: &JobRecord) -> Result<(), Unavailable> {
        let now = self.now();
        self.remove_objects(record).await?;
        let urls_work = |deleted_at| elapsed(deleted_at, now) < self.timings.signed_urls;
        let may_be_uploaded = record.awaits_payload() && record.deleted_at.is_none_or(urls_work);
        let may_be_stored = record.settle_at.is_some_and(|settle_at| settle_at > now);
        if record.is_leased(now) || may_be_uploaded || may_be_stored {
            let change = self.change(record.run_id, |record| {
                (record.deleted_at.is_none()).then(|| {
                    let mut next = record.next(now);
                    next.deleted_at = Some(now);
                    next.config = Map::new();
                    next.error_message = None;
                    next.stats = None;
                    next
                })
            });
            change.await?;
            return Ok(());
        }
        match self.ports.records.remove(record).await? {
            // Somebody else finishes it.
            WriteOutcome::Done | WriteOutcome::Conflict => Ok(()),
        }
    }

    async fn remove_objects(&self, record: &JobRecord) -> Result<(), Unavailable> {
        self.remove_payload(record).await?;
        self.ports.objects.remove_all(&prefix(record.run_id)).await
    }

    /// Removes the payload: one object whose key is known, where that is possible.
    pub(crate) async fn remove_payload(&self, record: &JobRecord) -> Result<(), Unavailable> {
        let own = Self::payload_key(record.run_id);
        let Payload {
            key,
            version,
            upload,
            ..
        } = &record.payload;
        if key.starts_with(&own) && upload.is_some() {
            // With it go uploads that lost a race against it.
            self.ports.objects.remove_all(&own).await
        } else if upload.is_some() && version.is_none() {
            // It has not arrived; with it go the parts that have.
            self.ports.objects.remove_all(key).await
        } else if record.is_drop() && self.was_put_again(record).await? {
            // The same bytes may have been put again, with what was wrong corrected: another job's.
            Ok(())
        } else {
            self.ports.objects.remove(key, version.as_deref()).await
        }
    }

    /// Whether somebody has put an object again since its job was made of it.
    async fn was_put_again(&self, record: &JobRecord) -> Result<bool, Unavailable> {
        let Some(stored) = record.payload.last_modified else {
            return Ok(false);
        };
        let found = self.ports.objects.find(&record.payload.key).await?;
        Ok(found.is_some_and(|found| found.last_modified.is_some_and(|now| now > stored)))
    }

    /// Removes what a finished job needs no longer: what attempts stored that came to nothing, and
    /// its payload, which holds more of other people's data than the outputs need.
    pub(crate) async fn discard_leftovers(&self, record: &JobRecord) -> Result<(), Unavailable> {
        if record.settle_at.is_some() {
            let outputs = output_key(record.run_id, "");
            self.ports.objects.remove_all(&outputs).await?;
        }
        self.discard_payload(record).await
    }

    /// Removes the payload of a finished job, unless it is to be kept.
    pub(crate) async fn discard_payload(&self, record: &JobRecord) -> Result<(), Unavailable> {
        if record.keeps_input() {
            return Ok(());
        }
        self.remove_payload(record).await
    }

    /// Removes, once, what came after a job had failed, and looks at it no more until it expires.
    pub(crate) async fn settle_late(&self, record: &JobRecord) -> Result<(), Unavailable> {
        self.discard_leftovers(record).await?;
        let now = self.now();
        let change = self.change(record.run_id, |record| {
            (record.status.is_finished() && record.settle_at.is_some()).then(|| {
                let mut next = record.next(now);
                next.settle_at = None;
                next
            })
        });
        change.await?;
        Ok(())
    }
}
