//! A worker's part: claim a job, process it under a lease that is extended, commit the result once.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use resonare_pipeline::{TokenizerInfo, causes, counted};
use serde_json::{Map, Value};
use tokio::time::Instant;
use tracing::warn;
use uuid::Uuid;

use crate::elapsed::elapsed;
use crate::events::{FailureKind, Step};
use crate::jobs::{Change, Jobs, prefix};
use crate::ports::{Message, Unavailable};
use crate::record::{JobRecord, JobStatus, Lease, Output, Progress, RunId, Stage, StatsSummary};

/// How one attempt ended.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The outputs are stored.
    Completed {
        /// The numbers of the run.
        stats: StatsSummary,
        /// What was stored.
        outputs: Vec<Output>,
    },
    /// The job can't be done, and never will be.
    Failed {
        /// The kind of reason.
        kind: FailureKind,
        /// Why, for the owner, without naming anyone.
        message: String,
        /// The numbers of the run, if it got that far.
        stats: Option<StatsSummary>,
        /// What was stored: `stats.json`, if it got that far.
        outputs: Vec<Output>,
    },
    /// Something outside failed; another attempt may succeed.
    Retry {
        /// What.
        message: String,
    },
    /// The attempt was cancelled.
    Cancelled,
}

/// What a processor shares with its observers.
#[derive(Clone, Debug, Default)]
pub struct Attempt {
    /// Set when the attempt is to end.
    pub cancelled: Arc<AtomicBool>,
    /// Bytes of the payload that were read.
    pub bytes_read: Arc<AtomicU64>,
    /// The tokenizer, once it is known.
    pub tokenizer: Arc<std::sync::Mutex<Option<TokenizerInfo>>>,
    /// The configuration as it applies with the model that was found, once that is known.
    pub config: Arc<std::sync::Mutex<Option<Map<String, Value>>>>,
}

impl Attempt {
    fn applied_config(&self) -> Option<Map<String, Value>> {
        let applied = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        applied.clone()
    }

    fn known_tokenizer(&self) -> Option<TokenizerInfo> {
        let known = self
            .tokenizer
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }
}

/// Does a job's work: its payload in, its outputs out.
#[async_trait]
pub trait Processor: Send + Sync {
    /// Processes a job. Doing it again, or twice at the same time, stores the same bytes under
    /// the same keys.
    async fn process(&self, job: &JobRecord, attempt: &Attempt) -> Verdict;
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// The job is completed.
    Completed,
    /// The job failed for good.
    Failed,
    /// The job will be tried again.
    Postponed,
    /// Another worker has it; the message comes back when that worker's lease may have ended.
    Elsewhere,
    /// There was nothing to do: the job was finished or deleted before.
    Nothing,
    /// The claim was lost, to a deletion or to another worker.
    Lost,
}

impl Jobs {
    /// Receives a message, if there is one. It stays hidden for as long as a claim holds.
    ///
    /// # Errors
    /// If the queue can't be used.
    pub async fn receive(&self) -> Result<Option<Message>, Unavailable> {
        self.ports.queue.receive(self.timings.lease).await
    }

    /// Handles a message: at most one claim, at most one commit.
    ///
    /// # Errors
    /// If a port fails. The message then comes back, and the job is taken up again when its lease
    /// has run out.
    pub async fn handle(
        &self,
        message: &Message,
        processor: &dyn Processor,
        give_up: &AtomicBool,
    ) -> Result<DeliveryOutcome, Unavailable> {
        self.handle_until(message, processor, give_up, None).await
    }

