//! Single rules of a job's life.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use resonare_jobs::ports::{JobStore as _, Queue as _};
use resonare_jobs::{DeliveryOutcome, JobError, JobStatus, Limits, Owner};

use crate::world::{FAILS, NEVER_WORKS, World, owner};

#[tokio::test]
async fn a_job_is_queued_run_and_completed_and_its_payload_goes() {
    let world = World::new();
    let run_id = world.submit(b"hello", None).await.unwrap();
    assert_eq!(world.status(run_id).await, Some(JobStatus::Queued));
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Completed
    );
    let job = world.jobs.get(&owner(), run_id).await.unwrap();
    assert_eq!(
        (job.status, job.attempts, job.outputs.len()),
        (JobStatus::Completed, 1, 1)
    );
    assert!(world.has(&format!("{run_id}/data/train.jsonl")));
    assert!(!world.has(&format!("{run_id}/payload")));
    assert!(world.queue.is_empty());
}

#[tokio::test]
async fn bad_input_fails_at_once_and_a_fault_after_some_attempts() {
    let world = World::new();
    let bad = world.submit(FAILS, None).await.unwrap();
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Failed
    );
    let job = world.jobs.get(&owner(), bad).await.unwrap();
    assert_eq!(
        (job.attempts, job.error_message.as_deref()),
        (1, Some("the export is no export"))
    );

    let faulty = world.submit(NEVER_WORKS, None).await.unwrap();
    for pause in [1, 2] {
        assert_eq!(
            world.work().await.unwrap().unwrap(),
            DeliveryOutcome::Postponed
        );
        assert!(world.work().await.is_none(), "there is a pause");
        world.clock.advance(Duration::from_secs(pause));
    }
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Failed
    );
    let job = world.jobs.get(&owner(), faulty).await.unwrap();
    assert_eq!(
        job.error_message.as_deref(),
        Some("given up after 3 attempts: the hub is down")
    );
    assert!(world.queue.is_empty() && world.objects.keys().is_empty());
}

