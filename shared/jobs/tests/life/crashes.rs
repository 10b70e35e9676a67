//! A process that dies, or a port that fails, between any two steps.

use std::time::Duration;

use proptest::prelude::*;
use resonare_jobs::JobStatus;
use resonare_jobs::ports::JobStore as _;

use crate::world::{World, owner};

/// More calls than a submission and its processing make.
const CALLS: u64 = 25;

/// Everything is in order: nothing waits, nothing runs, nothing is left over.
async fn is_settled(world: &World) {
    let all = world
        .records
        .list(&owner(), None, None, 999)
        .await
        .unwrap()
        .records;
    for record in &all {
        assert!(record.status.is_finished(), "{record:?}");
        assert!(world.commits(record.run_id) <= 1, "{record:?}");
        let completed = record.status == JobStatus::Completed;
        assert_eq!(
            world.has(&format!("{}/data/train.jsonl", record.run_id)),
            completed
        );
    }
    let outputs = all
        .iter()
        .filter(|record| record.status == JobStatus::Completed)
        .count();
    assert_eq!(
        world.objects.keys().len(),
        outputs,
        "{:?}",
        world.objects.keys()
    );
    assert!(world.queue.is_empty());
}

#[tokio::test]
async fn a_process_that_dies_at_any_step_loses_nothing_and_commits_once() {
    for call in 1..=CALLS {
        for after in [false, true] {
            let world = World::new();
            world.kill_at(call, after);
            let accepted = world.until_killed(world.submit(b"hello", None)).await;
            if accepted.is_some() {
                world.until_killed(world.work()).await;
            }
            world.heal();
            world.settle().await;
            // Two days later even what never became a job is gone.
            if let Some(run_id) = accepted {
                let run_id = run_id.unwrap();
                assert_eq!(
                    world.status(run_id).await,
                    Some(JobStatus::Completed),
                    "{call} {after}"
                );
                assert_eq!(world.commits(run_id), 1, "{call} {after}");
            }
            world.clock.advance(Duration::from_hours(25));
            world.settle().await;
            is_settled(&world).await;
        }
    }
}

#[tokio::test]
async fn a_repeated_request_after_a_crash_is_one_job() {
    for call in 1..=CALLS {
        for after in [false, true] {
            let world = World::new();
            world.kill_at(call, after);
            let first = world.until_killed(world.submit(b"hello", Some("k"))).await;
            world.heal();
            let second = world.submit(b"hello", Some("k")).await.unwrap();
            if let Some(first) = first {
                assert_eq!(first.unwrap(), second);
            }
            world.settle().await;
            world.clock.advance(Duration::from_hours(25));
            world.settle().await;
            assert_eq!(world.commits(second), 1, "{call} {after}");
            assert_eq!(world.records.completions().len(), 1, "{call} {after}");
            is_settled(&world).await;
        }
    }
}

#[tokio::test]
async fn a_port_that_fails_once_loses_nothing_and_commits_once() {
    for call in 1..=CALLS {
        for answer_is_lost in [false, true] {
            let world = World::new();
            world.fail_at(call, answer_is_lost);
            let accepted = world.submit(b"hello", None).await;
            if let Some(handled) = world.work().await {
                // The message comes back.
                let _failed = handled;
            }
            world.heal();
            world.settle().await;
            if let Ok(run_id) = accepted {
                assert_eq!(
                    world.status(run_id).await,
                    Some(JobStatus::Completed),
                    "{call}"
                );
                assert_eq!(world.commits(run_id), 1, "{call}");
            }
            world.clock.advance(Duration::from_hours(25));
            world.settle().await;
            is_settled(&world).await;
        }
    }
}

#[tokio::test]
async fn a_deletion_that_dies_at_any_step_is_finished() {
    for call in 1..=CALLS {
        for after in [false, true] {
            let world = World::new();
            let run_id = world.submit(b"hello", None).await.unwrap();
            if call % 2 == 0 {
                world.work().await.unwrap().unwrap();
            }
            world.kill_at(call.div_ceil(2), after);
            world
                .until_killed(world.jobs.delete(&owner(), run_id))
                .await;
            world.heal();
            let begun = world
                .status(run_id)
                .await
                .is_none_or(|status| status == JobStatus::Deleting);
            world.settle().await;
            if begun {
                assert_eq!(world.status(run_id).await, None);
                assert!(world.objects.keys().is_empty() && world.queue.is_empty());
            }
        }
    }
}

/// One thing that happens in a life.
#[derive(Clone, Debug)]
enum Event {
    Submit,
    Work,
    Duplicate(prop::sample::Index),
    Delete(prop::sample::Index),
    Sweep,
    Wait(u64),
    Kill(u64, bool),
    Fail(u64, bool),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => Just(Event::Submit),
        5 => Just(Event::Work),
        2 => any::<prop::sample::Index>().prop_map(Event::Duplicate),
        1 => any::<prop::sample::Index>().prop_map(Event::Delete),
        2 => Just(Event::Sweep),
        2 => (1_u64..2000).prop_map(Event::Wait),
        3 => (1_u64..12, any::<bool>()).prop_map(|(call, after)| Event::Kill(call, after)),
        3 => (1_u64..12, any::<bool>()).prop_map(|(call, lost)| Event::Fail(call, lost)),
    ]
}

async fn live(events: Vec<Event>) {
    let world = World::new();
    let (mut accepted, mut deleted) = (Vec::new(), Vec::new());
    for event in events {
        let mut killed = false;
        match event {
            Event::Submit => match world.until_killed(world.submit(b"hello", None)).await {
                Some(Ok(run_id)) => accepted.push(run_id),
                Some(Err(_)) => {}
                None => killed = true,
            },
            Event::Work => killed = world.until_killed(world.work()).await.is_none(),
            Event::Sweep => killed = world.until_killed(world.jobs.sweep(None)).await.is_none(),
            Event::Duplicate(which) if !accepted.is_empty() => {
                let (run_id, owner) = (*which.get(&accepted), owner());
                let queue = &world.ports.queue;
                let again = queue.send(run_id, &owner, Duration::ZERO);
                killed = world.until_killed(again).await.is_none();
            }
            Event::Delete(which) if !accepted.is_empty() => {
                let run_id = *which.get(&accepted);
                deleted.push(run_id);
                killed = world
                    .until_killed(world.jobs.delete(&owner(), run_id))
                    .await
                    .is_none();
            }
            Event::Wait(seconds) => world.clock.advance(Duration::from_secs(seconds)),
            Event::Kill(call, after) => world.kill_at(call, after),
            Event::Fail(call, lost) => world.fail_at(call, lost),
            Event::Duplicate(_) | Event::Delete(_) => {}
        }
        if killed {
            world.heal();
        }
    }
    world.heal();
    world.settle().await;
    world.clock.advance(Duration::from_hours(25));
    world.settle().await;
    is_settled(&world).await;
    for run_id in accepted {
        assert!(
            deleted.contains(&run_id) || world.status(run_id).await.is_some(),
            "{run_id} is lost"
        );
    }
    assert!(world.now() > jiff::Timestamp::UNIX_EPOCH);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_order_of_events_loses_a_job_or_commits_two_results(events in prop::collection::vec(event(), 0..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(live(events));
    }
}
