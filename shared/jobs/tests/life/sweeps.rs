//! What the sweeper looks at, and what it leaves alone.

use std::io::Write as _;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use resonare_jobs::ports::{JobStore as _, Queue as _};
use resonare_jobs::{
    DeliveryOutcome, DirectUpload, FailureKind, JobError, JobStatus, Jobs, Payload, RunId, Step,
    Upload, UploadArrival,
};

use crate::world::{World, owner};

#[tokio::test]
async fn nothing_that_is_not_due_is_looked_at() {
    let world = World::new();
    for _ in 0..30 {
        world.submit(b"hello", None).await.unwrap();
    }
    for _ in 0..20 {
        world.work().await.unwrap().unwrap();
    }
    world.clock.advance(Duration::from_mins(10));
    assert_eq!(world.jobs.sweep(None).await.unwrap().looked_at, 0);
}

#[tokio::test]
async fn a_job_whose_message_waits_is_not_sent_again() {
    let world = World::new();
    let run_id = world.submit(b"hello", None).await.unwrap();
    let mut looked_at = 0;
    for _ in 0..23 * 60 {
        world.clock.advance(Duration::from_mins(1));
        let swept = world.jobs.sweep(None).await.unwrap();
        assert_eq!(swept.sent_again, 0);
        looked_at += swept.looked_at;
    }
    assert_eq!(looked_at, 7, "after 15, 30, 60, … minutes");
    assert_eq!(world.queue.len(), 1);
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Completed
    );
    assert_eq!(world.told(run_id, "sent again"), 0);
}

#[tokio::test]
async fn a_job_whose_message_is_lost_is_sent_again() {
    let world = World::new();
    let run_id = world.submit(b"hello", None).await.unwrap();
    let message = world.queue.receive(Duration::ZERO).await.unwrap().unwrap();
    world.queue.acknowledge(&message.receipt).await.unwrap();
    world.clock.advance(Duration::from_mins(15));
    assert_eq!(world.jobs.sweep(None).await.unwrap().sent_again, 1);
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Completed
    );
    assert_eq!(world.told(run_id, "sent again"), 1);
}

#[tokio::test]
async fn a_job_that_was_not_sent_is_sent_after_a_minute() {
    let world = World::new();
    // reserve, create the object, create the record, send.
    world.kill_at(4, false);
    let submitting = world.submit(b"hello", None);
    assert!(world.until_killed(submitting).await.is_none());
    world.heal();
    assert!(world.queue.is_empty());
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(world.jobs.sweep(None).await.unwrap().sent_again, 1);
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Completed
    );
}

#[tokio::test]
async fn a_payload_without_a_record_is_removed_after_an_hour() {
    let world = World::new();
    world.kill_at(3, false);
    let submitting = world.submit(b"hello", None);
    assert!(world.until_killed(submitting).await.is_none());
    world.heal();
    assert_eq!(world.objects.keys().len(), 1);
    world.clock.advance(Duration::from_mins(59));
    assert_eq!(world.jobs.sweep(None).await.unwrap().orphans, 0);
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(world.jobs.sweep(None).await.unwrap().orphans, 1);
    assert!(world.objects.keys().is_empty() && world.records.reserved().is_empty());
}

#[tokio::test]
async fn a_submission_that_was_taken_for_dead_comes_to_nothing() {
    let world = World::new();
    let run_id = world.jobs.reserve().await.unwrap();
    let mut writer = world
        .ports
        .objects
        .create(&Jobs::payload_key(run_id))
        .await
        .unwrap();
    writer.write_all(b"hello").unwrap();
    writer.finish().unwrap();
    world.clock.advance(Duration::from_hours(1));
    world.jobs.sweep(None).await.unwrap();
    let submitted = world.jobs.submit(World::submission(run_id, 5)).await;
    assert!(matches!(submitted, Err(JobError::TooSlow)));
    assert!(world.status(run_id).await.is_none() && world.objects.keys().is_empty());
}

#[tokio::test]
async fn what_a_dead_worker_of_a_deleted_job_wrote_is_removed() {
    let world = World::new();
    let run_id = world.submit(b"hello", None).await.unwrap();
    // It dies after it has stored its output, before its commit.
    world.kill_at(7, false);
    assert!(world.until_killed(world.work()).await.is_none());
    world.heal();
    assert_eq!(world.status(run_id).await, Some(JobStatus::Running));
    world.jobs.delete(&owner(), run_id).await.unwrap();
    let gone = world.jobs.get(&owner(), run_id).await;
    assert!(matches!(gone, Err(JobError::NotFound)));
    let listed = world.jobs.list(&owner(), None, None, 9).await.unwrap();
    assert!(listed.records.is_empty());
    // As if it had been alive a little longer.
    world.put(&format!("{run_id}/data/train.jsonl"), b"late");
    world.clock.advance(Duration::from_mins(2));
    assert_eq!(world.jobs.sweep(None).await.unwrap().deleted, 1);
    assert!(world.objects.keys().is_empty());
    assert_eq!(world.records.get(run_id).await.unwrap(), None);
}

#[tokio::test]
async fn one_that_fails_does_not_keep_the_others_waiting() {
    let world = World::new();
    for _ in 0..3 {
        world.submit(b"hello", None).await.unwrap();
    }
    world.clock.advance(Duration::from_hours(7 * 24));
    // The page, then the first job's own calls.
    world.fail_at(2, false);
    let swept = world.jobs.sweep(None).await.unwrap();
    assert_eq!((swept.looked_at, swept.left, swept.deleted), (3, 1, 2));
    world.heal();
    assert_eq!(world.jobs.sweep(None).await.unwrap().deleted, 1);
}

