//! What an attempt at a job shows while it runs, and what it leaves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use resonare_jobs::ports::Queue as _;
use resonare_jobs::{
    Attempt, DeliveryOutcome, FailureKind, JobRecord, JobStatus, Processor, Progress, Stage, Step,
    Verdict,
};
use resonare_pipeline::TokenizerInfo;
use serde_json::Map;

use crate::world::{FAILS, NEVER_WORKS, World, owner};

/// Knows its tokenizer and has read three bytes, then goes on until it is cancelled.
struct Reading;

fn tokenizer() -> TokenizerInfo {
    TokenizerInfo {
        kind: "words".to_owned(),
        source: "words".to_owned(),
        fingerprint: "1".to_owned(),
        fallback_reason: None,
        engine: "compiled".to_owned(),
    }
}

#[async_trait]
impl Processor for Reading {
    async fn process(&self, _job: &JobRecord, attempt: &Attempt) -> Verdict {
        attempt.bytes_read.store(3, Ordering::Relaxed);
        *attempt.tokenizer.lock().unwrap() = Some(tokenizer());
        while !attempt.cancelled.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Verdict::Cancelled
    }
}

#[tokio::test(start_paused = true)]
async fn a_running_job_shows_its_progress_and_its_tokenizer() {
    let world = World::new();
    let run_id = world.submit(b"hello", None).await.unwrap();
    let message = world.jobs.receive().await.unwrap().unwrap();
    let stop = AtomicBool::new(false);
    let working = world.jobs.handle(&message, &Reading, &stop);
    let watching = async {
        let record = async || world.jobs.get(&owner(), run_id).await.unwrap();
        tokio::time::sleep(Duration::from_secs(14)).await;
        let begun = Progress {
            stage: Stage::Preparing,
            bytes_read: 0,
            bytes_total: 5,
        };
        assert_eq!(record().await.progress, Some(begun), "since its claim");
        // The lease is extended after a quarter of its time, and that is noted with it.
        world.clock.advance(Duration::from_secs(14));
        tokio::time::sleep(Duration::from_secs(2)).await;
        let job = record().await;
        let progress = Progress {
            stage: Stage::Reading,
            bytes_read: 3,
            bytes_total: 5,
        };
        assert_eq!(job.progress, Some(progress));
        assert_eq!(job.tokenizer, Some(tokenizer()));
        let lease = job.lease.unwrap();
        assert_eq!(lease.expires_at, world.now() + world.timings.lease);
        stop.store(true, Ordering::Relaxed);
    };
    let (handled, ()) = tokio::join!(working, watching);
    assert_eq!(handled.unwrap(), DeliveryOutcome::Postponed);
    let steps = world.steps(run_id);
    assert_eq!(steps.last(), Some(&Step::GivenBack));
    let waiting = world.jobs.get(&owner(), run_id).await.unwrap();
    assert_eq!(waiting.progress, None);
}

#[tokio::test(start_paused = true)]
async fn it_is_told_how_long_a_job_waited_and_took() {
    let world = World::new();
    let run_id = world.submit(b"hello", None).await.unwrap();
    world.clock.advance(Duration::from_secs(7));
    let message = world.jobs.receive().await.unwrap().unwrap();
    let slow = world.copier(Duration::from_secs(3));
    let never = AtomicBool::new(false);
    let working = world.jobs.handle(&message, &slow, &never);
    let waiting = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.clock.advance(Duration::from_secs(3));
    };
    let (handled, ()) = tokio::join!(working, waiting);
    assert_eq!(handled.unwrap(), DeliveryOutcome::Completed);
    let expected = [
        Step::Submitted,
        Step::Claimed(Duration::from_secs(7)),
        Step::Completed(Duration::from_secs(3)),
    ];
    assert_eq!(world.steps(run_id), expected);
    let job = world.jobs.get(&owner(), run_id).await.unwrap();
    assert_eq!(job.completed_at, Some(world.now()));
    assert_eq!(
        job.started_at,
        Some(world.now() - Duration::from_secs(3)),
        "when it was claimed"
    );
    let done = Progress {
        stage: Stage::Done,
        bytes_read: 5,
        bytes_total: 5,
    };
    assert_eq!(job.progress, Some(done));
}

