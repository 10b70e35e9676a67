//! What every store of records must do.

#![expect(
    clippy::unwrap_used,
    reason = "a suite panics where the contract is broken"
)]

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Map;
use uuid::Uuid;

use crate::jobs::Jobs;
use crate::limits::Limits;
use crate::ports::{
    AdmissionOutcome, Creation, CreationOutcome, DueItem, IdempotencyKey, JobStore, KeyedRun,
    Limit, WriteOutcome,
};
use crate::record::{JobRecord, JobStatus, Lease, Owner, Payload, RunId, SCHEMA_VERSION, Tally};

/// A queued job that was submitted at that second.
pub fn record(owner: &str, second: i64) -> JobRecord {
    let created_at = at(second);
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
        due_at: Some(created_at + Duration::from_mins(1)),
        counted: true,
        held_by: None,
        deleted_at: None,
        settle_at: None,
        attempts: 0,
        lease: None,
        error_message: None,
        progress: None,
        config: Map::new(),
        tokenizer: None,
        payload: Payload {
            key: Jobs::payload_key(run_id),
            version: None,
            size_bytes: 1,
            last_modified: None,
            upload: None,
        },
        idempotency_key: None,
        stats: None,
        outputs: Vec::new(),
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn with(record: &JobRecord, change: impl FnOnce(&mut JobRecord)) -> JobRecord {
    let mut next = record.next(record.updated_at);
    change(&mut next);
    next
}

/// Creates a record that nothing limits.
async fn create(store: &dyn JobStore, record: &JobRecord) -> CreationOutcome {
    create_within(store, record, Limits::NONE).await
}

async fn create_within(
    store: &dyn JobStore,
    record: &JobRecord,
    limits: Limits,
) -> CreationOutcome {
    let creation = Creation {
        record,
        key: None,
        limits,
        reserved: false,
    };
    store.create(creation).await.unwrap()
}

/// Changes a stored record, which has to work.
async fn change(
    store: &dyn JobStore,
    record: &JobRecord,
    change: impl FnOnce(&mut JobRecord),
) -> JobRecord {
    let next = with(record, change);
    assert_eq!(
        store.replace(record, &next).await.unwrap(),
        WriteOutcome::Done
    );
    next
}

/// The suite of [`JobStore`].
pub async fn job_store_contract(store: &dyn JobStore) {
    conditional_writes(store).await;
    lists(store).await;
    what_is_due(store).await;
    reservations(store).await;
    idempotency_keys(store).await;
    counters(store).await;
    limits(store).await;
}

async fn conditional_writes(store: &dyn JobStore) {
    let first = record("conditional", 1000);
    assert_eq!(store.get(first.run_id).await.unwrap(), None);
    let missing = store.replace(&first, &with(&first, |_| {})).await.unwrap();
    assert_eq!(missing, WriteOutcome::Conflict);
    assert_eq!(create(store, &first).await, CreationOutcome::Done);
    assert_eq!(store.get(first.run_id).await.unwrap(), Some(first.clone()));

    // A second creation, also a repeated one, changes nothing.
    let second = with(&first, |_| {});
    assert_eq!(create(store, &second).await, CreationOutcome::Conflict);
    assert_eq!(create(store, &first).await, CreationOutcome::Conflict);
    assert_eq!(store.get(first.run_id).await.unwrap(), Some(first.clone()));

    // Of two changes of one revision, one happens, whether it changes counters or not.
    for status in [JobStatus::Queued, JobStatus::Running] {
        let current = store.get(first.run_id).await.unwrap().unwrap();
        let (one, two) = (
            with(&current, |next| next.status = status),
            with(&current, |next| next.status = status),
        );
        let writes = tokio::join!(store.replace(&current, &one), store.replace(&current, &two));
        let (a, b) = (writes.0.unwrap(), writes.1.unwrap());
        assert!(
            (a == WriteOutcome::Done) != (b == WriteOutcome::Done),
            "{a:?} {b:?}"
        );
        let stored = store.get(first.run_id).await.unwrap().unwrap();
        assert_eq!(stored, if a == WriteOutcome::Done { one } else { two });
    }

    // A late change of an old revision is refused.
    let stored = store.get(first.run_id).await.unwrap().unwrap();
    let late = store.replace(&first, &second).await.unwrap();
    assert_eq!(late, WriteOutcome::Conflict);
    assert_eq!(store.remove(&first).await.unwrap(), WriteOutcome::Conflict);
    assert_eq!(store.remove(&stored).await.unwrap(), WriteOutcome::Done);
    assert_eq!(store.get(first.run_id).await.unwrap(), None);
    assert_eq!(store.remove(&stored).await.unwrap(), WriteOutcome::Done);
    let gone = store
        .replace(&stored, &with(&stored, |_| {}))
        .await
        .unwrap();
    assert_eq!(gone, WriteOutcome::Conflict);
}

async fn lists(store: &dyn JobStore) {
    let mut records = Vec::new();
    for second in 2000..2007 {
        let record = record("lister", second);
        create(store, &record).await;
        records.push(record);
    }
    create(store, &record("somebody else", 2003)).await;
    records.reverse();
    let owner = Owner("lister".to_owned());
    assert_eq!(pages(store, &owner, None).await, records);

    // By status, which changes with the record.
    let running = change(store, &records[2], |next| next.status = JobStatus::Running).await;
    let listed = pages(store, &owner, Some(JobStatus::Running)).await;
    assert_eq!(listed, [running]);
    let queued = pages(store, &owner, Some(JobStatus::Queued)).await;
    let expected: Vec<_> = [0, 1, 3, 4, 5, 6]
        .map(|index| records[index].clone())
        .into();
    assert_eq!(queued, expected);
    assert_eq!(pages(store, &owner, Some(JobStatus::Failed)).await, []);

    // The queue is one owner's, oldest first.
    let queue = store.oldest_queued(&owner, 100).await.unwrap();
    let expected: Vec<_> = queued
        .iter()
        .rev()
        .map(|record| (record.created_at, record.run_id))
        .collect();
    assert_eq!(queue, expected);
    let beginning = store.oldest_queued(&owner, 2).await.unwrap();
    assert_eq!(beginning, expected[..2]);

    // What was deleted is no longer listed, though its record is there.
    let deleted = change(store, &records[0], |next| {
        next.status = JobStatus::Deleting;
        next.deleted_at = Some(next.updated_at);
    })
    .await;
    assert_eq!(pages(store, &owner, None).await.len(), 6);
    assert_eq!(pages(store, &owner, Some(JobStatus::Deleting)).await, []);
    assert_eq!(store.remove(&deleted).await.unwrap(), WriteOutcome::Done);
    for record in pages(store, &owner, None).await {
        assert_eq!(store.remove(&record).await.unwrap(), WriteOutcome::Done);
    }
    assert_eq!(pages(store, &owner, None).await, []);
}

/// An owner's jobs: newest first, in pages without gaps or repetitions.
async fn pages(store: &dyn JobStore, owner: &Owner, status: Option<JobStatus>) -> Vec<JobRecord> {
    let (mut seen, mut cursor) = (Vec::new(), None);
    for _ in 0..9 {
        let page = store.list(owner, status, cursor.as_deref(), 3).await;
        let page = page.unwrap();
        assert!(page.records.len() <= 3);
        seen.extend(page.records);
        cursor = page.next;
        if cursor.is_none() {
            return seen;
        }
    }
    panic!("pages go on forever");
}

/// Everything that is due, and since when the oldest is.
async fn due(store: &dyn JobStore, now: Timestamp) -> (Vec<DueItem>, Option<Timestamp>) {
    let (mut all, mut oldest, mut cursor) = (Vec::new(), None, None);
    for _ in 0..99 {
        let page = store.due(now, cursor.as_deref(), 2).await.unwrap();
        oldest = oldest.or(page.oldest);
        all.extend(page.due);
        cursor = page.next;
        if cursor.is_none() {
            return (all, oldest);
        }
    }
    panic!("what is due goes on forever");
}

fn run_of(due: &DueItem) -> RunId {
    match due {
        DueItem::Job(record) => record.run_id,
        DueItem::Reservation(run_id) => *run_id,
    }
}

async fn what_is_due(store: &dyn JobStore) {
    // Long before everything else that this suite creates.
    let mut waiting = Vec::new();
    for second in [70, 61, 65, 62, 64] {
        let mut record = record("due", 1);
        record.due_at = Some(at(second));
        create(store, &record).await;
        waiting.push((second, record));
    }
    waiting.sort_by_key(|(second, _)| *second);
    assert_eq!(due(store, at(60)).await, (Vec::new(), None));
    let (found, oldest) = due(store, at(65)).await;
    assert_eq!(oldest, Some(at(61)));
    let mut runs: Vec<_> = found.iter().map(run_of).collect();
    runs.sort_unstable();
    let mut expected: Vec<_> = waiting[..4].iter().map(|(_, job)| job.run_id).collect();
    expected.sort_unstable();
    assert_eq!(runs, expected, "each once, and nothing that is not due");
    assert!(found.contains(&DueItem::Job(Box::new(waiting[0].1.clone()))));

    // In one page, the oldest comes first.
    let page = store.due(at(65), None, 50).await.unwrap();
    let expected: Vec<_> = waiting[..4].iter().map(|(_, job)| job.run_id).collect();
    assert_eq!(page.due.iter().map(run_of).collect::<Vec<_>>(), expected);

    // A change moves it.
    let (_, moved) = &waiting[0];
    let moved = change(store, moved, |next| next.due_at = Some(at(90))).await;
    assert_eq!(due(store, at(61)).await.0, []);
    waiting[0].1 = moved;
    for (_, record) in waiting {
        assert_eq!(store.remove(&record).await.unwrap(), WriteOutcome::Done);
    }
    assert_eq!(due(store, at(99)).await.0, []);
}

async fn reservations(store: &dyn JobStore) {
    let reserved = async |record: &JobRecord| {
        let creation = Creation {
            record,
            key: None,
            limits: Limits::NONE,
            reserved: true,
        };
        store.create(creation).await.unwrap()
    };
    let [first, second, third] = [1, 2, 3].map(|_| record("reserved", 1));
    assert_eq!(reserved(&first).await, CreationOutcome::NotReserved);
    for record in [&first, &second, &third] {
        store.reserve(record.run_id, at(50)).await.unwrap();
    }
    assert_eq!(due(store, at(49)).await.0, []);
    assert_eq!(due(store, at(50)).await.0.len(), 3);

    // It goes with the record that is created under it.
    assert_eq!(reserved(&first).await, CreationOutcome::Done);
    assert_eq!(due(store, at(50)).await.0.len(), 2);

    // Once it is abandoned nothing is created, but it stays due until it is released.
    let used = store.abandon(first.run_id).await.unwrap();
    assert_eq!(used, WriteOutcome::Conflict, "there is a record");
    for _ in 0..2 {
        let abandoned = store.abandon(second.run_id).await.unwrap();
        assert_eq!(abandoned, WriteOutcome::Done);
    }
    assert_eq!(reserved(&second).await, CreationOutcome::NotReserved);
    assert_eq!(store.get(second.run_id).await.unwrap(), None);
    assert_eq!(due(store, at(50)).await.0.len(), 2);
    for _ in 0..2 {
        for record in [&second, &third] {
            store.release(record.run_id).await.unwrap();
        }
        assert_eq!(due(store, at(50)).await.0, []);
        let gone = store.abandon(third.run_id).await.unwrap();
        assert_eq!(gone, WriteOutcome::Conflict);
    }
    assert_eq!(reserved(&third).await, CreationOutcome::NotReserved);
    assert_eq!(store.remove(&first).await.unwrap(), WriteOutcome::Done);
}

async fn idempotency_keys(store: &dyn JobStore) {
    let owner = Owner("keyed".to_owned());
    let key = |fingerprint: &str, second| IdempotencyKey {
        key: "k".to_owned(),
        fingerprint: fingerprint.to_owned(),
        expires_at: at(second),
    };
    let bound = async |second| {
        let run = store.run_of_key(&owner, "k", at(second)).await.unwrap();
        run.map(|run| (run.run_id, run.fingerprint))
    };
    let create = async |record: &JobRecord, key: &IdempotencyKey| {
        let creation = Creation {
            record,
            key: Some(key),
            limits: Limits::NONE,
            reserved: false,
        };
        store.create(creation).await.unwrap()
    };
    assert_eq!(bound(1000).await, None);
    let keyed = |second| {
        let mut keyed = record("keyed", second);
        keyed.idempotency_key = Some("k".to_owned());
        keyed
    };
    let (first, second, third) = (keyed(1000), keyed(1001), keyed(1100));
    assert_eq!(create(&first, &key("f", 1100)).await, CreationOutcome::Done);
    assert_eq!(bound(1001).await, Some((first.run_id, "f".to_owned())));

    // A bound key lets no other run be created; another owner's is another key.
    let before = CreationOutcome::Before(KeyedRun {
        run_id: first.run_id,
        fingerprint: "f".to_owned(),
    });
    assert_eq!(create(&second, &key("g", 1101)).await, before);
    assert_eq!(store.get(second.run_id).await.unwrap(), None);
    let mut others = record("another", 1001);
    others.idempotency_key = Some("k".to_owned());
    assert_eq!(
        create(&others, &key("f", 1101)).await,
        CreationOutcome::Done
    );

    // It can be bound again once it has expired, and once its job is removed.
    assert_eq!(bound(1100).await, None);
    assert_eq!(create(&third, &key("h", 1200)).await, CreationOutcome::Done);
    assert_eq!(bound(1100).await, Some((third.run_id, "h".to_owned())));
    assert_eq!(store.remove(&first).await.unwrap(), WriteOutcome::Done);
    assert_eq!(
        bound(1100).await,
        Some((third.run_id, "h".to_owned())),
        "it was another's by then"
    );
    assert_eq!(store.remove(&third).await.unwrap(), WriteOutcome::Done);
    assert_eq!(bound(1100).await, None);
    assert_eq!(
        create(&second, &key("g", 1101)).await,
        CreationOutcome::Done
    );
    for record in [&second, &others] {
        assert_eq!(store.remove(record).await.unwrap(), WriteOutcome::Done);
    }
    assert_eq!(counted(store, "keyed").await, [0, 0, 0, 0]);
}

/// An owner's counters: unfinished, queued, running, held.
async fn counted(store: &dyn JobStore, owner: &str) -> [i64; 4] {
    let owner = Owner(owner.to_owned());
    let Tally {
        active,
        queued,
        running,
        held,
        ..
    } = store.counters(&owner).await.unwrap();
    [active, queued, running, held]
}

async fn counters(store: &dyn JobStore) {
    let counted = async || counted(store, "counted").await;
    assert_eq!(counted().await, [0, 0, 0, 0]);
    let mut awaiting = record("counted", 1);
    awaiting.status = JobStatus::AwaitingUpload;
    let queued = record("counted", 2);
    let mut held = record("counted", 3);
    (held.counted, held.held_by) = (false, Some(Limit::ActiveJobs));
    let mut failed = record("counted", 4);
    (failed.status, failed.counted) = (JobStatus::Failed, false);
    for record in [&awaiting, &queued, &held, &failed] {
        assert_eq!(create(store, record).await, CreationOutcome::Done);
        assert_eq!(create(store, record).await, CreationOutcome::Conflict);
    }
    create(store, &record("somebody else", 1)).await;
    assert_eq!(
        counted().await,
        [2, 2, 0, 1],
        "a job that is held is not active"
    );

    // Along a life, with a claim that is lost and one that is given back.
    let running = change(store, &queued, |next| {
        next.status = JobStatus::Running;
        next.lease = Some(Lease {
            token: Uuid::new_v4(),
            expires_at: next.updated_at,
        });
    })
    .await;
    assert_eq!(counted().await, [2, 1, 1, 1]);
    let late = with(&queued, |next| next.status = JobStatus::Completed);
    assert_eq!(
        store.replace(&queued, &late).await.unwrap(),
        WriteOutcome::Conflict
    );
    assert_eq!(counted().await, [2, 1, 1, 1]);
    let back = change(store, &running, |next| next.status = JobStatus::Queued).await;
    assert_eq!(counted().await, [2, 2, 0, 1]);
    let running = change(store, &back, |next| next.status = JobStatus::Running).await;
    let extended = change(store, &running, |next| next.attempts += 1).await;
    let done = change(store, &extended, |next| next.status = JobStatus::Completed).await;
    assert_eq!(counted().await, [1, 1, 0, 1]);
    let deleting = change(store, &awaiting, |next| next.status = JobStatus::Deleting).await;
    assert_eq!(counted().await, [0, 1, 0, 1]);

    // What is held counts when there is room for it.
    let held = change(store, &held, |next| {
        next.held_by = Some(Limit::BytesPerDay);
    })
    .await;
    assert_eq!(counted().await, [0, 1, 0, 0], "it waits for another day");
    let held = change(store, &held, |next| {
        next.held_by = Some(Limit::ActiveJobs);
    })
    .await;
    assert_eq!(counted().await, [0, 1, 0, 1]);
    let admitted = with(&held, |next| {
        (next.counted, next.held_by) = (true, None);
    });
    let limit = |active_jobs| Limits {
        active_jobs,
        ..Limits::NONE
    };
    let full = store.admit(&held, &admitted, limit(0)).await.unwrap();
    assert_eq!(full, AdmissionOutcome::Refused(Limit::ActiveJobs));
    assert_eq!(counted().await, [0, 1, 0, 1]);
    let room = store.admit(&held, &admitted, limit(1)).await.unwrap();
    assert_eq!(room, AdmissionOutcome::Done);
    let again = store.admit(&held, &admitted, limit(9)).await.unwrap();
    assert_eq!(again, AdmissionOutcome::Conflict);
    assert_eq!(counted().await, [1, 1, 0, 0]);

    // One that is deleted while it waits keeps nobody waiting.
    let mut unwanted = record("counted", 5);
    (unwanted.counted, unwanted.held_by) = (false, Some(Limit::ActiveJobs));
    assert_eq!(create(store, &unwanted).await, CreationOutcome::Done);
    assert_eq!(counted().await[3], 1);
    assert_eq!(store.remove(&unwanted).await.unwrap(), WriteOutcome::Done);
    assert_eq!(counted().await, [1, 1, 0, 0]);

    // Removing an unfinished record counts, too.
    for record in [&done, &deleting, &failed, &admitted] {
        assert_eq!(store.remove(record).await.unwrap(), WriteOutcome::Done);
        assert_eq!(store.remove(record).await.unwrap(), WriteOutcome::Done);
    }
    assert_eq!(counted().await, [0, 0, 0, 0]);
    version_one(store).await;
}

/// A record of version 1, which had no counters, is counted from its first change on.
async fn version_one(store: &dyn JobStore) {
    let mut old = record("old", 1);
    (old.schema_version, old.counted, old.due_at) = (1, false, None);
    assert_eq!(create(store, &old).await, CreationOutcome::Done);
    assert_eq!(counted(store, "old").await, [0, 0, 0, 0]);
    let running = change(store, &old, |next| next.status = JobStatus::Running).await;
    assert_eq!(counted(store, "old").await, [1, 0, 1, 0]);
    let done = change(store, &running, |next| next.status = JobStatus::Completed).await;
    assert_eq!(counted(store, "old").await, [0, 0, 0, 0]);
    assert_eq!(store.remove(&done).await.unwrap(), WriteOutcome::Done);
}

async fn limits(store: &dyn JobStore) {
    const DAY: i64 = 86_400;
    let jobs = [1, 2, 3].map(|second| record("limited", second));
    let two = Limits {
        active_jobs: 2,
        ..Limits::NONE
    };
    let create_two = async |record: &JobRecord| create_within(store, record, two).await;
    assert_eq!(create_two(&jobs[0]).await, CreationOutcome::Done);
    assert_eq!(create_two(&jobs[1]).await, CreationOutcome::Done);
    let refused = CreationOutcome::Refused(Limit::ActiveJobs);
    assert_eq!(create_two(&jobs[2]).await, refused);
    assert_eq!(
        create_two(&jobs[0]).await,
        CreationOutcome::Conflict,
        "it is known"
    );
    assert_eq!(
        create_two(&record("unlimited", 1)).await,
        CreationOutcome::Done
    );
    let mut failed = record("limited", 4);
    (failed.status, failed.counted) = (JobStatus::Failed, false);
    assert_eq!(
        create_two(&failed).await,
        CreationOutcome::Done,
        "it is not active"
    );
    change(store, &jobs[0], |next| next.status = JobStatus::Completed).await;
    assert_eq!(create_two(&jobs[2]).await, CreationOutcome::Done);

    // Bytes of a day, and each job's once.
    let hundred = Limits {
        bytes_per_day: 100,
        ..Limits::NONE
    };
    let upload = async |second, size_bytes| {
        let mut job = record("uploader", second);
        job.payload.size_bytes = size_bytes;
        let created = create_within(store, &job, hundred).await;
        if created == CreationOutcome::Done {
            let again = create_within(store, &job, hundred).await;
            assert_eq!(again, CreationOutcome::Conflict);
        }
        created
    };
    let refused = CreationOutcome::Refused(Limit::BytesPerDay);
    assert_eq!(upload(DAY, 60).await, CreationOutcome::Done);
    assert_eq!(upload(DAY + 1, 41).await, refused);
    assert_eq!(upload(DAY + 2, 40).await, CreationOutcome::Done);
    assert_eq!(upload(DAY + 3, 1).await, refused);
    assert_eq!(upload(2 * DAY, 100).await, CreationOutcome::Done);
    assert_eq!(upload(9 * DAY, u64::MAX).await, refused);
    assert_eq!(upload(9 * DAY, 100).await, CreationOutcome::Done);
}
