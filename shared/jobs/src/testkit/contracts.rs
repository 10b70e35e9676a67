//! What every adapter of a port must do.

#![expect(
    clippy::missing_panics_doc,
    reason = "a suite panics where the contract is broken"
)]
#![expect(
    clippy::unwrap_used,
    reason = "a suite panics where the contract is broken"
)]

use std::io::{Read as _, Write as _};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Map;
use uuid::Uuid;

use crate::ports::{Created, IdempotencyKey, JobStore, KeyedRun, ObjectStore, Queue, Written};
use crate::record::{JobRecord, JobStatus, Owner, Payload, RunId, SCHEMA_VERSION};

/// A queued job that was submitted at that second.
pub fn record(owner: &str, second: i64) -> JobRecord {
    let created_at = Timestamp::from_second(second).unwrap();
    let run_id = RunId::generate(created_at);
    JobRecord {
        schema_version: SCHEMA_VERSION,
        revision: 1,
        write_id: Uuid::new_v4(),
        run_id,
        owner: Owner(owner.to_owned()),
        status: JobStatus::Queued,
        created_at,
        updated_at: created_at,
        started_at: None,
        completed_at: None,
        expires_at: created_at + Duration::from_hours(1),
        sent_at: Some(created_at),
        attempts: 0,
        lease: None,
        error_message: None,
        progress: None,
        config: Map::new(),
        tokenizer: None,
        payload: Payload {
            key: format!("{run_id}/payload"),
            version: None,
            size_bytes: 1,
            upload: None,
        },
        idempotency_key: None,
        stats: None,
        outputs: Vec::new(),
    }
}

fn with(record: &JobRecord, change: impl FnOnce(&mut JobRecord)) -> JobRecord {
    let mut next = record.next(record.updated_at);
    change(&mut next);
    next
}

async fn read(store: &dyn ObjectStore, key: &str) -> Option<Vec<u8>> {
    let mut object = store.open(key, None).await.unwrap()?;
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        object.reader.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len() as u64, object.size_bytes);
        bytes
    });
    Some(read.await.unwrap())
}

async fn write(store: &dyn ObjectStore, key: &str, bytes: Vec<u8>, finish: bool) {
    let mut writer = store.create(key).await.unwrap();
    let written = tokio::task::spawn_blocking(move || {
        writer.write_all(&bytes).unwrap();
        if finish {
            writer.finish().unwrap();
        }
    });
    written.await.unwrap();
}

/// The suite of [`ObjectStore`].
pub async fn object_store_contract(store: &dyn ObjectStore) {
    let run_id = RunId::generate(Timestamp::now());
    let (payload, train) = (
        format!("{run_id}/payload"),
        format!("{run_id}/data/train.jsonl"),
    );

    // What is not there is no error.
    assert!(read(store, &payload).await.is_none());
    store.remove_all(&format!("{run_id}/")).await.unwrap();

    // An object appears when it is finished, whole, and not at all if it is not.
    write(store, &payload, b"never".to_vec(), false).await;
    assert!(read(store, &payload).await.is_none());
    let large: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    write(store, &payload, large.clone(), true).await;
    assert!(read(store, &payload).await.unwrap() == large);

    // A later one replaces it; an unfinished later one does not.
    write(store, &payload, b"second".to_vec(), true).await;
    write(store, &payload, b"third".to_vec(), false).await;
    assert_eq!(read(store, &payload).await.unwrap(), b"second");

    // Who reads goes on reading what was there when it was opened.
    let mut open = store.open(&payload, None).await.unwrap().unwrap();
    write(store, &payload, b"fourth".to_vec(), true).await;
    let bytes = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        open.reader.read_to_end(&mut bytes).map(|_| bytes)
    });
    assert!(
        bytes
            .await
            .unwrap()
            .is_ok_and(|bytes| bytes == b"second" || bytes == b"fourth")
    );

    // An empty object is an object.
    write(store, &train, Vec::new(), true).await;
    assert_eq!(read(store, &train).await.unwrap(), b"");

    // One object is removed, and none whose key only begins like it.
    write(store, &format!("{payload}-2"), b"2".to_vec(), true).await;
    for _ in 0..2 {
        store.remove(&payload, None).await.unwrap();
        assert!(read(store, &payload).await.is_none());
        assert!(read(store, &format!("{payload}-2")).await.is_some());
    }
    write(store, &payload, b"fifth".to_vec(), true).await;

    // A prefix is removed with everything below it and nothing beside it.
    let other = RunId::generate(Timestamp::now());
    write(store, &format!("{other}/payload"), b"other".to_vec(), true).await;
    store.remove_all(&payload).await.unwrap();
    assert!(read(store, &payload).await.is_none());
    assert!(read(store, &train).await.is_some());
    store.remove_all(&format!("{run_id}/")).await.unwrap();
    assert!(read(store, &train).await.is_none());
    assert!(read(store, &format!("{other}/payload")).await.is_some());
    store.remove_all(&format!("{run_id}/")).await.unwrap();

    // New objects are not old.
    assert_eq!(
        store
            .runs_older_than(Duration::from_hours(1))
            .await
            .unwrap(),
        []
    );
}

