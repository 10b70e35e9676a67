//! Objects that somebody put without a call. None is lost: not by a limit, a repeated event, a wrong
//! configuration or a crash.

use std::time::Duration;

use proptest::prelude::*;
use resonare_jobs::ports::{JobStore as _, Limit};
use resonare_jobs::{
    DeliveryOutcome, DropArrival, FailureKind, JobError, JobStatus, Limits, RunId, Step,
};
use serde_json::Map;

use crate::world::{FAILS, World, owner};

fn run_of(key: &str) -> RunId {
    World::drop_submission(key).run_id
}

/// A world in which an owner has room for that many unfinished jobs.
fn with_room_for(active_jobs: usize) -> World {
    let mut world = World::new();
    world.set_limits(Limits {
        active_jobs,
        ..world.limits
    });
    world
}

/// A world in which an owner may upload that many bytes a day.
fn with_bytes_a_day(bytes_per_day: u64) -> World {
    let mut world = World::new();
    world.set_limits(Limits {
        bytes_per_day,
        ..world.limits
    });
    world
}

/// Two objects of five bytes are put, and their events come.
async fn drop_two(world: &World) {
    for key in ["uploads/a", "uploads/b"] {
        world.put(key, b"hello");
        world.take_drop(key).await.unwrap();
    }
}

#[tokio::test]
async fn a_repeated_event_at_the_limit_changes_nothing() {
    let world = with_room_for(1);
    world.put("uploads/a", b"hello");
    assert_eq!(
        world.take_drop("uploads/a").await.unwrap(),
        DropArrival::Queued
    );
    // The job itself is as many as may be unfinished.
    assert_eq!(
        world.take_drop("uploads/a").await.unwrap(),
        DropArrival::Before
    );
    assert!(world.has("uploads/a"));
    assert_eq!(world.queue.len(), 1, "its message was sent once");
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Completed
    );
    assert!(!world.has("uploads/a"));
    assert_eq!(
        world.take_drop("uploads/a").await.unwrap(),
        DropArrival::Before
    );
    assert_eq!(world.commits(run_of("uploads/a")), 1);
}

#[tokio::test]
async fn what_finds_no_room_waits_for_it() {
    let world = with_room_for(1);
    drop_two(&world).await;
    let held = world.jobs.get(&owner(), run_of("uploads/b")).await.unwrap();
    assert_eq!(held.status, JobStatus::Queued);
    assert!(held.error_message.unwrap().starts_with("waiting"));
    assert_eq!(
        world.take_drop("uploads/b").await.unwrap(),
        DropArrival::Before
    );
    assert_eq!(world.queue.len(), 1);
    world.clock.advance(Duration::from_mins(3));
    assert_eq!(world.jobs.sweep(None).await.unwrap().admitted, 0);
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Completed
    );
    world.clock.advance(Duration::from_mins(3));
    assert_eq!(world.jobs.sweep(None).await.unwrap().admitted, 1);
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Completed
    );
    let done = world.jobs.get(&owner(), run_of("uploads/b")).await.unwrap();
    assert_eq!(
        (done.status, done.error_message),
        (JobStatus::Completed, None)
    );
}

#[tokio::test]
async fn bytes_that_are_too_many_today_are_taken_tomorrow() {
    let world = with_bytes_a_day(9);
    drop_two(&world).await;
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Completed
    );
    world.clock.advance(Duration::from_hours(1));
    let swept = world.jobs.sweep(None).await.unwrap();
    assert_eq!((swept.looked_at, swept.admitted), (1, 0));
    world.clock.advance(Duration::from_hours(24));
    world.settle().await;
    assert_eq!(
        world.status(run_of("uploads/b")).await,
        Some(JobStatus::Completed)
    );
}

