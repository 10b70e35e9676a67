//! The local adapters keep the contracts that all adapters keep, and what they store survives.

use std::io::Write as _;
use std::time::Duration;

use resonare_jobs::ports::{JobStore as _, ObjectStore as _, Queue as _};
use resonare_jobs::testkit::{job_store_contract, object_store_contract, queue_contract, record};
use resonare_local::{Database, FileObjectStore, SqliteJobStore, SqliteQueue};

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
async fn another_process_finds_what_was_stored_and_nothing_unfinished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    let job = record("ann", 1000);
    {
        let database = Database::open(&path).unwrap();
        SqliteJobStore::new(database.clone())
            .create(&job, None, usize::MAX)
            .await
            .unwrap();
        SqliteQueue::new(database)
            .send(job.run_id, Duration::ZERO)
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