/// The suite of [`JobStore`].
pub async fn job_store_contract(store: &dyn JobStore) {
    conditional_writes(store).await;
    lists(store).await;
    due_records(store).await;
    idempotency_keys(store).await;
    active_jobs(store).await;
    uploads(store).await;
}

async fn conditional_writes(store: &dyn JobStore) {
    let first = record("conditional", 1000);
    assert_eq!(store.get(first.run_id).await.unwrap(), None);
    assert_eq!(
        store.replace(&with(&first, |_| {})).await.unwrap(),
        Written::Conflict
    );
    assert_eq!(
        store.create(&first, None, usize::MAX).await.unwrap(),
        Created::Done
    );
    assert_eq!(store.get(first.run_id).await.unwrap(), Some(first.clone()));

    // A second creation, also a repeated one, changes nothing.
    assert_eq!(
        store
            .create(&with(&first, |_| {}), None, usize::MAX)
            .await
            .unwrap(),
        Created::Conflict
    );
    assert_eq!(
        store.create(&first, None, usize::MAX).await.unwrap(),
        Created::Conflict
    );
    assert_eq!(store.get(first.run_id).await.unwrap(), Some(first.clone()));

    // Of two changes of one revision, one happens.
    let (one, two) = (
        with(&first, |next| next.attempts = 1),
        with(&first, |next| next.attempts = 2),
    );
    let (a, b) = tokio::join!(store.replace(&one), store.replace(&two));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert!((a == Written::Done) != (b == Written::Done), "{a:?} {b:?}");
    let stored = store.get(first.run_id).await.unwrap().unwrap();
    assert_eq!(stored, if a == Written::Done { one.clone() } else { two });

    // A late change of an old revision is refused.
    assert_eq!(store.replace(&one).await.unwrap(), Written::Conflict);
    assert_eq!(store.remove(&first).await.unwrap(), Written::Conflict);
    assert_eq!(store.remove(&stored).await.unwrap(), Written::Done);
    assert_eq!(store.get(first.run_id).await.unwrap(), None);
    assert_eq!(store.remove(&stored).await.unwrap(), Written::Done);
    assert_eq!(
        store.replace(&with(&stored, |_| {})).await.unwrap(),
        Written::Conflict
    );
}

async fn lists(store: &dyn JobStore) {
    let mut records = Vec::new();
    for second in 2000..2007 {
        let record = record("lister", second);
        store.create(&record, None, usize::MAX).await.unwrap();
        records.push(record);
    }
    store
        .create(&record("somebody else", 2003), None, usize::MAX)
        .await
        .unwrap();
    records.reverse();

    // Newest first, in pages without gaps or repetitions, and nobody else's.
    let owner = Owner("lister".to_owned());
    let (mut seen, mut cursor, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = store
            .list(&owner, None, cursor.as_deref(), 3)
            .await
            .unwrap();
        assert!(page.records.len() <= 3);
        seen.extend(page.records);
        pages += 1;
        cursor = page.next;
        if cursor.is_none() || pages > 9 {
            break;
        }
    }
    assert_eq!(seen, records);

    // By status, which changes with the record.
    let running = with(&records[2], |next| next.status = JobStatus::Running);
    assert_eq!(store.replace(&running).await.unwrap(), Written::Done);
    let page = store
        .list(&owner, Some(JobStatus::Running), None, 9)
        .await
        .unwrap();
    assert_eq!(page.records, [running]);
    let queued = store
        .list(&owner, Some(JobStatus::Queued), None, 9)
        .await
        .unwrap();
    assert_eq!(queued.records.len(), 6);

    for (status, cap, count) in [
        (JobStatus::Queued, 99, 6),
        (JobStatus::Queued, 2, 2),
        (JobStatus::Running, 9, 1),
        (JobStatus::Failed, 9, 0),
    ] {
        assert_eq!(store.count(&owner, status, cap).await.unwrap(), count);
    }

    // The queue is everybody's, oldest first. Other jobs may be older.
    let queue = store.oldest_queued(1000).await.unwrap();
    let place = |record: &JobRecord| {
        queue
            .iter()
            .position(|(_, run_id)| *run_id == record.run_id)
    };
    let first = place(&records[6]).unwrap();
    assert_eq!(queue[first].0, records[6].created_at);
    assert_eq!(place(&records[5]), Some(first + 1));
    assert_eq!(place(&records[2]), None, "it runs");
    assert_eq!(
        place(&records[0]),
        Some(first + 6),
        "one is somebody else's"
    );
    assert_eq!(
        store.oldest_queued(first + 1).await.unwrap(),
        queue[..=first]
    );
    for record in store.list(&owner, None, None, 99).await.unwrap().records {
        assert_eq!(store.remove(&record).await.unwrap(), Written::Done);
    }
    assert_eq!(store.list(&owner, None, None, 9).await.unwrap().records, []);
}

