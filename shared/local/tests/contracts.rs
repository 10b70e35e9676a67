//! The local adapters keep the contracts that all adapters keep, and what they store survives.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use resonare_jobs::ports::{Clock as _, Creation, JobStore as _, ObjectStore as _, Queue as _};
use resonare_jobs::testkit::{
    ManualClock, job_store_contract, object_store_contract, queue_contract, record,
};
use resonare_jobs::{JobStatus, Jobs, Limits, NoObserver, Owner, Ports, Tally, Timings};
use resonare_local::{Census, Database, FileObjectStore, SqliteJobStore, SqliteQueue};

#[tokio::test]
async fn records_keep_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("jobs.db")).unwrap();
    job_store_contract(&SqliteJobStore::new(database)).await;
}

#[tokio::test]
async fn the_queue_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("jobs.db")).unwrap();
    queue_contract(&SqliteQueue::new(database), tokio::time::sleep).await;
}

#[tokio::test]
async fn objects_keep_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    object_store_contract(&FileObjectStore::open(folder.path()).unwrap()).await;
}

#[tokio::test]
async fn jobs_and_messages_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("jobs.db")).unwrap();
    let empty = Census::take(&database).await.unwrap();
    assert_eq!(empty.jobs, JobStatus::ALL.map(|status| (status, 0)));
    assert_eq!((empty.oldest_queued, empty.messages), (None, 0));

    let (records, queue) = (
        SqliteJobStore::new(database.clone()),
        SqliteQueue::new(database.clone()),
    );
    let mut completed = record("ann", 1);
    completed.status = JobStatus::Completed;
    for job in [record("ann", 3), record("bob", 2), completed] {
        let creation = Creation {
            record: &job,
            key: None,
            limits: Limits::NONE,
            reserved: false,
        };
        records.create(creation).await.unwrap();
        let sent = queue.send(job.run_id, &job.owner, Duration::ZERO);
        sent.await.unwrap();
    }
    queue.receive(Duration::from_secs(9)).await.unwrap();
    let census = Census::take(&database).await.unwrap();
    let counts = [JobStatus::Queued, JobStatus::Completed].map(|status| census.count(status));
    assert_eq!(counts, [2, 1]);
    assert_eq!(census.oldest_queued, Some(record("bob", 2).created_at));
    assert_eq!(census.messages, 3, "one that is hidden counts");
}

#[tokio::test]
async fn another_process_finds_what_was_stored_and_nothing_unfinished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    let job = record("ann", 1000);
    {
        let database = Database::open(&path).unwrap();
        let creation = Creation {
            record: &job,
            key: None,
            limits: Limits::NONE,
            reserved: false,
        };
        SqliteJobStore::new(database.clone())
            .create(creation)
            .await
            .unwrap();
        SqliteQueue::new(database)
            .send(job.run_id, &job.owner, Duration::ZERO)
            .await
            .unwrap();
        let objects = FileObjectStore::open(folder.path()).unwrap();
        let mut unfinished = objects.create(&job.payload.key).await.unwrap();
        unfinished.write_all(b"half").unwrap();
        // A killed process does not clean up.
        std::mem::forget(unfinished);
    }
    let database = Database::open(&path).unwrap();
    assert_eq!(
        SqliteJobStore::new(database.clone())
            .get(job.run_id)
            .await
            .unwrap(),
        Some(job.clone())
    );
    let message = SqliteQueue::new(database)
        .receive(Duration::from_secs(9))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(message.run_id, job.run_id);
    let objects = FileObjectStore::open(folder.path()).unwrap();
    assert!(
        objects
            .open(&job.payload.key, None)
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(
        std::fs::read_dir(folder.path().join(".staging"))
            .unwrap()
            .count(),
        0
    );
}

#[tokio::test]
async fn the_records_of_an_earlier_version_stay_readable() {
    // As version 1 wrote it, without the fields that have defaults.
    let json = r#"{"schema_version":1,"revision":3,"write_id":"7f1c9a3e-0c53-4d43-8d7f-3f7a36ab62a1",
        "run_id":"018bcfe5-6800-7000-8000-000000000000","owner":"ann","status":"QUEUED",
        "created_at":"2023-11-14T22:13:20Z","updated_at":"2023-11-14T22:13:20Z",
        "expires_at":"2023-11-21T22:13:20Z","config":{"salvage":false},
        "payload":{"key":"k","version":null,"size_bytes":5}}"#;
    let record: resonare_jobs::JobRecord = serde_json::from_str(json).unwrap();
    assert_eq!((record.attempts, record.revision), (0, 3));
}

/// A database as version 0.1 left it when it was killed, with five unfinished jobs.
const VERSION_0_1: &str = include_str!("fixtures/jobs-0.1.sql");

#[tokio::test]
async fn a_database_of_version_0_1_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(VERSION_0_1).unwrap();
    drop(old);
    for _ in 0..2 {
        Database::open(&path).unwrap();
    }
    let database = Database::open(&path).unwrap();
    let (records, queue) = (
        SqliteJobStore::new(database.clone()),
        SqliteQueue::new(database),
    );
    let owner = Owner("local".to_owned());
    let statuses = async || {
        let page = records.list(&owner, None, None, 99).await.unwrap();
        let mut statuses: Vec<_> = page.records.iter().map(|job| job.status.name()).collect();
        statuses.sort_unstable();
        statuses
    };
    let mut expected = vec!["AWAITING_UPLOAD"];
    expected.extend(["COMPLETED"; 5]);
    expected.push("FAILED");
    expected.extend(["QUEUED"; 3]);
    expected.push("RUNNING");
    assert_eq!(statuses().await, expected);
    let completed = Some(JobStatus::Completed);
    let page = records.list(&owner, completed, None, 99).await.unwrap();
    assert_eq!(page.records.len(), 5);

    // The first look at what is unfinished counts it.
    assert_eq!(records.counters(&owner).await.unwrap(), Tally::default());
    let clock = ManualClock::at(page.records[0].updated_at);
    records.recover(clock.now()).await.unwrap();
    queue.recover().await.unwrap();
    let ports = Ports {
        objects: Arc::new(FileObjectStore::open(folder.path()).unwrap()),
        records: Arc::new(records.clone()),
        queue: Arc::new(queue),
        clock: Arc::new(clock),
        observer: Arc::new(NoObserver),
    };
    let jobs = Jobs::new(ports, Timings::default(), Limits::NONE);
    let swept = jobs.recover().await.unwrap();
    assert_eq!((swept.looked_at, swept.left), (5, 0));
    let counted = records.counters(&owner).await.unwrap();
    assert_eq!((counted.active, counted.queued, counted.running), (5, 4, 0));
    let page = records.list(&owner, None, None, 99).await.unwrap();
    for job in page.records.iter().filter(|job| job.status.is_active()) {
        jobs.delete(&owner, job.run_id).await.unwrap();
    }
    assert_eq!(records.counters(&owner).await.unwrap(), Tally::default());
}

#[tokio::test]
async fn a_database_of_a_later_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    let later = rusqlite::Connection::open(&path).unwrap();
    later.execute_batch("PRAGMA user_version = 99").unwrap();
    let error = Database::open(&path).unwrap_err();
    assert!(error.to_string().contains("later version"), "{error}");
}
