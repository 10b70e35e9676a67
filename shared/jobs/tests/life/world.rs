//! A service in memory, whose process can be killed at any step.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use resonare_jobs::ports::{
    Clock, Created, IdempotencyKey, JobStore, KeyedRun, Message, ObjectReader, ObjectStore,
    ObjectWriter, Page, Queue, Unavailable, Written,
};
use resonare_jobs::testkit::{ManualClock, MemoryJobStore, MemoryObjectStore, MemoryQueue};
use resonare_jobs::{
    Attempt, JobRecord, JobStatus, Jobs, Limits, Output, Owner, Payload, Processor, RunId,
    StatsSummary, Submission, Timings, Verdict,
};
use serde_json::Map;

/// What goes wrong with the next calls of the ports.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// Calls until the process is killed; none is ever reached at `u64::MAX`.
    pub(crate) calls_left: AtomicU64,
    /// The call at which the process dies happens before it does.
    pub(crate) dies_after: AtomicBool,
    /// Calls until one fails.
    pub(crate) fails_in: AtomicU64,
    /// The call that fails happens all the same: its answer is lost.
    pub(crate) answer_is_lost: AtomicBool,
    pub(crate) killed: tokio::sync::Notify,
}

/// Whether a call is to happen, and how it ends.
enum Fate {
    Happens,
    DiesBefore,
    DiesAfter,
    Fails,
    FailsAfterwards,
}

impl Faults {
    fn fate(&self) -> Fate {
        let die = self.calls_left.fetch_sub(1, Ordering::SeqCst) == 1;
        let fail = self.fails_in.fetch_sub(1, Ordering::SeqCst) == 1;
        match (die, fail) {
            (true, _) if self.dies_after.load(Ordering::SeqCst) => Fate::DiesAfter,
            (true, _) => Fate::DiesBefore,
            (_, true) if self.answer_is_lost.load(Ordering::SeqCst) => Fate::FailsAfterwards,
            (_, true) => Fate::Fails,
            _ => Fate::Happens,
        }
    }

    async fn call<T>(
        &self,
        port: &'static str,
        call: impl Future<Output = Result<T, Unavailable>>,
    ) -> Result<T, Unavailable> {
        let failure = || Unavailable {
            port,
            cause: "injected".into(),
        };
        match self.fate() {
            Fate::Happens => call.await,
            Fate::DiesBefore => self.die().await,
            Fate::DiesAfter => {
                let _lost = call.await;
                self.die().await
            }
            Fate::Fails => Err(failure()),
            Fate::FailsAfterwards => {
                let _lost = call.await;
                Err(failure())
            }
        }
    }

    async fn die<T>(&self) -> T {
        self.killed.notify_one();
        std::future::pending().await
    }
}

/// A port whose calls may go wrong.
#[derive(Clone)]
struct Faulty<P> {
    port: P,
    faults: Arc<Faults>,
}

#[async_trait]
impl ObjectStore for Faulty<MemoryObjectStore> {
    async fn create(&self, key: &str) -> Result<Box<dyn ObjectWriter>, Unavailable> {
        self.faults.call("objects", self.port.create(key)).await
    }
    async fn open(
        &self,
        key: &str,
        version: Option<&str>,
    ) -> Result<Option<ObjectReader>, Unavailable> {
        self.faults
            .call("objects", self.port.open(key, version))
            .await
    }
    async fn remove(&self, key: &str, version: Option<&str>) -> Result<(), Unavailable> {
        self.faults
            .call("objects", self.port.remove(key, version))
            .await
    }
    async fn remove_all(&self, prefix: &str) -> Result<(), Unavailable> {
        self.faults
            .call("objects", self.port.remove_all(prefix))
            .await
    }
    async fn runs_older_than(&self, age: Duration) -> Result<Vec<RunId>, Unavailable> {
        self.faults
            .call("objects", self.port.runs_older_than(age))
            .await
    }
}

/// Records, with a log of the commits.
#[derive(Clone)]
struct Watched {
    store: MemoryJobStore,
    commits: Arc<Mutex<HashMap<RunId, u32>>>,
}