async fn due_records(store: &dyn JobStore) {
    let now = Timestamp::from_second(3000).unwrap();
    let waiting = record("due", 3000);
    let completed = with(&record("due", 3000), |next| {
        next.revision = 1;
        next.status = JobStatus::Completed;
    });
    for record in [&waiting, &completed] {
        assert_eq!(
            store.create(record, None, usize::MAX).await.unwrap(),
            Created::Done
        );
    }
    let due = |now| async move {
        let (mut due, mut cursor) = (Vec::new(), None);
        loop {
            let page = store.due(now, cursor.as_deref(), 2).await.unwrap();
            due.extend(page.records.into_iter().map(|record| record.run_id));
            cursor = page.next;
            if cursor.is_none() {
                return due;
            }
        }
    };
    let now_due = due(now).await;
    assert!(now_due.contains(&waiting.run_id) && !now_due.contains(&completed.run_id));
    let later_due = due(now + Duration::from_hours(1)).await;
    assert!(later_due.contains(&waiting.run_id) && later_due.contains(&completed.run_id));
}

async fn idempotency_keys(store: &dyn JobStore) {
    let owner = Owner("keyed".to_owned());
    let key = |fingerprint: &str, second| IdempotencyKey {
        key: "k".to_owned(),
        fingerprint: fingerprint.to_owned(),
        expires_at: Timestamp::from_second(second).unwrap(),
    };
    let bound = async |second| {
        let now = Timestamp::from_second(second).unwrap();
        let run = store.run_of_key(&owner, "k", now).await.unwrap();
        run.map(|run| (run.run_id, run.fingerprint))
    };
    let create = async |record: &JobRecord, key: &IdempotencyKey| {
        store.create(record, Some(key), usize::MAX).await.unwrap()
    };
    assert_eq!(bound(1000).await, None);
    let keyed = |second| {
        let mut keyed = record("keyed", second);
        keyed.idempotency_key = Some("k".to_owned());
        keyed
    };
    let (first, second, third) = (keyed(1000), keyed(1001), keyed(1100));
    assert_eq!(create(&first, &key("f", 1100)).await, Created::Done);
    assert_eq!(bound(1001).await, Some((first.run_id, "f".to_owned())));

    // A bound key lets no other run be created; another owner's is another key.
    let before = Created::Before(KeyedRun {
        run_id: first.run_id,
        fingerprint: "f".to_owned(),
    });
    assert_eq!(create(&second, &key("g", 1101)).await, before);
    assert_eq!(store.get(second.run_id).await.unwrap(), None);
    let mut others = record("another", 1001);
    others.idempotency_key = Some("k".to_owned());
    assert_eq!(create(&others, &key("f", 1101)).await, Created::Done);

    // It can be bound again once it has expired, and once its job is removed.
    assert_eq!(bound(1100).await, None);
    assert_eq!(create(&third, &key("h", 1200)).await, Created::Done);
    assert_eq!(bound(1100).await, Some((third.run_id, "h".to_owned())));
    assert_eq!(store.remove(&first).await.unwrap(), Written::Done);
    assert_eq!(
        bound(1100).await,
        Some((third.run_id, "h".to_owned())),
        "it was another's by then"
    );
    assert_eq!(store.remove(&third).await.unwrap(), Written::Done);
    assert_eq!(bound(1100).await, None);
    assert_eq!(create(&second, &key("g", 1101)).await, Created::Done);
    for record in [&second, &others] {
        assert_eq!(store.remove(record).await.unwrap(), Written::Done);
    }
}

