//! What owners are told about their jobs, and what they are refused.

use std::io::Read as _;
use std::time::Duration;

use resonare_jobs::{JobError, JobStatus, LARGEST_RECORD, Limits, Owner};
use serde_json::Map;

use crate::world::{World, owner};

#[tokio::test]
async fn a_cursor_is_a_time_and_a_run() {
    let world = World::new();
    let run_id = world.submit(b"hello", None).await.unwrap();
    for cursor in [
        String::new(),
        run_id.to_string(),
        "5_run".to_owned(),
        format!("_{run_id}"),
        format!("five_{run_id}"),
        format!("123456789012345678901_{run_id}"),
    ] {
        let page = world.jobs.list(&owner(), None, Some(&cursor), 9).await;
        assert!(matches!(page, Err(JobError::NotACursor)), "{cursor}");
    }
    let cursor = format!("12345678901234567890_{run_id}");
    let page = world.jobs.list(&owner(), None, Some(&cursor), 9).await;
    page.unwrap();
}

#[tokio::test]
async fn jobs_are_listed_and_counted_by_their_state() {
    let world = World::new();
    let [done, _waiting] = [
        world.submit(b"one", None).await.unwrap(),
        world.submit(b"two", None).await.unwrap(),
    ];
    world.work().await.unwrap().unwrap();
    let completed = Some(JobStatus::Completed);
    let page = world.jobs.list(&owner(), completed, None, 9).await.unwrap();
    let listed: Vec<_> = page.records.iter().map(|job| job.run_id).collect();
    assert_eq!(listed, [done]);
    let tally = world.jobs.counters(&owner()).await.unwrap();
    assert_eq!([tally.active, tally.queued, tally.running], [1, 1, 0]);
}

#[tokio::test]
async fn positions_are_counted_up_to_a_hundred() {
    let mut world = World::new();
    world.set_limits(Limits::NONE);
    let mut jobs = Vec::new();
    for _ in 0..102 {
        let run_id = world.submit(b"x", None).await.unwrap();
        jobs.push(world.jobs.get(&owner(), run_id).await.unwrap());
        world.clock.advance(Duration::from_millis(5));
    }
    let positions = world.jobs.positions_in_queue(&jobs).await.unwrap();
    assert_eq!(positions[..3], [1, 2, 3]);
    assert_eq!(positions[98..], [99, 100, 100, 100]);
    assert!(world.jobs.positions_in_queue(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn positions_go_by_time_whatever_the_names_of_jobs() {
    let world = World::new();
    let mut jobs = Vec::new();
    for key in ["uploads/a", "uploads/b", "uploads/c", "uploads/d"] {
        world.put(key, b"hello");
        world.take_drop(key).await.unwrap();
        let run_id = World::drop_submission(key).run_id;
        jobs.push(world.jobs.get(&owner(), run_id).await.unwrap());
        world.clock.advance(Duration::from_millis(5));
    }
    let positions = world.jobs.positions_in_queue(&jobs).await.unwrap();
    assert_eq!(positions, [1, 2, 3, 4]);
    assert!(!jobs.is_sorted_by_key(|job| job.run_id));
}

#[tokio::test]
async fn an_output_can_be_read_until_it_is_removed() {
    let world = World::new();
    let run_id = world.submit(b"hello", None).await.unwrap();
    let open = async |name| world.jobs.open_output(&owner(), run_id, name).await;
    assert!(matches!(open("train.jsonl").await, Err(JobError::NotFound)));
    world.work().await.unwrap().unwrap();
    let mut bytes = Vec::new();
    let mut output = open("train.jsonl").await.unwrap();
    output.reader.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"hello");
    assert!(matches!(open("stats.json").await, Err(JobError::NotFound)));

    let key = format!("{run_id}/data/train.jsonl");
    world.ports.objects.remove(&key, None).await.unwrap();
    assert!(
        matches!(open("train.jsonl").await, Err(JobError::Gone(name)) if name == "train.jsonl")
    );
}

#[tokio::test]
async fn the_outputs_of_a_job_that_is_being_deleted_are_not_there() {
    let world = World::new();
    let run_id = world.submit(b"hello", None).await.unwrap();
    world.work().await.unwrap().unwrap();
    // The record is marked; then nothing can be removed.
    world.fail_at(4, false);
    world.jobs.delete(&owner(), run_id).await.unwrap_err();
    assert_eq!(world.status(run_id).await, Some(JobStatus::Deleting));
    assert!(world.has(&format!("{run_id}/data/train.jsonl")));
    let ann = owner();
    let output = world.jobs.open_output(&ann, run_id, "train.jsonl");
    assert!(matches!(output.await, Err(JobError::NotFound)));
}

#[tokio::test]
async fn a_limit_says_what_it_is_and_when_to_try_again() {
    let mut world = World::new();
    world.set_limits(Limits {
        active_jobs: 2,
        bytes_per_day: 9,
        upload_bytes: 9,
    });
    world.submit(b"hello", None).await.unwrap();
    let error = world.submit(b"hello", None).await.unwrap_err();
    // The clock began at 22:13:20.
    assert_eq!(
        error.to_string(),
        "you have reached the limit of 9 uploaded bytes a day; try again in 6400 seconds"
    );
    world.submit(b"x", None).await.unwrap();
    let error = world.jobs.admit(&owner()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "you have reached the limit of 2 unfinished jobs; try again in 60 seconds"
    );
}

#[tokio::test]
async fn where_there_is_no_limit_every_job_is_admitted() {
    let mut world = World::new();
    world.set_limits(Limits::NONE);
    world.submit(b"hello", None).await.unwrap();
    world.jobs.admit(&owner()).await.unwrap();
    world.set_limits(Limits {
        active_jobs: 0,
        ..Limits::NONE
    });
    world.jobs.admit(&owner()).await.unwrap_err();
}

#[tokio::test]
async fn a_configuration_may_fill_half_a_record() {
    let world = World::new();
    let configuration = |bytes: usize| {
        let text = "x".repeat(bytes);
        Map::from_iter([("system_prompt".to_owned(), text.into())])
    };
    let half = LARGEST_RECORD / 2;
    assert_eq!(half, 16_384);
    world
        .submit_with(b"hello", configuration(half - 1500))
        .await
        .unwrap();
    let refused = world.submit_with(b"hello", configuration(half)).await;
    assert!(matches!(refused, Err(JobError::ConfigurationTooLarge(most)) if most == half));
    assert_eq!(world.objects.keys().len(), 1, "its payload is removed");
}

#[tokio::test]
async fn the_job_of_an_earlier_request_is_known_by_its_key_to_its_owner() {
    let world = World::new();
    let run_id = world.submit(b"hello", Some("k")).await.unwrap();
    let found = world.jobs.submitted_with(&owner(), "k").await.unwrap();
    assert_eq!(found, Some(run_id));
    let job = world.jobs.get(&owner(), run_id).await.unwrap();
    assert_eq!(
        job.idempotency_key.as_deref(),
        Some("k"),
        "they go together"
    );
    let bob = Owner("bob".to_owned());
    assert_eq!(world.jobs.submitted_with(&bob, "k").await.unwrap(), None);
    assert_eq!(
        world.jobs.submitted_with(&owner(), "l").await.unwrap(),
        None
    );
}
