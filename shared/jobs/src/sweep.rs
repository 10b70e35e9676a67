//! The sweeper: what crashes left behind is finished or cleaned up. It reads what is due, and nothing
//! that isn't.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use resonare_pipeline::causes;
use tokio::sync::OnceCell;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::elapsed::elapsed;
use crate::events::{FailureKind, Step};
use crate::jobs::{Change, Jobs, prefix};
use crate::ports::{DueItem, Unavailable, WriteOutcome};
use crate::record::{JobRecord, JobStatus, Payload, RunId};

/// How much is read at once.
const PAGE: usize = 100;

/// How many are worked on at once.
const AT_ONCE: usize = 16;

/// What one sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Queued jobs that were sent again.
    pub sent_again: u64,
    /// Jobs whose lease had run out.
    pub released: u64,
    /// Jobs that failed: their attempts were used up, or their upload never came.
    pub failed: u64,
    /// Held jobs whose owner has room for them now.
    pub admitted: u64,
    /// Uploads that had come unnoticed.
    pub uploaded: u64,
    /// Deletions that were finished, those of expired jobs included.
    pub deleted: u64,
    /// Failed jobs whose attempts may have left something, which was removed.
    pub settled: u64,
    /// Runs without a record whose objects were removed.
    pub orphans: u64,
    /// Jobs and reservations that were looked at.
    pub looked_at: u64,
    /// Those that could not be repaired now, and are left for the next sweep.
    pub left: u64,
    /// For how long the oldest had been due when the sweep began.
    pub oldest_due: Duration,
    /// Whether it ended before everything due was looked at.
    pub stopped_early: bool,
}

impl SweepReport {
    fn add(&mut self, mended: Repair) {
        match mended {
            Repair::SentAgain => self.sent_again += 1,
            Repair::Released => self.released += 1,
            Repair::Failed => self.failed += 1,
            Repair::Admitted => self.admitted += 1,
            Repair::Uploaded => self.uploaded += 1,
            Repair::Deleted => self.deleted += 1,
            Repair::Settled => self.settled += 1,
            Repair::Orphan => self.orphans += 1,
            Repair::Nothing => {}
        }
    }
}

/// What was done about one that was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repair {
    SentAgain,
    Released,
    Failed,
    Admitted,
    Uploaded,
    Deleted,
    Settled,
    Orphan,
    Nothing,
}

/// Whether a worker may still be alive.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// It may, until its lease ends.
    Usual,
    /// None is.
    None,
}

/// One sweep.
#[derive(Clone)]
struct Sweep {
    jobs: Jobs,
    patience: Patience,
    /// When nothing more is begun.
    until: Option<Instant>,
    /// Whether the queue has no message: asked at most once.
    queue_is_empty: Arc<OnceCell<bool>>,
}

impl Jobs {
    /// Takes up everything left by a process that is known to be dead: claims are released
    /// without waiting for their leases to end, what is queued is sent again, and payloads that no
    /// record names are removed. Only for a service with a single process, before it takes anything
    /// in, and after its store has made everything unfinished due.
    ///
    /// # Errors
    /// If a port fails.
    pub async fn recover(&self) -> Result<SweepReport, Unavailable> {
        self.sweep_all(Patience::None, None).await
    }

    /// Looks at everything that is due, until then if a time is given.
    ///
    /// # Errors
    /// If what is due can't be read. What can't be mended now is counted, and left to the next sweep.
    pub async fn sweep(&self, until: Option<Instant>) -> Result<SweepReport, Unavailable> {
        self.sweep_all(Patience::Usual, until).await
    }

