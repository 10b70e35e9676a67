//! Uploads that come by another way than the submission.

use std::io::Write as _;
use std::time::Duration;

use resonare_jobs::ports::Clock as _;
use resonare_jobs::{
    DeliveryOutcome, DirectUpload, FailureKind, JobError, JobStatus, Jobs, Limits, Payload, RunId,
    Step, Submission, Upload, UploadArrival,
};

use crate::world::{FAILS, World, owner};

async fn begin(world: &World, size_bytes: u64) -> Result<RunId, JobError> {
    let Submission {
        run_id,
        owner,
        config,
        payload,
        ..
    } = World::submission(RunId::generate(world.clock.now()), size_bytes);
    world.jobs.admit_upload(&owner, size_bytes).await?;
    let upload = Upload {
        run_id,
        owner,
        config,
        payload: Payload {
            upload: Some(DirectUpload::default()),
            ..payload
        },
    };
    Ok(world.jobs.await_upload(upload).await?.run_id)
}

/// Stores a payload as one of several that may come.
async fn store(world: &World, run_id: RunId, attempt: &str) -> Payload {
    let payload = Payload {
        key: format!("{}-{attempt}", Jobs::payload_key(run_id)),
        version: None,
        size_bytes: 5,
        last_modified: None,
        upload: Some(DirectUpload::default()),
    };
    let mut writer = world.ports.objects.create(&payload.key).await.unwrap();
    writer.write_all(b"hello").unwrap();
    writer.finish().unwrap();
    payload
}

#[tokio::test]
async fn a_job_waits_for_its_upload_and_is_then_done() {
    let world = World::new();
    let run_id = begin(&world, 5).await.unwrap();
    assert_eq!(world.status(run_id).await, Some(JobStatus::AwaitingUpload));
    assert!(world.queue.is_empty());
    let payload = store(&world, run_id, "1").await;
    let arrived = world.jobs.upload_arrived(run_id, &payload).await.unwrap();
    assert_eq!(arrived, UploadArrival::Queued);
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Completed
    );
    assert!(!world.has(&payload.key));
}

#[tokio::test]
async fn of_two_payloads_one_counts_and_none_is_left() {
    let world = World::new();
    let run_id = begin(&world, 5).await.unwrap();
    let (first, second) = (
        store(&world, run_id, "1").await,
        store(&world, run_id, "2").await,
    );
    for (payload, expected) in [
        (&first, UploadArrival::Queued),
        (&first, UploadArrival::Before),
        (&second, UploadArrival::Unwanted),
    ] {
        let arrived = world.jobs.upload_arrived(run_id, payload).await.unwrap();
        assert_eq!(arrived, expected);
    }
    assert!(matches!(
        world.jobs.awaiting_upload(&owner(), run_id).await,
        Err(JobError::NotAwaited(JobStatus::Queued))
    ));
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Completed
    );
    assert!(!world.has(&first.key) && !world.has(&second.key));
}

#[tokio::test]
async fn an_upload_that_comes_too_late_is_unwanted() {
    let world = World::new();
    let run_id = begin(&world, 5).await.unwrap();
    world.clock.advance(Duration::from_hours(25));
    assert_eq!(world.jobs.sweep(None).await.unwrap().failed, 1);
    let job = world.jobs.get(&owner(), run_id).await.unwrap();
    assert_eq!(job.status, JobStatus::Failed);
    assert_eq!(
        job.error_message.as_deref(),
        Some("the upload did not arrive in time")
    );
    let last = Step::Failed(FailureKind::Payload);
    assert_eq!(world.steps(run_id).last(), Some(&last));
    let payload = store(&world, run_id, "1").await;
    let arrived = world.jobs.upload_arrived(run_id, &payload).await.unwrap();
    assert_eq!(arrived, UploadArrival::Unwanted);
}

#[tokio::test]
async fn uploads_are_limited_in_size_and_counted_as_active_jobs() {
    let world = World::new();
    let limit = world.limits.upload_bytes;
    let refused = begin(&world, limit + 1).await;
    assert!(matches!(refused, Err(JobError::UploadTooLarge(bytes)) if bytes == limit));
    begin(&world, limit).await.unwrap();
    for _ in 1..world.limits.active_jobs {
        begin(&world, 1).await.unwrap();
    }
    assert!(matches!(
        begin(&world, 1).await,
        Err(JobError::LimitReached { .. })
    ));
}

#[tokio::test]
async fn after_a_restart_claims_are_released_and_queued_jobs_sent_at_once() {
    let world = World::new();
    let running = world.submit(b"hello", None).await.unwrap();
    // The process dies after the claim: the message is hidden, the lease holds.
    world.kill_at(4, false);
    assert!(world.until_killed(world.work()).await.is_none());
    world.heal();
    assert_eq!(world.status(running).await, Some(JobStatus::Running));
    // Another dies between its record and its message.
    world.kill_at(4, false);
    let submitting = world.submit(b"hello", None);
    assert!(world.until_killed(submitting).await.is_none());
    world.heal();

    world.records.make_due(world.clock.now());
    world.jobs.recover().await.unwrap();
    while let Some(handled) = world.work().await {
        handled.unwrap();
    }
    let jobs = world.jobs.list(&owner(), None, None, 9).await.unwrap();
    let statuses: Vec<_> = jobs.records.iter().map(|job| job.status).collect();
    assert_eq!(statuses, [JobStatus::Completed, JobStatus::Completed]);
}