#[tokio::test]
async fn a_new_submission_does_not_overtake_what_waits_for_room() {
    let world = with_room_for(1);
    drop_two(&world).await;
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Completed
    );
    let early = world.jobs.admit(&owner()).await;
    assert!(matches!(early, Err(JobError::LimitReached { .. })));
    world.put("uploads/c", b"hello");
    assert_eq!(
        world.take_drop("uploads/c").await.unwrap(),
        DropArrival::Held
    );
    world.clock.advance(Duration::from_mins(2));
    assert_eq!(world.jobs.sweep(None).await.unwrap().admitted, 1);
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Completed
    );
    assert_eq!(
        world.status(run_of("uploads/b")).await,
        Some(JobStatus::Completed)
    );
    world.clock.advance(Duration::from_mins(2));
    assert_eq!(world.jobs.sweep(None).await.unwrap().admitted, 1);
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Completed
    );
    world.jobs.admit(&owner()).await.unwrap();
}

#[tokio::test]
async fn room_goes_to_what_has_waited_longest() {
    let world = with_room_for(1);
    drop_two(&world).await;
    // After two hours, it is checked once in a quarter of an hour.
    world.clock.advance(Duration::from_hours(2));
    assert_eq!(world.jobs.sweep(None).await.unwrap().admitted, 0);
    world.put("uploads/c", b"hello");
    world.take_drop("uploads/c").await.unwrap();
    world.work().await.unwrap().unwrap();
    // The one that came last is due first.
    world.clock.advance(Duration::from_mins(2));
    let report = world.jobs.sweep(None).await.unwrap();
    assert_eq!((report.looked_at, report.admitted), (1, 1));
    world.work().await.unwrap().unwrap();
    let completed = Some(JobStatus::Completed);
    assert_eq!(world.status(run_of("uploads/b")).await, completed);
    // It has lost nothing by it.
    assert_eq!(world.jobs.sweep(None).await.unwrap().admitted, 1);
    world.work().await.unwrap().unwrap();
    assert_eq!(world.status(run_of("uploads/c")).await, completed);
}

#[tokio::test]
async fn what_waits_for_the_next_day_is_taken_first_then_and_keeps_nobody_waiting() {
    let world = with_bytes_a_day(9);
    drop_two(&world).await;
    world.jobs.admit(&owner()).await.unwrap();
    // The clock began at 22:13:20.
    world.clock.advance(Duration::from_secs(6399));
    assert_eq!(world.jobs.sweep(None).await.unwrap().admitted, 0);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.jobs.sweep(None).await.unwrap().admitted, 1);
}

#[tokio::test]
async fn what_waits_says_for_which_limit() {
    let mut world = with_room_for(1);
    drop_two(&world).await;
    let reason = async |world: &World| {
        let held = world.jobs.get(&owner(), run_of("uploads/b")).await.unwrap();
        held.error_message.unwrap()
    };
    assert!(reason(&world).await.contains("unfinished jobs"));
    world.set_limits(Limits {
        active_jobs: 9,
        bytes_per_day: 9,
        ..world.limits
    });
    world.clock.advance(Duration::from_mins(2));
    assert_eq!(world.jobs.sweep(None).await.unwrap().admitted, 0);
    assert!(reason(&world).await.contains("bytes for today"));
}

#[tokio::test]
async fn what_cannot_be_taken_stays_until_its_time_is_over_and_says_what_to_do() {
    let mut world = World::new();
    world.set_limits(Limits {
        upload_bytes: 5,
        ..world.limits
    });
    world.put("uploads/wrong", b"hello");
    world.put("uploads/bad", FAILS);
    assert_eq!(
        world.take_drop("uploads/wrong").await.unwrap(),
        DropArrival::Refused
    );
    assert_eq!(
        world.take_drop("uploads/wrong").await.unwrap(),
        DropArrival::Before
    );
    world.take_drop("uploads/bad").await.unwrap();
    assert_eq!(
        world.work().await.unwrap().unwrap(),
        DeliveryOutcome::Failed
    );
    world.set_limits(Limits {
        upload_bytes: 4,
        ..world.limits
    });
    world.put("uploads/large", b"hello");
    assert_eq!(
        world.take_drop("uploads/large").await.unwrap(),
        DropArrival::Refused
    );
    let keys = ["uploads/wrong", "uploads/bad", "uploads/large"];
    for key in keys {
        let job = world.jobs.get(&owner(), run_of(key)).await.unwrap();
        assert_eq!(job.status, JobStatus::Failed);
        assert!(world.has(key), "{key}");
    }
    let wrong = world.jobs.get(&owner(), run_of(keys[0])).await.unwrap();
    assert!(wrong.error_message.unwrap().contains("upload it again"));
    world.clock.advance(Duration::from_hours(7 * 24));
    world.jobs.sweep(None).await.unwrap();
    assert!(world.objects.keys().is_empty());
}

