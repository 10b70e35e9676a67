//! Many at once.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::support::{SAMPLE, Server};

const SUBMISSIONS: usize = 200;
const CONNECTIONS: usize = 32;
const LIMIT: usize = 150;

/// Older jobs come first; jobs that were taken while the queue was looked at may share a position with
/// the next. A job that is not queued has none.
fn check_positions(queue: &Value) {
    let jobs = queue["jobs"].as_object().unwrap().values();
    let mut positions: Vec<(String, u64)> = jobs
        .clone()
        .filter(|job| job["status"] == "QUEUED")
        .map(|job| {
            let created_at = job["created_at"].as_str().unwrap().to_owned();
            (created_at, job["position_in_queue"].as_u64().unwrap())
        })
        .collect();
    positions.sort();
    assert!(
        positions.windows(2).all(|pair| pair[0].1 <= pair[1].1),
        "{positions:?}"
    );
    assert!(positions.iter().all(|(_, position)| *position >= 1));
    let rest = jobs.filter(|job| job["status"] != "QUEUED");
    assert!(rest.clone().all(|job| job["position_in_queue"] == 0));
}

#[test]
fn two_hundred_submissions_over_32_connections_are_done_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let limit = format!("--max-active-jobs={LIMIT}");
    let server = Server::start_with(folder.path(), &[&limit, "--jobs=2"]);
    let sample = std::fs::read(SAMPLE).unwrap();
    let (next, accepted, refused) = (
        AtomicUsize::new(0),
        std::sync::Mutex::new(Vec::new()),
        AtomicUsize::new(0),
    );
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                while next.fetch_add(1, Ordering::Relaxed) < SUBMISSIONS {
                    let (status, answer) = server.post("/data-prep/process", &sample);
                    match status {
                        202 => {
                            let run_id = answer["run_id"].as_str().unwrap().to_owned();
                            accepted.lock().unwrap().push(run_id);
                        }
                        429 => {
                            refused.fetch_add(1, Ordering::Relaxed);
                        }
                        status => panic!("{status}: {answer}"),
                    }
                }
            });
        }
        while next.load(Ordering::Relaxed) < SUBMISSIONS {
            let (status, queue) = server.get("/data-prep/system/queue");
            assert_eq!(status, 200);
            check_positions(&queue);
        }
    });
    let accepted = accepted.into_inner().unwrap();
    assert_eq!(accepted.len() + refused.into_inner(), SUBMISSIONS);
    assert!(accepted.len() >= LIMIT - CONNECTIONS);
    let mut outputs = Vec::new();
    for run_id in &accepted {
        let job = server.wait(run_id);
        assert_eq!(
            (&job["status"], &job["attempts"]),
            (&"COMPLETED".into(), &1.into())
        );
        outputs.push(server.output(run_id, "train.jsonl"));
    }
    outputs.dedup();
    assert_eq!(outputs.len(), 1, "the same export gives the same bytes");
    let (_, queue) = server.get("/data-prep/system/queue");
    assert_eq!(
        (&queue["running"], &queue["queue_size"]),
        (&false.into(), &0.into())
    );
    assert!(server.peak_memory() < 200 << 20);
}