    /// The same, for a worker that ends at `deadline`: a job that is not done by then fails, with
    /// what was reached, since the next attempt would get no further.
    ///
    /// # Errors
    /// Those of [`Self::handle`].
    pub async fn handle_until(
        &self,
        message: &Message,
        processor: &dyn Processor,
        give_up: &AtomicBool,
        deadline: Option<Instant>,
    ) -> Result<DeliveryOutcome, Unavailable> {
        let job = match self.claim(message.run_id).await? {
            Change::Written(job) if job.status == JobStatus::Running => job,
            Change::Written(failed) => {
                self.tell(&failed, Step::Failed(FailureKind::Attempts));
                return self.settle(&failed, message).await;
            }
            Change::Left(job) if job.status == JobStatus::Running => {
                let remaining = job.lease_end().map(|end| elapsed(self.now(), end));
                let hidden = remaining.unwrap_or_default() + Duration::from_secs(1);
                self.ports.queue.hide(&message.receipt, hidden).await?;
                return Ok(DeliveryOutcome::Elsewhere);
            }
            Change::Left(job) if job.status.is_finished() => {
                // Whoever finished it may have ended before this. What attempts left is the sweeper's.
                self.discard_payload(&job).await?;
                self.ports.queue.acknowledge(&message.receipt).await?;
                return Ok(DeliveryOutcome::Nothing);
            }
            Change::Left(_) | Change::Missing => {
                self.ports.queue.acknowledge(&message.receipt).await?;
                return Ok(DeliveryOutcome::Nothing);
            }
        };
        // One whose sending was not noted yet was taken at once.
        let sent_at = job.sent_at.unwrap_or(job.updated_at);
        self.tell(&job, Step::Claimed(elapsed(sent_at, job.updated_at)));
        let attempt = Attempt::default();
        let stop = Stop { give_up, deadline };
        let verdict = self
            .process_under_lease(&job, message, processor, &attempt, stop)
            .await;
        self.commit(&job, message, verdict, &attempt).await
    }

    /// Takes a job that is queued, or whose worker's lease ran out; fails one that was claimed too
    /// often.
    async fn claim(&self, run_id: RunId) -> Result<Change, Unavailable> {
        let (now, token) = (self.now(), Uuid::new_v4());
        let change = self.change(run_id, |record| {
            let free = match record.status {
                JobStatus::Queued => !record.is_held(),
                JobStatus::Running => !record.is_leased(now),
                _ => false,
            };
            free.then(|| self.claimed_or_exhausted(record, now, Some(token)))
        });
        change.await
    }

    /// The record of the next claim, or of the failure where there were enough; without a token, of
    /// the return to the queue.
    pub(crate) fn claimed_or_exhausted(
        &self,
        record: &JobRecord,
        now: Timestamp,
        token: Option<Uuid>,
    ) -> JobRecord {
        let mut next = record.next(now);
        next.lease = None;
        if record.attempts >= self.timings.max_attempts {
            next.status = JobStatus::Failed;
            next.completed_at = Some(now);
            next.settle_at = Some(now + self.timings.leftovers);
            let last = record
                .error_message
                .as_deref()
                .unwrap_or("the worker stopped responding");
            next.set_error(&format!(
                "given up after {}: {last}",
                counted(record.attempts.into(), "attempt", "attempts")
            ));
        } else if let Some(token) = token {
            next.status = JobStatus::Running;
            next.attempts += 1;
            next.started_at.get_or_insert(now);
            next.lease = Some(Lease {
                token,
                expires_at: now + self.timings.lease,
            });
            next.progress = Some(Progress::of(0, record.payload.size_bytes));
        } else {
            next.status = JobStatus::Queued;
            next.sent_at = None;
            next.progress = None;
        }
        next
    }

    /// Runs the processor; meanwhile extends the lease, hides the message and notes progress. None of
    /// these delays another, and a processor that does not end in time is abandoned: it may go on.
    async fn process_under_lease(
        &self,
        job: &JobRecord,
        message: &Message,
        processor: &dyn Processor,
        attempt: &Attempt,
        stop: Stop<'_>,
    ) -> Verdict {
        let beats = async {
            // Should the worker die, the message comes back when its lease ends, not later.
            self.hide(message).await;
            loop {
                tokio::time::sleep(self.timings.beat.min(self.timings.lease / 4)).await;
                self.beat(job, attempt).await;
                self.hide(message).await;
            }
        };
        tokio::select! {
            biased;
            verdict = processor.process(job, attempt) => match verdict {
                Verdict::Cancelled if stop.is_over() => out_of_time(job, attempt),
                verdict => verdict,
            },
            () = beats => unreachable!("beats never end"),
            () = stop.watch(attempt) => out_of_time(job, attempt),
        }
    }

    /// Hides a message for as long as a claim holds. Where that fails, the queue's own time counts.
    pub async fn hide(&self, message: &Message) {
        if let Err(error) = self
            .ports
            .queue
            .hide(&message.receipt, self.timings.lease)
            .await
        {
            let run_id = message.run_id;
            warn!(%run_id, "failed to hide a message: {}", causes(&error));
        }
    }