#[tokio::test]
async fn each_fault_is_told_with_its_pause_and_the_last_with_its_kind() {
    let world = World::new();
    let run_id = world.submit(NEVER_WORKS, None).await.unwrap();
    for _ in 0..3 {
        world.work().await.unwrap().unwrap();
        world.clock.advance(Duration::from_secs(5));
    }
    let claimed = |seconds| Step::Claimed(Duration::from_secs(seconds));
    let postponed = |seconds| Step::Postponed(Duration::from_secs(seconds));
    let expected = [
        Step::Submitted,
        claimed(0),
        postponed(1),
        claimed(5),
        postponed(2),
        claimed(5),
        Step::Failed(FailureKind::Attempts),
    ];
    assert_eq!(world.steps(run_id), expected);
}

#[tokio::test(start_paused = true)]
async fn a_message_comes_back_a_second_after_the_lease_of_another_worker() {
    let world = World::new();
    let run_id = world.submit(b"hello", None).await.unwrap();
    // The first worker dies with its claim; a duplicate of the message is there.
    world.kill_at(4, false);
    assert!(world.until_killed(world.work()).await.is_none());
    world.heal();
    world.clock.advance(Duration::from_secs(20));
    world
        .queue
        .send(run_id, &owner(), Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Elsewhere
    );
    // The first message is the dead worker's, the second the duplicate.
    world.clock.advance(Duration::from_secs(40));
    let first = world.queue.receive(Duration::from_hours(1)).await.unwrap();
    assert!(first.is_some());
    let duplicate = async || world.queue.receive(Duration::ZERO).await.unwrap();
    assert_eq!(duplicate().await, None);
    world.clock.advance(Duration::from_secs(1));
    assert!(duplicate().await.is_some());
}

#[tokio::test]
async fn a_job_that_was_claimed_too_often_is_failed_by_the_next_claim() {
    let world = World::new();
    let run_id = world.submit(b"hello", None).await.unwrap();
    for _ in 0..3 {
        world.kill_at(4, false);
        assert!(world.until_killed(world.work()).await.is_none());
        world.heal();
        world.clock.advance(Duration::from_mins(2));
    }
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Failed
    );
    let last = Step::Failed(FailureKind::Attempts);
    assert_eq!(world.steps(run_id).last(), Some(&last));
    assert_eq!(world.commits(run_id), 0);
    assert!(world.queue.is_empty() && world.objects.keys().is_empty());
}

#[tokio::test]
async fn an_export_that_is_to_be_kept_outlives_its_job() {
    let world = World::new();
    let keep = Map::from_iter([("keep_input".to_owned(), true.into())]);
    let run_id = world.submit_with(b"hello", keep).await.unwrap();
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Completed
    );
    assert!(world.has(&format!("{run_id}/payload")));
    let keep_not = Map::from_iter([("keep_input".to_owned(), false.into())]);
    let run_id = world.submit_with(b"hello", keep_not).await.unwrap();
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Completed
    );
    assert!(!world.has(&format!("{run_id}/payload")));
}

#[tokio::test]
async fn only_a_job_whose_attempts_may_have_left_something_is_looked_at_again() {
    let world = World::new();
    let looked_at_later = async || {
        world.clock.advance(Duration::from_mins(20));
        world.jobs.sweep(None).await.unwrap().settled
    };
    world.submit(FAILS, None).await.unwrap();
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Failed
    );
    assert_eq!(looked_at_later().await, 0, "it was tried once, and ended");

    let run_id = world.submit(FAILS, None).await.unwrap();
    world.kill_at(4, false);
    assert!(world.until_killed(world.work()).await.is_none());
    world.heal();
    world.clock.advance(Duration::from_mins(2));
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Failed
    );
    assert_eq!(world.status(run_id).await, Some(JobStatus::Failed));
    assert_eq!(looked_at_later().await, 1, "its first worker died");
}