#[tokio::test]
async fn a_second_delivery_does_nothing() {
    let world = World::new();
    let run_id = world.submit(b"hello", None).await.unwrap();
    world
        .queue
        .send(run_id, &owner(), Duration::ZERO)
        .await
        .unwrap();
    world
        .queue
        .send(run_id, &owner(), Duration::from_secs(9))
        .await
        .unwrap();
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Completed
    );
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Nothing
    );
    assert_eq!(world.told(run_id, "completed"), 1, "it is counted once");
    world.jobs.delete(&owner(), run_id).await.unwrap();
    world.clock.advance(Duration::from_secs(9));
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Nothing
    );
    assert_eq!(world.commits(run_id), 1);
    assert!(world.queue.is_empty() && world.objects.keys().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_message_of_a_job_under_a_lease_is_hidden_and_no_attempt() {
    let world = World::new();
    let run_id = world.submit(b"hello", None).await.unwrap();
    let first = world.message().await;
    let slow = world.copier(Duration::from_secs(5));
    let never = AtomicBool::new(false);
    let working = world.jobs.handle(&first, &slow, &never);
    let meanwhile = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        for _ in 0..20 {
            world
                .queue
                .send(run_id, &owner(), Duration::ZERO)
                .await
                .unwrap();
            assert_eq!(
                world.work().await.unwrap().unwrap(),
                DeliveryOutcome::Elsewhere
            );
        }
    };
    let (handled, ()) = tokio::join!(working, meanwhile);
    assert_eq!(handled.unwrap(), DeliveryOutcome::Completed);
    let job = world.jobs.get(&owner(), run_id).await.unwrap();
    assert_eq!((job.attempts, world.commits(run_id)), (1, 1));
    world.settle().await;
    assert_eq!(world.commits(run_id), 1);
    assert!(world.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_extended_while_the_job_runs() {
    let mut world = World::new();
    world.set_lease(Duration::from_secs(2));
    let run_id = world.submit(b"hello", None).await.unwrap();
    let message = world
        .queue
        .receive(Duration::from_secs(2))
        .await
        .unwrap()
        .unwrap();
    let slow = world.copier(Duration::from_secs(20));
    let never = AtomicBool::new(false);
    let working = world.jobs.handle(&message, &slow, &never);
    tokio::pin!(working);
    let handled = loop {
        tokio::select! {
            handled = &mut working => break handled,
            () = tokio::time::sleep(Duration::from_secs(1)) => {
                world.clock.advance(Duration::from_secs(1));
                world.queue.send(run_id, &owner(), Duration::ZERO).await.unwrap();
                while let Some(other) = world.work().await {
                    assert_eq!(other.unwrap(), DeliveryOutcome::Elsewhere);
                }
                assert_eq!(world.jobs.sweep(None).await.unwrap().released, 0);
            }
        }
    };
    assert_eq!(handled.unwrap(), DeliveryOutcome::Completed);
    let job = world.jobs.get(&owner(), run_id).await.unwrap();
    assert_eq!((job.attempts, world.commits(run_id)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_worker_whose_lease_ran_out_cannot_commit() {
    let world = World::new();
    let run_id = world.submit(b"hello", None).await.unwrap();
    let lease = world.timings.lease;
    let never = AtomicBool::new(false);
    let copier = |takes| world.copier(Duration::from_secs(takes));
    // The first ends before it could notice, the second when it wants to extend its lease.
    for takes in [5, 40] {
        let stalled = world.queue.receive(lease).await.unwrap().unwrap();
        let slow = copier(takes);
        let stalling = world.jobs.handle(&stalled, &slow, &never);
        let taking_over = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            world.clock.advance(lease * 2);
            let message = world.queue.receive(lease).await.unwrap().unwrap();
            let stop = AtomicBool::new(false);
            let other = copier(60);
            let handling = world.jobs.handle(&message, &other, &stop);
            let stopping = async {
                tokio::time::sleep(Duration::from_secs(50)).await;
                stop.store(true, Ordering::Relaxed);
            };
            let (handled, ()) = tokio::join!(handling, stopping);
            assert_eq!(handled.unwrap(), DeliveryOutcome::Postponed);
        };
        let (handled, ()) = tokio::join!(stalling, taking_over);
        assert_eq!(handled.unwrap(), DeliveryOutcome::Lost);
        assert_eq!(world.commits(run_id), 0);
    }
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Completed
    );
    assert_eq!(world.commits(run_id), 1);
}

#[tokio::test(start_paused = true)]
async fn deleting_a_running_job_leaves_nothing() {
    let world = World::new();
    let run_id = world.submit(b"hello", None).await.unwrap();
    let message = world.message().await;
    let slow = world.copier(Duration::from_mins(1));
    let never = AtomicBool::new(false);
    let working = world.jobs.handle(&message, &slow, &never);
    let deleting = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.jobs.delete(&owner(), run_id).await.unwrap();
        assert!(matches!(
            world.jobs.get(&owner(), run_id).await,
            Err(JobError::NotFound)
        ));
    };
    let (handled, ()) = tokio::join!(working, deleting);
    assert_eq!(handled.unwrap(), DeliveryOutcome::Lost);
    assert_eq!(world.status(run_id).await, None);
    assert!(world.objects.keys().is_empty() && world.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_told_to_stop_gives_the_job_back_untried() {
    let world = World::new();
    let run_id = world.submit(b"hello", None).await.unwrap();
    let message = world.message().await;
    let slow = world.copier(Duration::from_mins(1));
    let stop = AtomicBool::new(false);
    let stopping = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stop.store(true, Ordering::Relaxed);
    };
    let (handled, ()) = tokio::join!(world.jobs.handle(&message, &slow, &stop), stopping);
    assert_eq!(handled.unwrap(), DeliveryOutcome::Postponed);
    let job = world.jobs.get(&owner(), run_id).await.unwrap();
    assert_eq!((job.status, job.attempts), (JobStatus::Queued, 0));
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Completed
    );
}

#[tokio::test]
async fn the_jobs_of_others_are_not_there() {
    let world = World::new();
    let run_id = world.submit(b"hello", None).await.unwrap();
    let bob = Owner("bob".to_owned());
    assert!(matches!(
        world.jobs.get(&bob, run_id).await,
        Err(JobError::NotFound)
    ));
    assert!(matches!(
        world.jobs.delete(&bob, run_id).await,
        Err(JobError::NotFound)
    ));
    assert!(
        world
            .jobs
            .list(&bob, None, None, 9)
            .await
            .unwrap()
            .records
            .is_empty()
    );
    assert_eq!(world.status(run_id).await, Some(JobStatus::Queued));
}

#[tokio::test]
async fn an_idempotency_key_stands_for_one_job() {
    let world = World::new();
    let first = world.submit(b"hello", Some("k")).await.unwrap();
    assert_eq!(world.submit(b"hello", Some("k")).await.unwrap(), first);
    assert!(matches!(
        world.submit(b"other", Some("k")).await,
        Err(JobError::KeyReused)
    ));
    assert_ne!(world.submit(b"other", Some("l")).await.unwrap(), first);
    assert_eq!(
        world.objects.keys().len(),
        2,
        "payloads of refused requests are removed"
    );
    world.settle().await;
    assert_eq!(world.commits(first), 1);
    world.clock.advance(Duration::from_hours(24));
    assert_ne!(
        world.submit(b"other", Some("k")).await.unwrap(),
        first,
        "it has expired"
    );
}

#[tokio::test]
async fn a_repeated_request_sends_the_job_that_the_first_could_not_send() {
    let world = World::new();
    // reserve, create the object, ask for the key, create the record, send.
    world.kill_at(5, false);
    let submitting = world.submit(b"hello", Some("k"));
    assert!(world.until_killed(submitting).await.is_none());
    world.heal();
    assert!(world.queue.is_empty());
    for _ in 0..2 {
        world.submit(b"hello", Some("k")).await.unwrap();
        assert_eq!(world.queue.len(), 1);
    }
}

#[tokio::test]
async fn an_owner_has_limits() {
    let mut world = World::new();
    world.set_limits(Limits {
        active_jobs: 2,
        bytes_per_day: 10,
        upload_bytes: 10,
    });
    for _ in 0..2 {
        world.jobs.admit(&owner()).await.unwrap();
        world.submit(b"four", None).await.unwrap();
    }
    assert!(matches!(
        world.jobs.admit(&owner()).await,
        Err(JobError::LimitReached { .. })
    ));
    world.jobs.admit(&Owner("bob".to_owned())).await.unwrap();
    let Err(JobError::LimitReached { retry_after, .. }) = world.submit(b"four", None).await else {
        panic!("12 bytes are more than 10");
    };
    assert_eq!(world.objects.keys().len(), 2);
    world.settle().await;
    world.jobs.admit(&owner()).await.unwrap();
    world.clock.advance(retry_after);
    world.submit(b"four", None).await.unwrap();
}

#[tokio::test]
async fn the_position_counts_those_that_wait_before() {
    let world = World::new();
    let mut submitted = Vec::new();
    for _ in 0..3 {
        submitted.push(world.submit(b"x", None).await.unwrap());
        world.clock.advance(Duration::from_millis(5));
    }
    let position = async |run_id| {
        let job = world.jobs.get(&owner(), run_id).await.unwrap();
        world.jobs.positions_in_queue(&[job]).await.unwrap()[0]
    };
    assert_eq!(
        [position(submitted[0]).await, position(submitted[2]).await],
        [1, 3]
    );
    world.work().await.unwrap().unwrap();
    assert_eq!(
        [position(submitted[0]).await, position(submitted[2]).await],
        [0, 2]
    );
}

#[tokio::test]
async fn what_is_over_vanishes() {
    let world = World::new();
    let run_id = world.submit(b"hello", None).await.unwrap();
    world.work().await.unwrap().unwrap();
    world.clock.advance(Duration::from_hours(7 * 24));
    assert!(matches!(
        world.jobs.get(&owner(), run_id).await,
        Err(JobError::NotFound)
    ));
    assert!(
        world
            .jobs
            .list(&owner(), None, None, 9)
            .await
            .unwrap()
            .records
            .is_empty()
    );
    assert_eq!(world.jobs.sweep(None).await.unwrap().deleted, 1);
    assert!(world.records.get(run_id).await.unwrap().is_none() && world.objects.keys().is_empty());
}