    async fn beat(&self, job: &JobRecord, attempt: &Attempt) {
        let now = self.now();
        let bytes_read = attempt.bytes_read.load(Ordering::Relaxed);
        let progress = Progress::of(bytes_read, job.payload.size_bytes);
        let tokenizer = attempt.known_tokenizer();
        let extended = self.change(job.run_id, |record| {
            holds(record, job).then(|| {
                let mut next = record.next(now);
                next.lease = next.lease.map(|lease| Lease {
                    expires_at: now + self.timings.lease,
                    ..lease
                });
                next.progress = Some(progress);
                next.tokenizer = record.tokenizer.clone().or_else(|| tokenizer.clone());
                next
            })
        });
        match extended.await {
            Ok(Change::Written(_)) => {}
            Ok(Change::Left(_) | Change::Missing) => {
                attempt.cancelled.store(true, Ordering::Relaxed);
            }
            // The commit is fenced: if the lease runs out meanwhile, it will be refused.
            Err(error) => {
                let run_id = job.run_id;
                warn!(%run_id, "failed to extend a lease: {}", causes(&error));
            }
        }
    }

    /// Writes the result of an attempt, if the claim still holds.
    async fn commit(
        &self,
        job: &JobRecord,
        message: &Message,
        verdict: Verdict,
        attempt: &Attempt,
    ) -> Result<DeliveryOutcome, Unavailable> {
        let now = self.now();
        let (tokenizer, config) = (attempt.known_tokenizer(), attempt.applied_config());
        let committed = self.change(job.run_id, |record| {
            holds(record, job).then(|| {
                let mut next = self.result(record, &verdict, now);
                next.tokenizer = record.tokenizer.clone().or_else(|| tokenizer.clone());
                // Until then another attempt goes by what was submitted.
                if let Some(config) = config.clone().filter(|_| next.status.is_finished()) {
                    next.config = config;
                }
                next
            })
        });
        match committed.await? {
            Change::Written(done) if done.status.is_finished() => {
                let step = match &verdict {
                    Verdict::Completed { .. } => Step::Completed(elapsed(job.updated_at, now)),
                    Verdict::Failed { kind, .. } => Step::Failed(*kind),
                    Verdict::Retry { .. } | Verdict::Cancelled => {
                        Step::Failed(FailureKind::Attempts)
                    }
                };
                self.tell(&done, step);
                self.settle(&done, message).await
            }
            Change::Written(again) => {
                let pause = if let Verdict::Retry { message } = &verdict {
                    warn!(run_id = %job.run_id, "an attempt failed: {message}");
                    let pause = self.timings.pause(again.attempts);
                    self.tell(&again, Step::Postponed(pause));
                    pause
                } else {
                    // Given back, not failed: another worker may take it immediately.
                    self.tell(&again, Step::GivenBack);
                    Duration::ZERO
                };
                self.ports.queue.hide(&message.receipt, pause).await?;
                Ok(DeliveryOutcome::Postponed)
            }
            Change::Left(other) if other.status.is_finished() => {
                self.settle(&other, message).await?;
                Ok(DeliveryOutcome::Lost)
            }
            Change::Left(other) if other.status != JobStatus::Deleting => {
                // Whoever has the claim stores the same bytes under the same keys.
                Ok(DeliveryOutcome::Lost)
            }
            Change::Left(deleted) => {
                self.ports.objects.remove_all(&prefix(job.run_id)).await?;
                if may_go_on(&verdict) {
                    self.settle_deletion(&deleted, job).await?;
                } else if has_lease_of(&deleted, job) {
                    // No other worker can be at it. Whoever deleted it may not have come to its payload.
                    self.remove_payload(&deleted).await?;
                    self.ports.records.remove(&deleted).await?;
                }
                self.ports.queue.acknowledge(&message.receipt).await?;
                Ok(DeliveryOutcome::Lost)
            }
            Change::Missing => {
                self.ports.objects.remove_all(&prefix(job.run_id)).await?;
                self.ports.queue.acknowledge(&message.receipt).await?;
                Ok(DeliveryOutcome::Lost)
            }
        }
    }

    /// Keeps the mark of a deletion until an attempt that goes on must have ended.
    async fn settle_deletion(
        &self,
        deleted: &JobRecord,
        job: &JobRecord,
    ) -> Result<(), Unavailable> {
        let now = self.now();
        let change = self.change(deleted.run_id, |record| {
            (record.status == JobStatus::Deleting && has_lease_of(record, job)).then(|| {
                let mut next = record.next(now);
                next.lease = None;
                next.settle_at = Some(now + self.timings.leftovers);
                next
            })
        });
        change.await.map(drop)
    }

