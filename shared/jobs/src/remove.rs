//! Deletion: the job vanishes at once, then everything that is stored for it.

use serde_json::Value;

use crate::jobs::{Change, JobError, Jobs, output_key, prefix};
use crate::ports::{Unavailable, Written};
use crate::record::{JobRecord, JobStatus, Owner, Payload, RunId};

impl Jobs {
    /// Removes an owner's job and everything stored for it, also while it runs: its worker finds its
    /// claim gone, stops, and removes what it has written since.
    ///
    /// # Errors
    /// [`JobError::NotFound`] if there is no such job. After another error the sweeper finishes what
    /// was begun.
    pub async fn delete(&self, owner: &Owner, run_id: RunId) -> Result<(), JobError> {
        self.get(owner, run_id).await?;
        match self.begin_deletion(run_id).await? {
            Some(record) => Ok(self.finish_deletion(&record).await?),
            None => Ok(()),
        }
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
                next.lease = None;
                next
            })
        });
        Ok(match change.await? {
            Change::Written(record) | Change::Left(record) => Some(record),
            Change::Missing => None,
        })
    }

    /// Removes what is stored for a job that is being deleted, and its record last.
    pub(crate) async fn finish_deletion(&self, record: &JobRecord) -> Result<(), Unavailable> {
        self.remove_objects(record).await?;
        match self.records.remove(record).await? {
            // Somebody else finishes it.
            Written::Done | Written::Conflict => Ok(()),
        }
    }

    async fn remove_objects(&self, record: &JobRecord) -> Result<(), Unavailable> {
        self.remove_payload(record).await?;
        self.objects.remove_all(&prefix(record.run_id)).await
    }

    async fn remove_payload(&self, record: &JobRecord) -> Result<(), Unavailable> {
        let own = Self::payload_key(record.run_id);
        let Payload { key, version, .. } = &record.payload;
        if key.starts_with(&own) {
            // With it go uploads that lost a race against it.
            self.objects.remove_all(&own).await
        } else if version.is_none() {
            // It has not arrived; with it go the parts that have.
            self.objects.remove_all(key).await
        } else {
            self.objects.remove(key, version.as_deref()).await
        }
    }

    /// Removes what a finished job needs no longer: what attempts stored that came to nothing, and
    /// its payload, which holds more of other people's data than the outputs need.
    pub(crate) async fn discard_leftovers(&self, record: &JobRecord) -> Result<(), Unavailable> {
        if record.outputs.is_empty() && record.attempts > 0 {
            let outputs = output_key(record.run_id, "");
            self.objects.remove_all(&outputs).await?;
        }
        let keep_input = record.config.get("keep_input").and_then(Value::as_bool);
        if keep_input == Some(true) {
            return Ok(());
        }
        self.remove_payload(record).await
    }
}