    async fn sweep_all(
        &self,
        patience: Patience,
        until: Option<Instant>,
    ) -> Result<SweepReport, Unavailable> {
        let sweep = Sweep {
            jobs: self.clone(),
            patience,
            until,
            queue_is_empty: Arc::default(),
        };
        let begun = Instant::now();
        let mut swept = SweepReport::default();
        let (now, mut cursor) = (self.now(), None);
        loop {
            let page = self.ports.records.due(now, cursor.as_deref(), PAGE).await?;
            if let (0, Some(oldest)) = (swept.looked_at, page.oldest) {
                swept.oldest_due = elapsed(oldest, now);
            }
            swept.looked_at += page.due.len() as u64;
            sweep.page(page.due, &mut swept).await;
            cursor = page.next;
            if cursor.is_none() || swept.stopped_early {
                break;
            }
        }
        if swept.looked_at > 0 {
            info!(
                looked_at = swept.looked_at,
                sent_again = swept.sent_again,
                released = swept.released,
                failed = swept.failed,
                admitted = swept.admitted,
                uploaded = swept.uploaded,
                deleted = swept.deleted,
                settled = swept.settled,
                orphans = swept.orphans,
                left = swept.left,
                stopped_early = swept.stopped_early,
                oldest_due_secs = swept.oldest_due.as_secs(),
                duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
                "swept"
            );
        }
        Ok(swept)
    }
}

impl Sweep {
    /// Works on a page, several at once.
    async fn page(&self, page: Vec<DueItem>, swept: &mut SweepReport) {
        let mut tasks = JoinSet::new();
        for due in page {
            if self.until.is_some_and(|until| Instant::now() >= until) {
                swept.stopped_early = true;
                break;
            }
            if tasks.len() >= AT_ONCE {
                count(tasks.join_next().await, swept);
            }
            let sweep = self.clone();
            tasks.spawn(async move {
                let (run_id, mended) = match due {
                    DueItem::Job(record) => (record.run_id, sweep.job(&record).await),
                    DueItem::Reservation(run_id) => (run_id, sweep.reservation(run_id).await),
                };
                // One that fails does not keep the sweeper from the others.
                let mended = mended.inspect_err(|error| {
                    warn!(%run_id, "a job is left for the next sweep: {}", causes(error));
                });
                mended.ok()
            });
        }
        while let Some(ended) = tasks.join_next().await {
            count(Some(ended), swept);
        }
    }

    /// A submission that ended before its record was written.
    async fn reservation(&self, run_id: RunId) -> Result<Repair, Unavailable> {
        let jobs = &self.jobs;
        // From now on the submission can't come to anything, should it still be under way. One that has
        // come to something has used the reservation.
        if jobs.ports.records.abandon(run_id).await? == WriteOutcome::Conflict {
            return Ok(Repair::Nothing);
        }
        jobs.ports.objects.remove_all(&prefix(run_id)).await?;
        jobs.ports.records.release(run_id).await?;
        Ok(Repair::Orphan)
    }

    async fn job(&self, record: &JobRecord) -> Result<Repair, Unavailable> {
        let jobs = &self.jobs;
        let now = jobs.now();
        if record.is_expired(now) || record.status == JobStatus::Deleting {
            return self.deletion(record).await;
        }
        match record.status {
            JobStatus::Queued if record.is_held() => {
                let admitted = jobs.admit_held(record).await?;
                Ok(if admitted {
                    Repair::Admitted
                } else {
                    Repair::Nothing
                })
            }
            JobStatus::Queued => self.queued(record, now).await,
            JobStatus::Running => self.running(record, now).await,
            JobStatus::AwaitingUpload => self.awaiting(record, now).await,
            JobStatus::Failed if record.settle_at.is_some_and(|settle_at| settle_at <= now) => {
                jobs.settle_late(record).await?;
                Ok(Repair::Settled)
            }
            // It was finished since the store's index knew it as due.
            JobStatus::Completed | JobStatus::Failed | JobStatus::Deleting => Ok(Repair::Nothing),
        }
    }

    async fn deletion(&self, record: &JobRecord) -> Result<Repair, Unavailable> {
        let jobs = &self.jobs;
        let Some(begun) = jobs.begin_deletion(record.run_id).await? else {
            return Ok(Repair::Nothing);
        };
        jobs.finish_deletion(&begun).await?;
        if record.is_held() {
            // There never was room for it.
            jobs.tell(&begun, Step::Failed(FailureKind::Refused));
        } else if record.status != JobStatus::Deleting {
            jobs.tell(&begun, Step::Expired);
        }
        Ok(Repair::Deleted)
    }