    fn result(&self, record: &JobRecord, verdict: &Verdict, now: Timestamp) -> JobRecord {
        let mut next = record.next(now);
        next.lease = None;
        match verdict {
            Verdict::Completed { stats, outputs } => {
                next.status = JobStatus::Completed;
                next.completed_at = Some(now);
                next.error_message = None;
                next.stats = Some(stats.clone());
                next.outputs.clone_from(outputs);
                next.progress = Some(Progress {
                    stage: Stage::Done,
                    bytes_read: record.payload.size_bytes,
                    bytes_total: record.payload.size_bytes,
                });
            }
            Verdict::Failed {
                message,
                stats,
                outputs,
                ..
            } => {
                // An attempt that ends removes what it began; one whose worker died does not, and one
                // that did not end in time may go on.
                let may_leave = may_go_on(verdict) || record.attempts > 1;
                if outputs.is_empty() && may_leave {
                    next.settle_at = Some(now + self.timings.leftovers);
                }
                next.status = JobStatus::Failed;
                next.completed_at = Some(now);
                next.set_error(message);
                next.stats.clone_from(stats);
                next.outputs.clone_from(outputs);
            }
            Verdict::Retry { message } => {
                let mut failed = record.clone();
                failed.set_error(message);
                next = self.claimed_or_exhausted(&failed, now, None);
                // Its message comes back.
                next.sent_at = Some(now);
            }
            Verdict::Cancelled => {
                next.status = JobStatus::Queued;
                next.sent_at = Some(now);
                next.progress = None;
                // It was given back, not tried.
                next.attempts = record.attempts.saturating_sub(1);
            }
        }
        next
    }

    /// What is left to do for a finished job: its payload goes, then its message.
    async fn settle(
        &self,
        job: &JobRecord,
        message: &Message,
    ) -> Result<DeliveryOutcome, Unavailable> {
        self.discard_leftovers(job).await?;
        self.ports.queue.acknowledge(&message.receipt).await?;
        Ok(if job.status == JobStatus::Completed {
            DeliveryOutcome::Completed
        } else {
            DeliveryOutcome::Failed
        })
    }
}

/// What ends an attempt before it is done.
#[derive(Clone, Copy)]
struct Stop<'a> {
    /// Set when the worker is to give the job back.
    give_up: &'a AtomicBool,
    /// When the worker's time ends.
    deadline: Option<Instant>,
}

impl Stop<'_> {
    /// How soon a request to stop is noticed.
    const LOOK: Duration = Duration::from_millis(200);
    /// What a processor may take to notice that it is cancelled.
    const GRACE: Duration = Duration::from_secs(5);

    fn is_over(&self) -> bool {
        self.deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Cancels the attempt when it is to end; ends when it should have ended.
    async fn watch(self, attempt: &Attempt) {
        loop {
            if self.is_over() {
                attempt.cancelled.store(true, Ordering::Relaxed);
                tokio::time::sleep(Self::GRACE).await;
                return;
            }
            if self.give_up.load(Ordering::Relaxed) {
                attempt.cancelled.store(true, Ordering::Relaxed);
            }
            tokio::time::sleep(Self::LOOK).await;
        }
    }
}

fn out_of_time(job: &JobRecord, attempt: &Attempt) -> Verdict {
    let (read, total) = (
        attempt.bytes_read.load(Ordering::Relaxed),
        job.payload.size_bytes,
    );
    Verdict::Failed {
        kind: FailureKind::Time,
        message: format!(
            "the job did not finish within a worker's time limit: {read} of {total} bytes were read; \
             run `resonare prepare` on your own machine, or split the export"
        ),
        stats: None,
        outputs: Vec::new(),
    }
}

/// Whether an attempt was left behind that may still store outputs.
fn may_go_on(verdict: &Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Failed {
            kind: FailureKind::Time,
            ..
        }
    )
}

/// Whether a record has the claim that `job` was read with.
fn has_lease_of(record: &JobRecord, job: &JobRecord) -> bool {
    let token = |record: &JobRecord| record.lease.map(|lease| lease.token);
    token(record) == token(job)
}

/// Whether the claim that `job` was read with still holds.
fn holds(record: &JobRecord, job: &JobRecord) -> bool {
    record.status == JobStatus::Running && has_lease_of(record, job)
}
