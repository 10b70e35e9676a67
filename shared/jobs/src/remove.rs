//! Deletion: the job vanishes at once, then everything that is stored for it.

use crate::jobs::{Change, JobError, Jobs, prefix};
use crate::ports::{Unavailable, Written};
use crate::record::{JobRecord, JobStatus, Owner, RunId};

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
        match self.records.remove(record.run_id, record.revision).await? {
            // Somebody else finishes it.
            Written::Done | Written::Conflict => Ok(()),
        }
    }

    async fn remove_objects(&self, record: &JobRecord) -> Result<(), Unavailable> {
        self.objects.remove_all(&record.payload.key).await?;
        self.objects.remove_all(&prefix(record.run_id)).await
    }
}
