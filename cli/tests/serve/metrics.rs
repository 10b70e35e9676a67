//! What Prometheus is told.

use std::collections::HashMap;

use crate::support::{SAMPLE, Server, export};

/// The samples of a service, by name and labels.
fn samples(server: &Server) -> HashMap<String, f64> {
    let text = String::from_utf8(server.bytes("/metrics")).unwrap();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

#[test]
fn jobs_requests_and_refusals_are_counted_without_naming_any() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(
        folder.path(),
        &["--max-active-jobs=2", "--max-body-bytes=50000000"],
    );
    let sample = std::fs::read(SAMPLE).unwrap();
    let completed = server.submit("", &sample);
    server.wait(&completed);
    let failed = server.submit("?target_name=Nobody", &sample);
    server.wait(&failed);
    for _ in 0..3 {
        server.get(&format!("/data-prep/jobs/{completed}"));
    }
    assert_eq!(server.post("/data-prep/process?salvage=x", &sample).0, 422);
    assert_eq!(server.post("/data-prep/process", b"{}").0, 400);
    assert_eq!(
        server.post("/data-prep/process", &vec![b' '; 50_000_001]).0,
        413
    );
    let running = server.submit("", &export(200_000));
    server.wait_for(&running, &["RUNNING"]);
    let queued = server.submit("", &sample);
    assert_eq!(server.post("/data-prep/process", &sample).0, 429);

    let samples = samples(&server);
    let of = |name: &str| {
        let value = samples.get(name);
        *value.unwrap_or_else(|| panic!("{name}: {samples:#?}"))
    };
    for (name, value) in [
        (r#"resonare_jobs{state="COMPLETED"}"#, 1.0),
        (r#"resonare_jobs{state="FAILED"}"#, 1.0),
        (r#"resonare_jobs{state="RUNNING"}"#, 1.0),
        (r#"resonare_jobs{state="QUEUED"}"#, 1.0),
        (r#"resonare_jobs{state="DELETING"}"#, 0.0),
        ("resonare_queue_messages", 2.0),
        (r#"resonare_job_steps_total{step="submitted"}"#, 4.0),
        (r#"resonare_job_steps_total{step="claimed"}"#, 3.0),
        (r#"resonare_job_failures_total{kind="input"}"#, 1.0),
        (
            r#"resonare_job_duration_seconds_count{outcome="completed"}"#,
            1.0,
        ),
        (
            r#"resonare_job_duration_seconds_count{outcome="failed"}"#,
            1.0,
        ),
        ("resonare_job_wait_seconds_count", 3.0),
        (r#"resonare_refusals_total{reason="configuration"}"#, 1.0),
        (r#"resonare_refusals_total{reason="bad_request"}"#, 1.0),
        (r#"resonare_refusals_total{reason="too_large"}"#, 1.0),
        (r#"resonare_refusals_total{reason="active_jobs"}"#, 1.0),
        (r#"resonare_degraded{reason="tokenizer"}"#, 0.0),
        (r#"resonare_degraded{reason="disk"}"#, 0.0),
        (
            r#"resonare_requests_total{method="POST",route="/data-prep/process",status="202"}"#,
            4.0,
        ),
    ] {
        assert_eq!(
            of(name).total_cmp(&value),
            std::cmp::Ordering::Equal,
            "{name}: {samples:#?}"
        );
    }
    assert!(
        of(
            r#"resonare_requests_total{method="GET",route="/data-prep/jobs/{run_id}",status="200"}"#
        ) >= 3.0
    );
    assert!(of("resonare_received_bytes_total") > 3.0 * sample.len() as f64);
    assert!(of("resonare_oldest_queued_job_age_seconds") > 0.0);
    assert!(of("resonare_disk_free_bytes") < of("resonare_disk_size_bytes"));
    for name in samples.keys() {
        for private in [&completed, &failed, &running, &queued, "local", "Nobody"] {
            assert!(!name.contains(private), "{name}");
        }
    }
}

#[test]
fn they_need_the_secret_where_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), &["--token=s3cret"]);
    assert_eq!(server.get("/metrics").0, 401);
}
