//! Leases in real time: a long job, and deliveries that repeat.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use resonare_jobs::ports::Queue as _;
use resonare_jobs::{
    Attempt, DeliveryOutcome, JobRecord, JobStatus, Jobs, Limits, NoObserver, Owner, Payload,
    Ports, Processor, StatsSummary, Submission, SystemClock, Timings, Verdict,
};
use resonare_local::{Database, FileObjectStore, SqliteJobStore, SqliteQueue};
use serde_json::Map;

const VISIBILITY: Duration = Duration::from_secs(2);
const JOB: Duration = Duration::from_secs(20);

/// Takes its time.
#[derive(Default)]
struct SlowProcessor {
    attempts: AtomicU32,
}

#[async_trait]
impl Processor for SlowProcessor {
    async fn process(&self, _job: &JobRecord, attempt: &Attempt) -> Verdict {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(JOB).await;
        assert!(!attempt.cancelled.load(Ordering::SeqCst));
        Verdict::Completed {
            stats: StatsSummary(Map::new()),
            outputs: Vec::new(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_job_with_a_short_lease_is_claimed_once_whatever_is_delivered_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("jobs.sqlite")).unwrap();
    let queue = Arc::new(SqliteQueue::new(database.clone()));
    let ports = Ports {
        objects: Arc::new(FileObjectStore::open(folder.path()).unwrap()),
        records: Arc::new(SqliteJobStore::new(database)),
        queue: queue.clone(),
        clock: Arc::new(SystemClock),
        observer: Arc::new(NoObserver),
    };
    let timings = Timings {
        lease: VISIBILITY,
        ..Timings::default()
    };
    let jobs = Jobs::new(ports, timings, Limits::NONE);
    let owner = Owner("local".to_owned());
    let run_id = jobs.reserve().await.unwrap();
    let submission = Submission {
        run_id,
        owner: owner.clone(),
        config: Map::new(),
        payload: Payload {
            key: Jobs::payload_key(run_id),
            version: None,
            size_bytes: 0,
            last_modified: None,
            upload: None,
        },
        idempotency: None,
    };
    jobs.submit(submission).await.unwrap();
    let slow = Arc::new(SlowProcessor::default());
    let done = Arc::new(AtomicBool::new(false));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let (jobs, slow, done) = (jobs.clone(), slow.clone(), done.clone());
        workers.spawn(async move {
            let never = AtomicBool::new(false);
            let mut handled = Vec::new();
            while !done.load(Ordering::SeqCst) {
                match jobs.receive().await.unwrap() {
                    Some(message) => {
                        handled.push(jobs.handle(&message, &*slow, &never).await.unwrap());
                    }
                    None => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
            handled
        });
    }
    for _ in 0..JOB.as_secs() + 2 {
        let sent = queue.send(run_id, &owner, Duration::ZERO);
        sent.await.unwrap();
        jobs.sweep(None).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    done.store(true, Ordering::SeqCst);
    let handled: Vec<DeliveryOutcome> = workers.join_all().await.into_iter().flatten().collect();

    let job = jobs.get(&owner, run_id).await.unwrap();
    assert_eq!((job.status, job.attempts), (JobStatus::Completed, 1));
    assert_eq!(slow.attempts.load(Ordering::SeqCst), 1);
    assert_eq!(job.error_message, None);
    assert!(handled.contains(&DeliveryOutcome::Elsewhere));
    assert!(
        !handled.contains(&DeliveryOutcome::Lost) && !handled.contains(&DeliveryOutcome::Postponed)
    );
}
