//! The adapters in memory keep the contracts that all adapters keep.

use std::time::Duration;

use jiff::Timestamp;
use resonare_jobs::testkit::{
    ManualClock, MemoryJobStore, MemoryObjectStore, MemoryQueue, job_store_contract,
    object_store_contract, queue_contract,
};

#[tokio::test]
async fn records_in_memory_keep_the_contract() {
    job_store_contract(&MemoryJobStore::default()).await;
}

#[tokio::test]
async fn objects_in_memory_keep_the_contract() {
    object_store_contract(&MemoryObjectStore::default()).await;
}

#[tokio::test]
async fn a_queue_in_memory_keeps_the_contract() {
    let clock = ManualClock::at(Timestamp::now());
    let wait = |time: Duration| {
        clock.advance(time);
        std::future::ready(())
    };
    queue_contract(&MemoryQueue::new(clock.clone()), wait).await;
}
