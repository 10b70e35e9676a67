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

use crate::jobs::Jobs;
use crate::ports::{ObjectStore, Queue};
use crate::record::{Owner, RunId};

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
        Jobs::payload_key(run_id),
        format!("{run_id}/data/train.jsonl"),
    );

    // What is not there is no error.
    assert!(read(store, &payload).await.is_none());
    store.remove_all(&format!("{run_id}/")).await.unwrap();

    // An object appears when it is finished, whole, and not at all if it is not.
    write(store, &payload, b"never".to_vec(), false).await;
    assert!(read(store, &payload).await.is_none());
    let large: Vec<u8> = (0..7_000_000_u32).flat_map(u32::to_le_bytes).collect();
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

    // An object is found as it is now.
    assert_eq!(store.find("no/such/object").await.unwrap(), None);
    let found = store.find(&payload).await.unwrap().unwrap();
    assert_eq!(found.size_bytes, 6);

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
    write(store, &Jobs::payload_key(other), b"other".to_vec(), true).await;
    store.remove_all(&payload).await.unwrap();
    assert!(read(store, &payload).await.is_none());
    assert!(read(store, &train).await.is_some());
    store.remove_all(&format!("{run_id}/")).await.unwrap();
    assert!(read(store, &train).await.is_none());
    assert!(read(store, &Jobs::payload_key(other)).await.is_some());
    store.remove_all(&format!("{run_id}/")).await.unwrap();
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
    let owner = Owner("ann".to_owned());
    assert_eq!(queue.receive(LONG).await.unwrap(), None);
    assert!(queue.is_empty().await.unwrap());

    // A received message is hidden, and comes back with another receipt.
    queue.send(run_id, &owner, Duration::ZERO).await.unwrap();
    assert!(!queue.is_empty().await.unwrap());
    let first = queue.receive(SHORT).await.unwrap().unwrap();
    assert_eq!(first.run_id, run_id);
    assert!(!queue.is_empty().await.unwrap(), "a hidden message is one");
    assert_eq!(queue.receive(LONG).await.unwrap(), None);
    wait(MARGIN).await;
    let second = queue.receive(SHORT).await.unwrap().unwrap();
    assert_eq!(second.run_id, run_id);
    assert_ne!(second.receipt, first.receipt);

    // The second receipt hides it for longer, or shows it. What the first one still does is left open.
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
    queue.send(run_id, &owner, SHORT).await.unwrap();
    queue.send(other, &owner, Duration::ZERO).await.unwrap();
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