#[tokio::test]
async fn an_upload_whose_event_was_lost_is_found() {
    let world = World::new();
    let run_id = begin(&world, 5).await.unwrap();
    let key = Jobs::payload_key(run_id);
    let mut writer = world.ports.objects.create(&key).await.unwrap();
    writer.write_all(b"hello").unwrap();
    writer.finish().unwrap();
    world.clock.advance(Duration::from_mins(15));
    assert_eq!(world.jobs.sweep(None).await.unwrap().uploaded, 1);
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Completed
    );
}

#[tokio::test]
async fn an_upload_is_looked_for_ever_more_rarely() {
    let world = World::new();
    begin(&world, 5).await.unwrap();
    let mut looks = 0;
    for _ in 0..24 * 60 {
        world.clock.advance(Duration::from_mins(1));
        looks += world.jobs.sweep(None).await.unwrap().looked_at;
    }
    assert_eq!(looks, 8, "after 15, 30, 60, … minutes and at the deadline");
}

#[tokio::test]
async fn a_second_upload_of_a_finished_job_is_unwanted() {
    let world = World::new();
    let run_id = begin(&world, 5).await.unwrap();
    let payload = store(&world, run_id, "1").await;
    world.jobs.upload_arrived(run_id, &payload).await.unwrap();
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Completed
    );
    let again = store(&world, run_id, "1").await;
    let arrived = world.jobs.upload_arrived(run_id, &again).await.unwrap();
    assert_eq!(arrived, UploadArrival::Unwanted);
}

#[tokio::test]
async fn an_announced_payload_goes_with_its_failed_job() {
    let world = World::new();
    let submission = World::submission(RunId::generate(world.clock.now()), 5);
    let run_id = submission.run_id;
    let key = format!("uploads/{run_id}/payload");
    let announced = Payload {
        key: key.clone(),
        upload: Some(DirectUpload::default()),
        ..submission.payload.clone()
    };
    let upload = Upload {
        run_id,
        owner: submission.owner,
        config: submission.config,
        payload: announced,
    };
    world.jobs.await_upload(upload).await.unwrap();
    world.put(&key, FAILS);
    // As an event names it.
    let came = Payload {
        key: key.clone(),
        version: Some("1".to_owned()),
        ..submission.payload
    };
    world.jobs.upload_arrived(run_id, &came).await.unwrap();
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Failed
    );
    assert!(!world.has(&key));
}

#[tokio::test]
async fn an_upload_may_not_have_more_than_a_day() {
    let mut world = World::new();
    world.set_limits(Limits {
        bytes_per_day: 9,
        ..world.limits
    });
    let refused = begin(&world, 10).await;
    assert!(matches!(refused, Err(JobError::UploadTooLarge(9))));
    begin(&world, 9).await.unwrap();
}

#[tokio::test]
async fn an_upload_is_awaited_until_it_arrives() {
    let world = World::new();
    let run_id = begin(&world, 5).await.unwrap();
    let awaiting = async || world.jobs.awaiting_upload(&owner(), run_id).await;
    assert_eq!(awaiting().await.unwrap().run_id, run_id);
    let payload = store(&world, run_id, "1").await;
    world.jobs.upload_arrived(run_id, &payload).await.unwrap();
    let error = awaiting().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the job is QUEUED and does not expect an upload"
    );
    assert_eq!(
        world.steps(run_id),
        [Step::Announced, Step::Uploaded],
        "each step is told once"
    );
}

#[tokio::test]
async fn an_upload_of_another_size_is_not_taken_for_the_announced_one() {
    let world = World::new();
    let run_id = begin(&world, 6).await.unwrap();
    world.put(&Jobs::payload_key(run_id), b"hello");
    world.clock.advance(Duration::from_mins(15));
    assert_eq!(world.jobs.sweep(None).await.unwrap().uploaded, 0);
    assert_eq!(world.status(run_id).await, Some(JobStatus::AwaitingUpload));
}

#[tokio::test]
async fn what_was_announced_is_known_after_the_event_that_does_not_say_it() {
    let world = World::new();
    let run_id = begin(&world, 5).await.unwrap();
    let event = Payload {
        upload: None,
        ..store(&world, run_id, "1").await
    };
    world.jobs.upload_arrived(run_id, &event).await.unwrap();
    let job = world.jobs.get(&owner(), run_id).await.unwrap();
    assert_eq!(job.payload.key, event.key);
    assert_eq!(job.payload.upload, Some(DirectUpload::default()));
}

#[tokio::test]
async fn an_unwanted_payload_can_be_discarded() {
    let world = World::new();
    let run_id = begin(&world, 5).await.unwrap();
    let payload = store(&world, run_id, "1").await;
    world.jobs.discard_upload(&payload).await.unwrap();
    assert!(world.objects.keys().is_empty());
    assert_eq!(world.jobs.upload_deadline(), Duration::from_hours(24));
}