    /// Sends a job whose message must be lost.
    async fn queued(&self, record: &JobRecord, now: Timestamp) -> Result<Repair, Unavailable> {
        let jobs = &self.jobs;
        let is_lost = match record.sent_at {
            None => true,
            Some(_) if self.patience == Patience::None => true,
            Some(sent_at) => {
                let is_empty = || jobs.ports.queue.is_empty();
                elapsed(sent_at, now) >= jobs.timings.resend_after
                    || *self.queue_is_empty.get_or_try_init(is_empty).await?
            }
        };
        let change = jobs.change(record.run_id, |record| {
            (record.status == JobStatus::Queued && !record.is_held()).then(|| {
                let mut next = record.next(now);
                if is_lost {
                    next.sent_at = None;
                }
                next
            })
        });
        match change.await? {
            Change::Written(unsent) if is_lost => {
                jobs.send(&unsent).await?;
                // After a restart, nothing has happened to the job.
                if self.patience == Patience::Usual {
                    jobs.tell(&unsent, Step::SentAgain);
                }
                Ok(Repair::SentAgain)
            }
            // It is looked at again later.
            _ => Ok(Repair::Nothing),
        }
    }

    /// Returns a job to the queue whose worker stopped responding.
    async fn running(&self, record: &JobRecord, now: Timestamp) -> Result<Repair, Unavailable> {
        let jobs = &self.jobs;
        let at_once = self.patience == Patience::None;
        let change = jobs.change(record.run_id, |record| {
            let is_dead = at_once || !record.is_leased(now);
            (record.status == JobStatus::Running && is_dead)
                .then(|| jobs.claimed_or_exhausted(record, now, None))
        });
        match change.await? {
            Change::Written(failed) if failed.status == JobStatus::Failed => {
                jobs.tell(&failed, Step::Failed(FailureKind::Attempts));
                jobs.discard_leftovers(&failed).await?;
                Ok(Repair::Failed)
            }
            Change::Written(released) => {
                jobs.tell(&released, Step::Released);
                jobs.send(&released).await?;
                Ok(Repair::Released)
            }
            Change::Left(_) | Change::Missing => Ok(Repair::Nothing),
        }
    }

    /// Checks whether an upload has arrived unnoticed, and gives up on it when its time has run out.
    async fn awaiting(&self, record: &JobRecord, now: Timestamp) -> Result<Repair, Unavailable> {
        let jobs = &self.jobs;
        let found = jobs.ports.objects.find(&record.payload.key).await?;
        if let Some(found) = found.filter(|found| found.size_bytes == record.payload.size_bytes) {
            let payload = Payload {
                version: found.version,
                ..record.payload.clone()
            };
            jobs.upload_arrived(record.run_id, &payload).await?;
            return Ok(Repair::Uploaded);
        }
        let is_over = record.created_at + jobs.timings.upload_deadline <= now;
        let change = jobs.change(record.run_id, |record| {
            (record.status == JobStatus::AwaitingUpload).then(|| {
                let mut next = record.next(now);
                if is_over {
                    next.status = JobStatus::Failed;
                    next.completed_at = Some(now);
                    next.set_error("the upload did not arrive in time");
                }
                next
            })
        });
        match change.await? {
            Change::Written(failed) if is_over => {
                jobs.tell(&failed, Step::Failed(FailureKind::Payload));
                jobs.discard_leftovers(&failed).await?;
                Ok(Repair::Failed)
            }
            _ => Ok(Repair::Nothing),
        }
    }
}

fn count(ended: Option<Result<Option<Repair>, JoinError>>, swept: &mut SweepReport) {
    match ended {
        Some(Ok(Some(mended))) => swept.add(mended),
        Some(Ok(None) | Err(_)) => swept.left += 1,
        None => {}
    }
}