#[tokio::test]
async fn an_object_that_was_put_again_is_not_removed_with_the_job_of_the_first() {
    for (is_put_again, is_left) in [(false, false), (true, true)] {
        let world = World::new();
        world.put("uploads/a", b"hello");
        let found = world.ports.objects.find("uploads/a").await.unwrap();
        let mut submission = World::drop_submission("uploads/a");
        submission.payload.last_modified = found.unwrap().last_modified;
        let taken = world.jobs.take_drop(submission, Map::new(), None);
        assert_eq!(taken.await.unwrap(), DropArrival::Queued);
        if is_put_again {
            world.put("uploads/a", b"hello");
        }
        assert_eq!(
            world.work().await.unwrap().unwrap(),
            DeliveryOutcome::Completed
        );
        assert_eq!(world.has("uploads/a"), is_left);
    }
}

#[tokio::test]
async fn an_object_of_the_largest_size_is_taken_and_a_larger_one_refused_with_the_reason() {
    let mut world = World::new();
    for (limit, arrival) in [(5, DropArrival::Queued), (4, DropArrival::Refused)] {
        world.set_limits(Limits {
            upload_bytes: limit,
            ..world.limits
        });
        let key = format!("uploads/{limit}");
        world.put(&key, b"hello");
        assert_eq!(world.take_drop(&key).await.unwrap(), arrival);
    }
    let refused = run_of("uploads/4");
    let job = world.jobs.get(&owner(), refused).await.unwrap();
    let error = job.error_message.unwrap();
    assert!(error.starts_with("an upload may have up to 4 bytes; the object stays in the bucket"));
    assert_eq!(world.steps(refused), [Step::Failed(FailureKind::Refused)]);
}

#[tokio::test]
async fn a_refused_object_keeps_the_operators_configuration_and_not_its_own() {
    let world = World::new();
    world.put("uploads/a", b"hello");
    let configuration = |model: &str| Map::from_iter([("model_id".to_owned(), model.into())]);
    let mut submission = World::drop_submission("uploads/a");
    submission.config = configuration("unheard/of");
    let problem = Some("no such model".to_owned());
    let taken = world
        .jobs
        .take_drop(submission, configuration("a/b"), problem);
    assert_eq!(taken.await.unwrap(), DropArrival::Refused);
    let job = world.jobs.get(&owner(), run_of("uploads/a")).await.unwrap();
    assert_eq!(job.config, configuration("a/b"));
}

#[tokio::test]
async fn a_job_that_never_found_room_is_told_as_refused_and_one_that_did_is_admitted_once() {
    let world = with_room_for(1);
    for key in ["uploads/a", "uploads/b"] {
        world.put(key, b"hello");
        world.take_drop(key).await.unwrap();
    }
    world.clock.advance(Duration::from_hours(7 * 24));
    assert_eq!(world.jobs.sweep(None).await.unwrap().deleted, 2);
    let refused = [
        Step::Held(Limit::ActiveJobs),
        Step::Failed(FailureKind::Refused),
    ];
    assert_eq!(world.steps(run_of("uploads/b")), refused);
    let expired = [Step::Submitted, Step::Expired];
    assert_eq!(world.steps(run_of("uploads/a")), expired);
}

