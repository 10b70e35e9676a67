//! The sweeper: what crashes left behind is finished or cleaned up.

use std::time::Duration;

use jiff::Timestamp;
use tracing::{info, warn};

use crate::causes::causes;
use crate::jobs::{Change, Jobs, prefix};
use crate::ports::Unavailable;
use crate::record::{JobRecord, JobStatus};

/// Records that are looked at in one go.
const PAGE: usize = 100;

/// What one sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Queued jobs that were sent again.
    pub sent_again: u64,
    /// Jobs whose lease had run out.
    pub released: u64,
    /// Jobs that failed: their attempts were used up, or their upload never came.
    pub failed: u64,
    /// Deletions that were finished, those of expired jobs included.
    pub deleted: u64,
    /// Runs without a record whose objects were removed.
    pub orphans: u64,
}

/// Whether a worker may still be alive.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// It may, until its lease ends.
    Usual,
    /// None is.
    None,
}

impl Jobs {
    /// Takes up everything that a process left which is known to be dead: claims are released
    /// without waiting for their leases to end, what is queued is sent again, and payloads that no
    /// record names are removed. Only for a home with a single process, before it takes anything in.
    ///
    /// # Errors
    /// If a port fails. Single records that fail are left to the sweeper.
    pub async fn recover(&self) -> Result<(), Unavailable> {
        self.sweep_records(Patience::None).await?;
        self.remove_orphans(Duration::ZERO).await.map(|_| ())
    }

    /// Looks at every job that is not finished or whose time is over.
    ///
    /// # Errors
    /// If a port fails; the next sweep goes on.
    pub async fn sweep(&self) -> Result<Swept, Unavailable> {
        let (mut swept, failure) = self.sweep_records(Patience::Usual).await?;
        swept.orphans = self.remove_orphans(self.timings.upload_deadline).await?;
        if swept != Swept::default() {
            info!(
                sent_again = swept.sent_again,
                released = swept.released,
                failed = swept.failed,
                deleted = swept.deleted,
                orphans = swept.orphans,
                "swept"
            );
        }
        failure.map_or(Ok(swept), Err)
    }

    /// Looks at every record that is due; what it did, and the first failure of a record.
    async fn sweep_records(
        &self,
        patience: Patience,
    ) -> Result<(Swept, Option<Unavailable>), Unavailable> {
        let mut swept = Swept::default();
        let (mut cursor, mut failure) = (None, None);
        loop {
            let page = self.records.due(self.now(), cursor.as_deref(), PAGE);
            let page = page.await?;
            for record in &page.records {
                // One that fails does not keep the sweeper from the others.
                if let Err(error) = self.sweep_record(record, patience, &mut swept).await {
                    let causes = causes(&error);
                    warn!(job.id = %record.run_id, "a job is left to the next sweep: {causes}");
                    failure.get_or_insert(error);
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok((swept, failure));
            }
        }
    }

    async fn sweep_record(
        &self,
        record: &JobRecord,
        patience: Patience,
        swept: &mut Swept,
    ) -> Result<(), Unavailable> {
        let now = self.now();
        if record.is_expired(now) || record.status == JobStatus::Deleting {
            if let Some(record) = self.begin_deletion(record.run_id).await? {
                self.finish_deletion(&record).await?;
                swept.deleted += 1;
            }
            return Ok(());
        }
        let change = self
            .change(record.run_id, |record| self.mended(record, patience, now))
            .await?;
        let Change::Written(mended) = change else {
            return Ok(());
        };
        match mended.status {
            JobStatus::Failed => {
                self.discard_leftovers(&mended).await?;
                swept.failed += 1;
            }
            _ if record.status == JobStatus::Running => swept.released += 1,
            _ => swept.sent_again += 1,
        }
        if mended.status == JobStatus::Queued {
            self.queue.send(mended.run_id, Duration::ZERO).await?;
        }
        Ok(())
    }

    /// The record as it should be, where something did not go on.
    fn mended(&self, record: &JobRecord, patience: Patience, now: Timestamp) -> Option<JobRecord> {
        let at_once = patience == Patience::None;
        let since =
            |time: Timestamp| Duration::try_from(now.duration_since(time)).unwrap_or_default();
        match record.status {
            JobStatus::Queued => {
                let sent_at = record.sent_at.unwrap_or(record.updated_at);
                (at_once || since(sent_at) >= self.timings.resend_after).then(|| {
                    let mut next = record.next(now);
                    next.sent_at = Some(now);
                    next
                })
            }
            JobStatus::Running => (at_once || !record.is_leased(now))
                .then(|| self.claimed_or_exhausted(record, now, None)),
            JobStatus::AwaitingUpload => (since(record.created_at) >= self.timings.upload_deadline)
                .then(|| {
                    let mut next = record.next(now);
                    next.status = JobStatus::Failed;
                    next.completed_at = Some(now);
                    next.set_error("the upload did not come in time");
                    next
                }),
            JobStatus::Completed | JobStatus::Failed | JobStatus::Deleting => None,
        }
    }

    /// Removes objects of runs that have no record: of a submission that ended before its record, or
    /// of a worker that wrote after a deletion and then died.
    async fn remove_orphans(&self, age: Duration) -> Result<u64, Unavailable> {
        let mut orphans = 0;
        for run_id in self.objects.runs_older_than(age).await? {
            if self.records.get(run_id).await?.is_none() {
                self.objects.remove_all(&prefix(run_id)).await?;
                orphans += 1;
            }
        }
        Ok(orphans)
    }
}