#[async_trait]
impl JobStore for Faulty<Watched> {
    async fn create(
        &self,
        record: &JobRecord,
        key: Option<&IdempotencyKey>,
        active_limit: usize,
    ) -> Result<Created, Unavailable> {
        self.faults
            .call("records", self.port.store.create(record, key, active_limit))
            .await
    }
    async fn run_of_key(
        &self,
        owner: &Owner,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<KeyedRun>, Unavailable> {
        self.faults
            .call("records", self.port.store.run_of_key(owner, key, now))
            .await
    }
    async fn get(&self, run_id: RunId) -> Result<Option<JobRecord>, Unavailable> {
        self.faults
            .call("records", self.port.store.get(run_id))
            .await
    }
    async fn replace(&self, record: &JobRecord) -> Result<Written, Unavailable> {
        let write = async {
            let written = self.port.store.replace(record).await?;
            if written == Written::Done && record.status == JobStatus::Completed {
                *self
                    .port
                    .commits
                    .lock()
                    .unwrap()
                    .entry(record.run_id)
                    .or_default() += 1;
            }
            Ok(written)
        };
        self.faults.call("records", write).await
    }
    async fn remove(&self, record: &JobRecord) -> Result<Written, Unavailable> {
        self.faults
            .call("records", self.port.store.remove(record))
            .await
    }
    async fn list(
        &self,
        owner: &Owner,
        status: Option<JobStatus>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page, Unavailable> {
        self.faults
            .call(
                "records",
                self.port.store.list(owner, status, cursor, limit),
            )
            .await
    }
    async fn due(
        &self,
        now: Timestamp,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page, Unavailable> {
        self.faults
            .call("records", self.port.store.due(now, cursor, limit))
            .await
    }
    async fn count(
        &self,
        owner: &Owner,
        status: JobStatus,
        cap: usize,
    ) -> Result<usize, Unavailable> {
        self.faults
            .call("records", self.port.store.count(owner, status, cap))
            .await
    }
    async fn oldest_queued(&self, limit: usize) -> Result<Vec<(Timestamp, RunId)>, Unavailable> {
        self.faults
            .call("records", self.port.store.oldest_queued(limit))
            .await
    }
    async fn add_upload(
        &self,
        owner: &Owner,
        day: i64,
        bytes: u64,
        limit: u64,
    ) -> Result<Written, Unavailable> {
        self.faults
            .call(
                "records",
                self.port.store.add_upload(owner, day, bytes, limit),
            )
            .await
    }
}

#[async_trait]
impl Queue for Faulty<MemoryQueue> {
    async fn send(&self, run_id: RunId, delay: Duration) -> Result<(), Unavailable> {
        self.faults
            .call("queue", self.port.send(run_id, delay))
            .await
    }
    async fn receive(&self, visibility: Duration) -> Result<Option<Message>, Unavailable> {
        self.faults
            .call("queue", self.port.receive(visibility))
            .await
    }
    async fn hide(&self, receipt: &str, visibility: Duration) -> Result<(), Unavailable> {
        self.faults
            .call("queue", self.port.hide(receipt, visibility))
            .await
    }
    async fn acknowledge(&self, receipt: &str) -> Result<(), Unavailable> {
        self.faults
            .call("queue", self.port.acknowledge(receipt))
            .await
    }
}

/// What a payload asks of [`Copier`].
pub(crate) const FAILS: &[u8] = b"fails";
pub(crate) const NEVER_WORKS: &[u8] = b"never works";

/// Stores the payload as an output.
pub(crate) struct Copier {
    pub(crate) jobs: Jobs,
    /// How long it takes; cancellation is looked at meanwhile.
    pub(crate) takes: Duration,
}

#[async_trait]
impl Processor for Copier {
    async fn process(&self, job: &JobRecord, attempt: &Attempt) -> Verdict {
        let retry = |error: Unavailable| Verdict::Retry {
            message: error.to_string(),
        };
        let mut payload = match self.jobs.objects.open(&job.payload.key, None).await {
            Ok(Some(payload)) => payload,
            Ok(None) => {
                let message = "the payload is gone".to_owned();
                return Verdict::Failed {
                    message,
                    stats: None,
                    outputs: Vec::new(),
                };
            }
            Err(error) => return retry(error),
        };
        let mut bytes = Vec::new();
        payload.reader.read_to_end(&mut bytes).unwrap();
        let end = tokio::time::Instant::now() + self.takes;
        while tokio::time::Instant::now() < end {
            if attempt.cancelled.load(Ordering::Relaxed) {
                return Verdict::Cancelled;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        if bytes == FAILS {
            let message = "the export is no export".to_owned();
            return Verdict::Failed {
                message,
                stats: None,
                outputs: Vec::new(),
            };
        }
        if bytes == NEVER_WORKS {
            return Verdict::Retry {
                message: "the hub is down".to_owned(),
            };
        }
        let key = format!("{}/data/train.jsonl", job.run_id);
        let mut writer = match self.jobs.objects.create(&key).await {
            Ok(writer) => writer,
            Err(error) => return retry(error),
        };
        writer.write_all(&bytes).unwrap();
        writer.finish().unwrap();
        let outputs = vec![Output {
            name: "train.jsonl".to_owned(),
            size_bytes: bytes.len() as u64,
        }];
        Verdict::Completed {
            stats: StatsSummary(Map::new()),
            outputs,
        }
    }
}

/// Everything that outlives a process, and the process.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) objects: MemoryObjectStore,
    pub(crate) records: MemoryJobStore,
    pub(crate) queue: MemoryQueue,
    pub(crate) faults: Arc<Faults>,
    pub(crate) commits: Arc<Mutex<HashMap<RunId, u32>>>,
    pub(crate) jobs: Jobs,
}

pub(crate) fn owner() -> Owner {
    Owner("ann".to_owned())
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::at(Timestamp::from_second(1_700_000_000).unwrap());
        let objects = MemoryObjectStore::new(clock.clone());
        let (records, queue) = (MemoryJobStore::default(), MemoryQueue::new(clock.clone()));
        let faults = Arc::new(Faults::default());
        let commits = Arc::default();
        let watched = Watched {
            store: records.clone(),
            commits: Arc::clone(&commits),
        };
        let faulty = Arc::clone(&faults);
        let jobs = Jobs {
            objects: Arc::new(Faulty {
                port: objects.clone(),
                faults: Arc::clone(&faulty),
            }),
            records: Arc::new(Faulty {
                port: watched,
                faults: Arc::clone(&faulty),
            }),
            queue: Arc::new(Faulty {
                port: queue.clone(),
                faults: faulty,
            }),
            clock: Arc::new(clock.clone()),
            timings: Timings {
                first_pause: Duration::from_secs(1),
                ..Timings::default()
            },
            limits: Limits {
                active_jobs: 50,
                bytes_per_day: 1 << 30,
                upload_bytes: 1 << 20,
            },
        };
        let world = Self {
            clock,
            objects,
            records,
            queue,
            faults,
            commits,
            jobs,
        };
        world.heal();
        world
    }

    /// Nothing goes wrong from now on.
    pub(crate) fn heal(&self) {
        self.faults.calls_left.store(u64::MAX, Ordering::SeqCst);
        self.faults.fails_in.store(u64::MAX, Ordering::SeqCst);
    }

    pub(crate) fn kill_at(&self, call: u64, after: bool) {
        self.faults.calls_left.store(call, Ordering::SeqCst);
        self.faults.dies_after.store(after, Ordering::SeqCst);
    }

    pub(crate) fn fail_at(&self, call: u64, answer_is_lost: bool) {
        self.faults.fails_in.store(call, Ordering::SeqCst);
        self.faults
            .answer_is_lost
            .store(answer_is_lost, Ordering::SeqCst);
    }

    /// Runs a part of the process until it ends or the process is killed.
    pub(crate) async fn until_killed<T>(&self, part: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.faults.killed.notified() => None,
            done = part => Some(done),
        }
    }

    pub(crate) fn submission(run_id: RunId, size_bytes: u64) -> Submission {
        let payload = Payload {
            key: Jobs::payload_key(run_id),
            version: None,
            size_bytes,
            upload: None,
        };
        Submission {
            run_id,
            owner: owner(),
            config: Map::new(),
            payload,
            idempotency: None,
        }
    }

    /// What a request does: the payload first, then the rest.
    pub(crate) async fn submit(
        &self,
        payload: &[u8],
        key: Option<&str>,
    ) -> Result<RunId, resonare_jobs::JobError> {
        let run_id = RunId::generate(self.clock.now());
        let mut submission = Self::submission(run_id, payload.len() as u64);
        submission.idempotency = key.map(|key| (key.to_owned(), format!("{payload:?}")));
        let mut writer = self.jobs.objects.create(&submission.payload.key).await?;
        writer.write_all(payload).unwrap();
        writer.finish().unwrap();
        Ok(self.jobs.submit(submission).await?.run_id)
    }

    /// The same with a configuration.
    pub(crate) async fn submit_with(
        &self,
        payload: &[u8],
        config: Map<String, serde_json::Value>,
    ) -> Result<RunId, resonare_jobs::JobError> {
        let run_id = RunId::generate(self.clock.now());
        let submission = Submission {
            config,
            ..Self::submission(run_id, payload.len() as u64)
        };
        let mut writer = self.jobs.objects.create(&submission.payload.key).await?;
        writer.write_all(payload).unwrap();
        writer.finish().unwrap();
        Ok(self.jobs.submit(submission).await?.run_id)
    }

    /// What a worker does with one message; `None` if there is none.
    pub(crate) async fn work(&self) -> Option<Result<resonare_jobs::Handled, Unavailable>> {
        let message = match self.jobs.queue.receive(self.jobs.timings.lease).await {
            Ok(message) => message?,
            Err(error) => return Some(Err(error)),
        };
        let copier = Copier {
            jobs: self.jobs.clone(),
            takes: Duration::ZERO,
        };
        Some(
            self.jobs
                .handle(&message, &copier, &AtomicBool::new(false))
                .await,
        )
    }

    /// Lets time pass, sweeps and works until nothing is left to do.
    pub(crate) async fn settle(&self) {
        for _ in 0..12 {
            self.clock.advance(Duration::from_mins(16));
            self.jobs.sweep().await.unwrap();
            while let Some(handled) = self.work().await {
                handled.unwrap();
            }
        }
    }

    pub(crate) async fn status(&self, run_id: RunId) -> Option<JobStatus> {
        self.records
            .get(run_id)
            .await
            .unwrap()
            .map(|record| record.status)
    }

    /// The commits of a job so far.
    pub(crate) fn commits(&self, run_id: RunId) -> u32 {
        self.commits
            .lock()
            .unwrap()
            .get(&run_id)
            .copied()
            .unwrap_or_default()
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.objects.keys().iter().any(|stored| stored == key)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