async fn active_jobs(store: &dyn JobStore) {
    let create = async |record: &JobRecord| store.create(record, None, 2).await.unwrap();
    let jobs = [1, 2, 3].map(|second| record("limited", second));
    assert_eq!(create(&jobs[0]).await, Created::Done);
    assert_eq!(create(&jobs[1]).await, Created::Done);
    assert_eq!(create(&jobs[2]).await, Created::TooMany);
    assert_eq!(create(&record("unlimited", 1)).await, Created::Done);
    let failed = with(&record("limited", 4), |next| {
        next.status = JobStatus::Failed;
    });
    let failed = JobRecord {
        revision: 1,
        ..failed
    };
    assert_eq!(create(&failed).await, Created::Done, "it is not active");
}

async fn uploads(store: &dyn JobStore) {
    let owner = Owner("uploader".to_owned());
    let add = |day, bytes| store.add_upload(&owner, day, bytes, 100);
    assert_eq!(add(1, 60).await.unwrap(), Written::Done);
    assert_eq!(add(1, 41).await.unwrap(), Written::Conflict);
    assert_eq!(add(1, 40).await.unwrap(), Written::Done);
    assert_eq!(add(1, 1).await.unwrap(), Written::Conflict);
    assert_eq!(add(2, 100).await.unwrap(), Written::Done);
    assert_eq!(add(3, u64::MAX).await.unwrap(), Written::Conflict);
}

/// The suite of [`Queue`]. `wait` lets time pass for it.
pub async fn queue_contract<W: Future<Output = ()>>(
    queue: &dyn Queue,
    wait: impl Fn(Duration) -> W,
) {
    const SHORT: Duration = Duration::from_secs(1);
    const LONG: Duration = Duration::from_secs(30);
    const MARGIN: Duration = Duration::from_millis(1300);
    let run_id = RunId::generate(Timestamp::now());
    assert_eq!(queue.receive(LONG).await.unwrap(), None);

    // A received message is hidden, and comes back with another receipt.
    queue.send(run_id, Duration::ZERO).await.unwrap();
    let first = queue.receive(SHORT).await.unwrap().unwrap();
    assert_eq!(first.run_id, run_id);
    assert_eq!(queue.receive(LONG).await.unwrap(), None);
    wait(MARGIN).await;
    let second = queue.receive(SHORT).await.unwrap().unwrap();
    assert_eq!(second.run_id, run_id);
    assert_ne!(second.receipt, first.receipt);

    // The first receipt is worth nothing any more; the second hides it for longer, or shows it.
    queue.acknowledge(&first.receipt).await.unwrap();
    queue.hide(&second.receipt, LONG).await.unwrap();
    wait(MARGIN).await;
    assert_eq!(queue.receive(LONG).await.unwrap(), None);
    queue.hide(&second.receipt, Duration::ZERO).await.unwrap();
    let third = queue.receive(LONG).await.unwrap().unwrap();
    assert_eq!(third.run_id, run_id);

    // An acknowledged message is gone for good.
    queue.acknowledge(&third.receipt).await.unwrap();
    queue.acknowledge(&third.receipt).await.unwrap();
    queue.hide(&third.receipt, Duration::ZERO).await.unwrap();
    assert_eq!(queue.receive(LONG).await.unwrap(), None);

    // A delayed message comes late, and each of several comes once.
    let other = RunId::generate(Timestamp::now());
    queue.send(run_id, SHORT).await.unwrap();
    queue.send(other, Duration::ZERO).await.unwrap();
    let now = queue.receive(LONG).await.unwrap().unwrap();
    assert_eq!(now.run_id, other);
    assert_eq!(queue.receive(LONG).await.unwrap(), None);
    wait(MARGIN).await;
    let late = queue.receive(LONG).await.unwrap().unwrap();
    assert_eq!(late.run_id, run_id);
    for message in [now, late] {
        queue.acknowledge(&message.receipt).await.unwrap();
    }
    assert_eq!(queue.receive(LONG).await.unwrap(), None);
}