/// Something that happens while objects come.
#[derive(Clone, Debug)]
enum Event {
    Put(u8),
    Repeat(u8),
    Work,
    Sweep,
    Wait(u64),
    Kill(u64, bool),
    Fail(u64, bool),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0_u8..6).prop_map(Event::Put),
        4 => (0_u8..6).prop_map(Event::Repeat),
        4 => Just(Event::Work),
        3 => Just(Event::Sweep),
        2 => (1_u64..4000).prop_map(Event::Wait),
        4 => (1_u64..10, any::<bool>()).prop_map(|(call, after)| Event::Kill(call, after)),
        2 => (1_u64..10, any::<bool>()).prop_map(|(call, lost)| Event::Fail(call, lost)),
    ]
}

fn key(number: u8) -> String {
    // One of them has a configuration that can't be used, one a content that fails.
    let name = ["a", "b", "c", "d", "wrong", "bad"][usize::from(number)];
    format!("uploads/{name}")
}

/// An object is there, or its outputs are.
async fn nothing_is_lost(world: &World, put: &[u8]) {
    for number in put {
        let key = key(*number);
        let is_done = world.status(run_of(&key)).await == Some(JobStatus::Completed);
        assert!(world.has(&key) || is_done, "{key} is lost");
    }
}

async fn live(events: Vec<Event>) {
    let mut world = with_room_for(2);
    world.set_limits(Limits {
        bytes_per_day: 12,
        ..world.limits
    });
    let mut put = Vec::new();
    for event in events {
        let mut killed = false;
        match event {
            Event::Put(number) if !put.contains(&number) => {
                let bytes = if number == 5 { FAILS } else { b"hello" };
                world.put(&key(number), bytes);
                put.push(number);
                killed = world
                    .until_killed(world.take_drop(&key(number)))
                    .await
                    .is_none();
            }
            Event::Repeat(number) if put.contains(&number) => {
                killed = world
                    .until_killed(world.take_drop(&key(number)))
                    .await
                    .is_none();
            }
            Event::Work => killed = world.until_killed(world.work()).await.is_none(),
            Event::Sweep => killed = world.until_killed(world.jobs.sweep(None)).await.is_none(),
            Event::Wait(seconds) => world.clock.advance(Duration::from_secs(seconds)),
            Event::Kill(call, after) => world.kill_at(call, after),
            Event::Fail(call, lost) => world.fail_at(call, lost),
            Event::Put(_) | Event::Repeat(_) => {}
        }
        if killed {
            world.heal();
        }
        nothing_is_lost(&world, &put).await;
    }
    world.heal();
    // The platform repeats an event until it was taken; then room comes.
    for number in &put {
        world.take_drop(&key(*number)).await.unwrap();
    }
    for _ in 0..4 {
        world.settle().await;
        world.clock.advance(Duration::from_hours(21));
    }
    nothing_is_lost(&world, &put).await;
    for number in put {
        let job = world.jobs.get(&owner(), run_of(&key(number))).await;
        let job = job.unwrap();
        let was_given_up = job
            .error_message
            .is_some_and(|error| error.contains("given up"));
        let expected = if number < 4 && !was_given_up {
            JobStatus::Completed
        } else {
            JobStatus::Failed
        };
        assert_eq!(job.status, expected, "{}", key(number));
        assert!(world.commits(run_of(&key(number))) <= 1);
    }
    assert_eq!(world.records.counters(&owner()).await.unwrap().active, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_order_of_events_loses_an_object(events in prop::collection::vec(event(), 0..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(live(events));
    }
}

#[tokio::test]
async fn a_process_that_dies_at_any_step_of_the_way_in_loses_nothing() {
    for call in 1..=12 {
        for after in [false, true] {
            for active_jobs in [0, 1, 9] {
                let mut world = with_room_for(active_jobs);
                world.put("uploads/a", b"hello");
                world.kill_at(call, after);
                world.until_killed(world.take_drop("uploads/a")).await;
                world.heal();
                assert!(world.has("uploads/a"));
                world.take_drop("uploads/a").await.unwrap();
                world.set_limits(Limits::NONE);
                world.settle().await;
                let run_id = run_of("uploads/a");
                assert_eq!(world.status(run_id).await, Some(JobStatus::Completed));
                assert_eq!(world.commits(run_id), 1);
            }
        }
    }
}
