//! The use cases' common ground: the ports, and changes of a record.

use std::fmt::Display;
use std::sync::Arc;

use jiff::Timestamp;

use crate::error::JobError;
use crate::events::{self, Observer, Step};
use crate::limits::{Limits, Timings, left_of_day};
use crate::ports::{Clock, JobStore, Limit, ObjectStore, Page, Queue, Unavailable, WriteOutcome};
use crate::record::{JobRecord, JobStatus, Owner, RunId, Tally};

/// How many queued jobs are counted at most to tell a position.
const POSITION_CAP: usize = 100;

/// How the keys of payloads end.
const PAYLOAD: &str = "/payload";

/// How often a change is tried where others get ahead. Few ever change a record at once.
const CHANGE_ATTEMPTS: u32 = 20;

/// What the use cases stand on.
#[derive(Clone)]
pub struct Ports {
    /// Payloads and outputs.
    pub objects: Arc<dyn ObjectStore>,
    /// Records.
    pub records: Arc<dyn JobStore>,
    /// Messages to workers.
    pub queue: Arc<dyn Queue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who is told what happens to jobs.
    pub observer: Arc<dyn Observer>,
}

/// The use cases, over the ports of one deployment.
#[derive(Clone)]
pub struct Jobs {
    pub(crate) ports: Ports,
    /// How long things take.
    pub(crate) timings: Timings,
    /// What one owner may have.
    pub(crate) limits: Limits,
}

/// What became of a change.
#[derive(Debug)]
pub(crate) enum Change {
    /// The record, as it was written.
    Written(JobRecord),
    /// The record, which was left as it is.
    Left(JobRecord),
    /// There is none.
    Missing,
}

impl Jobs {
    /// The use cases over these ports.
    pub fn new(ports: Ports, timings: Timings, limits: Limits) -> Self {
        Self {
            ports,
            timings,
            limits,
        }
    }

    /// The key under which a run's payload is stored when this service stores it.
    pub fn payload_key(run_id: RunId) -> String {
        format!("{run_id}{PAYLOAD}")
    }

    /// The run whose payload has this key; none if it is not such a key.
    pub fn run_of_payload(key: &str) -> Option<RunId> {
        key.strip_suffix(PAYLOAD)?.parse().ok()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// Tells of a step that was taken.
    pub(crate) fn tell(&self, job: &JobRecord, step: Step) {
        events::log(job, &step);
        self.ports.observer.step(job, &step);
    }

    /// The error for an owner who has reached a limit.
    pub(crate) fn limit_reached(&self, limit: Limit) -> JobError {
        let Limits {
            active_jobs,
            bytes_per_day,
            ..
        } = self.limits;
        match limit {
            Limit::ActiveJobs => JobError::LimitReached {
                limit,
                what: format!("you have reached the limit of {active_jobs} unfinished jobs"),
                retry_after: self.timings.lease,
            },
            Limit::BytesPerDay => JobError::LimitReached {
                limit,
                what: format!("you have reached the limit of {bytes_per_day} uploaded bytes a day"),
                retry_after: left_of_day(self.now()),
            },
        }
    }

    /// Changes a record as `decide` says, again if somebody else changed it in between. A write
    /// whose answer was lost is recognized by its id.
    pub(crate) async fn change(
        &self,
        run_id: RunId,
        mut decide: impl FnMut(&JobRecord) -> Option<JobRecord> + Send,
    ) -> Result<Change, Unavailable> {
        let mut stored = self.ports.records.get(run_id).await?;
        for _ in 0..CHANGE_ATTEMPTS {
            let Some(current) = stored else {
                return Ok(Change::Missing);
            };
            let Some(mut changed) = decide(&current) else {
                return Ok(Change::Left(current));
            };
            changed.due_at = Some(self.timings.due(&changed, self.now()));
            let written = self.ports.records.replace(&current, &changed).await;
            if matches!(written, Ok(WriteOutcome::Done)) {
                return Ok(Change::Written(changed));
            }
            stored = match self.ports.records.get(run_id).await {
                Ok(Some(found)) if found.write_id == changed.write_id => {
                    return Ok(Change::Written(changed));
                }
                found => found?,
            };
            // Where the write was refused, somebody else got ahead; where it failed, it did not
            // happen, and the caller decides about another try.
            written?;
        }
        Err(Unavailable {
            port: "records",
            cause: "the record was changed by others each time".into(),
        })
    }

    /// An owner's job, unless it has expired.
    ///
    /// # Errors
    /// [`JobError::NotFound`] also for the jobs of others.
    pub async fn get(&self, owner: &Owner, run_id: RunId) -> Result<JobRecord, JobError> {
        let now = self.now();
        self.ports
            .records
            .get(run_id)
            .await?
            .filter(|record| owner.owns(&record.owner))
            .filter(|record| !record.is_expired(now) && record.deleted_at.is_none())
            .ok_or(JobError::NotFound)
    }

    /// An owner's jobs, newest first.
    ///
    /// # Errors
    /// If the records can't be read.
    pub async fn list(
        &self,
        owner: &Owner,
        status: Option<JobStatus>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page, JobError> {
        // A time in the store's own form, and a run.
        let names_a_run = |cursor: &str| {
            cursor.split_once('_').is_some_and(|(time, run_id)| {
                let is_time = (1..=20).contains(&time.len());
                let digits = time.bytes().all(|byte| byte.is_ascii_digit());
                is_time && digits && run_id.parse::<RunId>().is_ok()
            })
        };
        if !cursor.is_none_or(names_a_run) {
            return Err(JobError::NotACursor);
        }
        let now = self.now();
        let mut page = self
            .ports
            .records
            .list(owner, status, cursor, limit)
            .await?;
        page.records.retain(|record| !record.is_expired(now));
        Ok(page)
    }

    /// An owner's jobs, counted.
    ///
    /// # Errors
    /// If the counters can't be read.
    pub async fn counters(&self, owner: &Owner) -> Result<Tally, JobError> {
        Ok(self.ports.records.counters(owner).await?)
    }

    /// For each of these jobs of one owner, 1 if it is the owner's next, 2 if it is the one after
    /// that, and so on; 0 if it does not wait. Positions are counted up to 100.
    ///
    /// # Errors
    /// If the records can't be read.
    pub async fn positions_in_queue(&self, jobs: &[JobRecord]) -> Result<Vec<usize>, JobError> {
        let waits = |job: &JobRecord| job.status == JobStatus::Queued;
        let Some(waiting) = jobs.iter().find(|job| waits(job)) else {
            return Ok(vec![0; jobs.len()]);
        };
        let queued = self
            .ports
            .records
            .oldest_queued(&waiting.owner, POSITION_CAP)
            .await?;
        // A job that was taken since it was read counts as the one that was next.
        let position = |job: &JobRecord| {
            let place = (rounded(job.created_at), job.run_id);
            let before = queued.partition_point(|&(at, run_id)| (rounded(at), run_id) < place);
            if waits(job) {
                (before + 1).min(POSITION_CAP)
            } else {
                0
            }
        };
        Ok(jobs.iter().map(position).collect())
    }
}

/// Stores keep times to the microsecond.
fn rounded(time: Timestamp) -> i64 {
    time.as_microsecond()
}

/// The beginning of the keys of everything that is stored for a run.
pub(crate) fn prefix(run_id: RunId) -> String {
    format!("{run_id}/")
}

/// The key of a run's output.
pub fn output_key(run_id: impl Display, name: &str) -> String {
    format!("{run_id}/data/{name}")
}
