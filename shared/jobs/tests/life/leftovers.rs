//! What attempts leave that came to nothing: it is removed, and looked for once.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;
use resonare_jobs::ports::{JobStore as _, Queue as _};
use resonare_jobs::{Attempt, DeliveryOutcome, JobRecord, JobStatus, Processor, RunId, Verdict};

use crate::world::{NEVER_WORKS, World, owner};

/// Never notices that it is cancelled, as a call that hangs.
struct HangingProcessor;

#[async_trait]
impl Processor for HangingProcessor {
    async fn process(&self, _job: &JobRecord, _attempt: &Attempt) -> Verdict {
        std::future::pending().await
    }
}

/// Lets an attempt at a job hang until its worker's time is over.
async fn run_out_of_time(world: &World) {
    let message = world.queue.receive(Duration::from_mins(1)).await;
    let message = message.unwrap().unwrap();
    let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
    let never = AtomicBool::new(false);
    let handled = world
        .jobs
        .handle_until(&message, &HangingProcessor, &never, Some(deadline));
    assert_eq!(handled.await.unwrap(), DeliveryOutcome::Failed);
}

fn output(run_id: RunId) -> String {
    format!("{run_id}/data/train.jsonl")
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_hangs_is_failed_before_its_worker_ends() {
    let world = World::new();
    let run_id = world.submit(b"hello", None).await.unwrap();
    let begun = tokio::time::Instant::now();
    run_out_of_time(&world).await;
    assert!((60..70).contains(&begun.elapsed().as_secs()));
    let job = world.jobs.get(&owner(), run_id).await.unwrap();
    assert!(
        job.error_message
            .unwrap()
            .contains("within a worker's time limit")
    );
}

#[tokio::test(start_paused = true)]
async fn outputs_that_come_after_the_time_was_over_are_removed() {
    let world = World::new();
    let run_id = world.submit(b"hello", None).await.unwrap();
    world.put(&output(run_id), b"before");
    run_out_of_time(&world).await;
    assert!(
        world.objects.keys().is_empty(),
        "what was there goes at once"
    );
    world.put(&output(run_id), b"late");
    world.clock.advance(Duration::from_mins(15));
    assert_eq!(world.jobs.sweep(None).await.unwrap().settled, 1);
    assert!(world.objects.keys().is_empty());
    assert_eq!(world.status(run_id).await, Some(JobStatus::Failed));
    world.clock.advance(Duration::from_hours(24));
    assert_eq!(world.jobs.sweep(None).await.unwrap().looked_at, 0);
}

#[tokio::test(start_paused = true)]
async fn outputs_that_come_after_a_deletion_are_removed() {
    let world = World::new();
    let run_id = world.submit(b"hello", None).await.unwrap();
    run_out_of_time(&world).await;
    world.jobs.delete(&owner(), run_id).await.unwrap();
    let listed = world.jobs.list(&owner(), None, None, 9).await.unwrap();
    assert!(listed.records.is_empty());
    world.put(&output(run_id), b"late");
    world.clock.advance(Duration::from_mins(16));
    assert_eq!(world.jobs.sweep(None).await.unwrap().deleted, 1);
    assert!(world.objects.keys().is_empty());
    assert_eq!(world.records.get(run_id).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn outputs_of_a_job_that_was_deleted_while_its_attempt_hung_are_removed() {
    let world = World::new();
    let run_id = world.submit(b"hello", None).await.unwrap();
    let message = world.queue.receive(Duration::from_mins(1)).await;
    let message = message.unwrap().unwrap();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    let never = AtomicBool::new(false);
    let work = world
        .jobs
        .handle_until(&message, &HangingProcessor, &never, Some(deadline));
    let delete = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        world.jobs.delete(&owner(), run_id).await.unwrap();
    };
    let (handled, ()) = tokio::join!(work, delete);
    assert_eq!(handled.unwrap(), DeliveryOutcome::Lost);
    world.put(&output(run_id), b"late");
    world.clock.advance(Duration::from_mins(14));
    assert_eq!(world.jobs.sweep(None).await.unwrap().deleted, 0);
    world.clock.advance(Duration::from_mins(3));
    assert_eq!(world.jobs.sweep(None).await.unwrap().deleted, 1);
    assert!(world.objects.keys().is_empty());
    assert_eq!(world.records.get(run_id).await.unwrap(), None);
}

#[tokio::test]
async fn duplicates_of_a_failed_job_cost_no_listing() {
    let world = World::new();
    let run_id = world.submit(NEVER_WORKS, None).await.unwrap();
    while world.status(run_id).await != Some(JobStatus::Failed) {
        world.clock.advance(Duration::from_secs(5));
        world.work().await.unwrap().unwrap();
    }
    let duplicates = async || {
        for _ in 0..5 {
            let owner = owner();
            let again = world.queue.send(run_id, &owner, Duration::ZERO);
            again.await.unwrap();
            assert_eq!(
                world.work().await.unwrap().unwrap(),
                DeliveryOutcome::Nothing
            );
        }
    };
    let listings = world.objects.listings();
    duplicates().await;
    assert_eq!(world.objects.listings(), listings);

    // A worker that had stalled stored something, and the job is looked at once.
    world.put(&output(run_id), b"late");
    world.clock.advance(Duration::from_mins(15));
    assert_eq!(world.jobs.sweep(None).await.unwrap().settled, 1);
    assert!(world.objects.keys().is_empty());
    assert_eq!(world.objects.listings(), listings + 1);
    duplicates().await;
    world.clock.advance(Duration::from_hours(24));
    assert_eq!(world.jobs.sweep(None).await.unwrap().looked_at, 0);
    assert_eq!(world.objects.listings(), listings + 1);
}

#[tokio::test]
async fn a_job_whose_commit_was_the_last_that_its_worker_did_leaves_nothing() {
    let world = World::new();
    let run_id = world.submit(NEVER_WORKS, None).await.unwrap();
    for _ in 0..2 {
        world.work().await.unwrap().unwrap();
        world.clock.advance(Duration::from_secs(5));
    }
    world.put(&output(run_id), b"of an attempt that died");
    // The worker dies between the commit and what follows it.
    let mut call = 1;
    while world.status(run_id).await != Some(JobStatus::Failed) {
        world.kill_at(call, true);
        world.until_killed(world.work()).await;
        world.heal();
        call += 1;
        world.clock.advance(Duration::from_mins(2));
    }
    world.settle().await;
    assert!(
        world.objects.keys().is_empty(),
        "{:?}",
        world.objects.keys()
    );
}