#[tokio::test]
async fn the_age_of_the_oldest_due_is_told() {
    let world = World::new();
    world.submit(b"hello", None).await.unwrap();
    world.clock.advance(Duration::from_mins(20));
    let swept = world.jobs.sweep(None).await.unwrap();
    assert_eq!(swept.oldest_due, Duration::from_mins(5));
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_ends_a_deletion_removes_the_payload_too() {
    let world = World::new();
    world.put("uploads/a", b"hello");
    world.take_drop("uploads/a").await.unwrap();
    let run_id = World::drop_submission("uploads/a").run_id;
    let message = world.queue.receive(Duration::from_mins(1)).await;
    let message = message.unwrap().unwrap();
    let slow = world.copier(Duration::from_mins(1));
    let never = AtomicBool::new(false);
    let working = world.jobs.handle(&message, &slow, &never);
    let deleting = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        // The record is marked; then nothing can be removed.
        world.fail_at(4, false);
        world.jobs.delete(&owner(), run_id).await.unwrap_err();
        assert!(world.has("uploads/a"));
    };
    let (handled, ()) = tokio::join!(working, deleting);
    assert_eq!(handled.unwrap(), DeliveryOutcome::Lost);
    assert!(world.objects.keys().is_empty());
    assert_eq!(world.status(run_id).await, None);
}

#[tokio::test]
async fn a_deleted_upload_is_known_for_as_long_as_it_may_come() {
    let world = World::new();
    let submission = World::submission(RunId::generate(world.now()), 5);
    let run_id = submission.run_id;
    let payload = Payload {
        key: format!("uploads/{run_id}/payload"),
        upload: Some(DirectUpload::default()),
        ..submission.payload
    };
    let upload = Upload {
        run_id,
        owner: submission.owner,
        config: submission.config,
        payload: payload.clone(),
    };
    world.jobs.await_upload(upload).await.unwrap();
    world.jobs.delete(&owner(), run_id).await.unwrap();
    let arrived = async || world.jobs.upload_arrived(run_id, &payload).await.unwrap();
    assert_eq!(arrived().await, UploadArrival::Unwanted);
    world.clock.advance(Duration::from_mins(62));
    assert_eq!(world.jobs.sweep(None).await.unwrap().deleted, 1);
    // Whoever puts something there now may have no other copy.
    assert_eq!(arrived().await, UploadArrival::Unknown);
}

#[tokio::test]
async fn everything_that_is_due_is_looked_at_however_much_it_is() {
    let mut world = World::new();
    world.set_limits(resonare_jobs::Limits::NONE);
    let mut last = None;
    for _ in 0..230 {
        last = Some(world.submit(b"x", None).await.unwrap());
    }
    world.clock.advance(Duration::from_hours(7 * 24));
    let swept = world.jobs.sweep(None).await.unwrap();
    assert_eq!((swept.looked_at, swept.deleted, swept.left), (230, 230, 0));
    assert!(!swept.stopped_early && world.objects.keys().is_empty());
    assert_eq!(world.steps(last.unwrap()).last(), Some(&Step::Expired));
}

#[tokio::test(start_paused = true)]
async fn a_sweep_whose_time_is_over_begins_nothing_more() {
    let world = World::new();
    world.submit(b"hello", None).await.unwrap();
    world.clock.advance(Duration::from_hours(7 * 24));
    let now = tokio::time::Instant::now();
    let swept = world.jobs.sweep(Some(now)).await.unwrap();
    assert!(swept.stopped_early);
    assert_eq!((swept.looked_at, swept.deleted), (1, 0));
    let later = now + Duration::from_secs(1);
    let swept = world.jobs.sweep(Some(later)).await.unwrap();
    assert_eq!((swept.stopped_early, swept.deleted), (false, 1));
}

#[tokio::test]
async fn a_job_that_was_sent_a_day_ago_is_sent_again_whatever_the_queue_holds() {
    let world = World::new();
    world.submit(b"hello", None).await.unwrap();
    let mut sent_again = Vec::new();
    for hour in 1..=40 {
        world.clock.advance(Duration::from_hours(1));
        if world.jobs.sweep(None).await.unwrap().sent_again > 0 {
            sent_again.push(hour);
        }
    }
    assert_eq!(world.queue.len(), 1 + sent_again.len());
    assert_eq!(sent_again, [32], "after 1, 2, 4, … hours");
}

#[tokio::test]
async fn a_job_whose_worker_stopped_responding_is_returned_and_in_the_end_fails() {
    let world = World::new();
    let run_id = world.submit(b"hello", None).await.unwrap();
    for attempt in 1..=3 {
        world.kill_at(4, false);
        assert!(world.until_killed(world.work()).await.is_none());
        world.heal();
        assert_eq!(world.jobs.sweep(None).await.unwrap().looked_at, 0);
        world.clock.advance(Duration::from_mins(2));
        let swept = world.jobs.sweep(None).await.unwrap();
        let expected = if attempt < 3 { (1, 0) } else { (0, 1) };
        assert_eq!((swept.released, swept.failed), expected);
    }
    let job = world.jobs.get(&owner(), run_id).await.unwrap();
    assert_eq!(
        job.error_message.as_deref(),
        Some("given up after 3 attempts: the worker stopped responding")
    );
    assert_eq!(world.told(run_id, "released"), 2);
    let last = Step::Failed(FailureKind::Attempts);
    assert_eq!(world.steps(run_id).last(), Some(&last));
    assert!(world.objects.keys().is_empty());
}
