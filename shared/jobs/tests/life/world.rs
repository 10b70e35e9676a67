//! A service in memory, whose process can be killed at any step.

use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use resonare_jobs::ports::{Clock, JobStore, Message, ObjectStore, Queue as _, Unavailable};
use resonare_jobs::testkit::{
    InterceptedPort, Interceptor, ManualClock, MemoryJobStore, MemoryObjectStore, MemoryQueue,
};
use resonare_jobs::{
    Attempt, DropArrival, FailureKind, JobRecord, JobStatus, Jobs, Limits, Observer, Output, Owner,
    Payload, Ports, Processor, RunId, StatsSummary, Step, Submission, Timings, Verdict,
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
    /// The process is dead: nothing that it was at goes on.
    pub(crate) dead: AtomicBool,
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

    async fn die<T>(&self) -> T {
        self.dead.store(true, Ordering::SeqCst);
        self.killed.notify_one();
        std::future::pending().await
    }
}

impl Interceptor for Faults {
    async fn call<T: Send>(
        &self,
        port: &'static str,
        call: impl Future<Output = Result<T, Unavailable>> + Send,
    ) -> Result<T, Unavailable> {
        let failure = || Unavailable {
            port,
            cause: "injected".into(),
        };
        if self.dead.load(Ordering::SeqCst) {
            return std::future::pending().await;
        }
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
}

/// What a payload asks of [`Copier`].
pub(crate) const FAILS: &[u8] = b"fails";
pub(crate) const NEVER_WORKS: &[u8] = b"never works";

/// Stores the payload as an output.
pub(crate) struct Copier {
    pub(crate) objects: Arc<dyn ObjectStore>,
    /// How long it takes; cancellation is looked at meanwhile.
    pub(crate) takes: Duration,
}

#[async_trait]
impl Processor for Copier {
    async fn process(&self, job: &JobRecord, attempt: &Attempt) -> Verdict {
        let retry = |error: Unavailable| Verdict::Retry {
            message: error.to_string(),
        };
        let mut payload = match self.objects.open(&job.payload.key, None).await {
            Ok(Some(payload)) => payload,
            Ok(None) => {
                let message = "the payload is gone".to_owned();
                return Verdict::Failed {
                    kind: FailureKind::Payload,
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
                kind: FailureKind::Input,
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
        let mut writer = match self.objects.create(&key).await {
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

/// What was told of jobs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steps(Arc<Mutex<Vec<(RunId, Step)>>>);

impl Observer for Steps {
    fn step(&self, job: &JobRecord, step: &Step) {
        self.0.lock().unwrap().push((job.run_id, step.clone()));
    }
}

/// Everything that outlives a process, and the process.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) objects: MemoryObjectStore,
    pub(crate) records: MemoryJobStore,
    pub(crate) queue: MemoryQueue,
    pub(crate) faults: Arc<Faults>,
    pub(crate) ports: Ports,
    pub(crate) timings: Timings,
    pub(crate) limits: Limits,
    /// The use cases, over the ports.
    pub(crate) jobs: Jobs,
    steps: Steps,
}

pub(crate) fn owner() -> Owner {
    Owner("ann".to_owned())
}

fn faulty<P>(port: P, faults: &Arc<Faults>) -> Arc<InterceptedPort<P, Faults>> {
    Arc::new(InterceptedPort {
        port,
        interceptor: Arc::clone(faults),
    })
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::at(Timestamp::from_second(1_700_000_000).unwrap());
        let objects = MemoryObjectStore::default();
        let (records, queue) = (MemoryJobStore::default(), MemoryQueue::new(clock.clone()));
        let faults = Arc::new(Faults::default());
        let steps = Steps::default();
        let ports = Ports {
            objects: faulty(objects.clone(), &faults),
            records: faulty(records.clone(), &faults),
            queue: faulty(queue.clone(), &faults),
            clock: Arc::new(clock.clone()),
            observer: Arc::new(steps.clone()),
        };
        let timings = Timings {
            first_pause: Duration::from_secs(1),
            ..Timings::default()
        };
        let limits = Limits {
            active_jobs: 50,
            bytes_per_day: 1 << 30,
            upload_bytes: 1 << 20,
        };
        let world = Self {
            clock,
            objects,
            records,
            queue,
            faults,
            jobs: Jobs::new(ports.clone(), timings, limits),
            ports,
            timings,
            limits,
            steps,
        };
        world.heal();
        world
    }

    /// The operator has set other limits.
    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        self.jobs = Jobs::new(self.ports.clone(), self.timings, limits);
    }

    /// The operator has set another length of leases.
    pub(crate) fn set_lease(&mut self, lease: Duration) {
        self.timings.lease = lease;
        self.jobs = Jobs::new(self.ports.clone(), self.timings, self.limits);
    }

    /// Nothing goes wrong from now on.
    pub(crate) fn heal(&self) {
        self.faults.dead.store(false, Ordering::SeqCst);
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
            last_modified: None,
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

    /// Something that works as [`Copier`] does.
    pub(crate) fn copier(&self, takes: Duration) -> Copier {
        Copier {
            objects: Arc::clone(&self.ports.objects),
            takes,
        }
    }

    /// What a request does: the payload first, then the rest.
    pub(crate) async fn submit(
        &self,
        payload: &[u8],
        key: Option<&str>,
    ) -> Result<RunId, resonare_jobs::JobError> {
        let run_id = self.jobs.reserve().await?;
        let mut submission = Self::submission(run_id, payload.len() as u64);
        submission.idempotency = key.map(|key| (key.to_owned(), format!("{payload:?}")));
        let mut writer = self.jobs.create_payload(&submission.payload.key).await?;
        writer.write_all(payload).unwrap();
        writer.finish().unwrap();
        Ok(self.jobs.submit(submission).await?.run_id)
    }

    /// What an event about an object does that somebody put: the same event is the same job.
    pub(crate) async fn take_drop(&self, key: &str) -> Result<DropArrival, Unavailable> {
        let submission = Self::drop_submission(key);
        let problem = key.contains("wrong").then(|| "no such key".to_owned());
        Box::pin(self.jobs.take_drop(submission, Map::new(), problem)).await
    }

    /// Puts an object without a call.
    pub(crate) fn put(&self, key: &str, bytes: &[u8]) {
        self.objects.put(key, bytes);
    }

    pub(crate) fn drop_submission(key: &str) -> Submission {
        let payload = Payload {
            key: key.to_owned(),
            version: Some("1".to_owned()),
            size_bytes: 5,
            last_modified: None,
            upload: None,
        };
        Submission {
            payload,
            ..Self::submission(RunId::of_object("bucket", key, "1"), 5)
        }
    }

    /// The same with a configuration.
    pub(crate) async fn submit_with(
        &self,
        payload: &[u8],
        config: Map<String, serde_json::Value>,
    ) -> Result<RunId, resonare_jobs::JobError> {
        let run_id = self.jobs.reserve().await?;
        let submission = Submission {
            config,
            ..Self::submission(run_id, payload.len() as u64)
        };
        let mut writer = self.jobs.create_payload(&submission.payload.key).await?;
        writer.write_all(payload).unwrap();
        writer.finish().unwrap();
        Ok(self.jobs.submit(submission).await?.run_id)
    }

    /// The next message of the queue, which is hidden for a minute.
    pub(crate) async fn message(&self) -> Message {
        let received = self.queue.receive(Duration::from_mins(1)).await;
        received.unwrap().expect("a message is visible")
    }

    /// What a worker does with one message; `None` if there is none.
    pub(crate) async fn work(&self) -> Option<Result<resonare_jobs::DeliveryOutcome, Unavailable>> {
        let message = match self.jobs.receive().await {
            Ok(message) => message?,
            Err(error) => return Some(Err(error)),
        };
        let copier = self.copier(Duration::ZERO);
        let never = AtomicBool::new(false);
        // Boxed: the futures of many such calls are parts of the tests'.
        Some(Box::pin(self.jobs.handle(&message, &copier, &never)).await)
    }

    /// Lets time pass, sweeps and works until nothing is left to do.
    pub(crate) async fn settle(&self) {
        for _ in 0..12 {
            self.clock.advance(Duration::from_mins(16));
            self.jobs.sweep(None).await.unwrap();
            while let Some(handled) = self.work().await {
                handled.unwrap();
            }
        }
    }

    /// The steps of a job that were told.
    pub(crate) fn steps(&self, run_id: RunId) -> Vec<Step> {
        let steps = self.steps.0.lock().unwrap();
        let own = steps.iter().filter(|(run, _)| *run == run_id);
        own.map(|(_, step)| step.clone()).collect()
    }

    /// How often a step of a job was told, by its name.
    pub(crate) fn told(&self, run_id: RunId, step: &str) -> usize {
        let steps = self.steps(run_id);
        steps.iter().filter(|told| told.name() == step).count()
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
        let completions = self.records.completions();
        completions.get(&run_id).copied().unwrap_or_default()
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.objects.keys().iter().any(|stored| stored == key)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
