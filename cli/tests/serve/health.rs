//! What a service says of its health.

use std::time::{Duration, Instant};

use crate::support::{Server, export};

#[test]
fn a_disk_that_is_nearly_full_takes_no_more_exports_and_gives_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let (_, health) = server.get("/data-prep/system/health");
    assert_eq!(health["status"], "healthy", "{health}");
    assert_eq!(health["reasons"], serde_json::json!([]));
    assert_eq!(
        (&health["s3"], &health["storage"]),
        (&"missing".into(), &"local".into())
    );
    let run_id = server.submit("", &export(1000));
    server.wait(&run_id);
    // More than there is to announce.
    let (status, problem) = server.post("/data-prep/uploads", br#"{"size_bytes": 1099511627776}"#);
    assert_eq!(status, 503, "{problem}");
    server.terminate();

    let all = u64::MAX.to_string();
    let server = Server::start_with(folder.path(), &["--min-free-bytes", &all]);
    let (status, health) = server.get("/data-prep/system/health");
    assert_eq!(
        (status, &health["status"]),
        (200, &"degraded".into()),
        "{health}"
    );
    let reason = health["reasons"][0].as_str().unwrap();
    assert!(reason.contains("nearly full"), "{reason}");
    let (status, problem) = server.post("/data-prep/process", &export(1000));
    assert_eq!(status, 503, "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("no room") && detail.contains("ask its operator"),
        "{detail}"
    );
    assert_eq!(server.job(&run_id)["status"], "COMPLETED");
    assert_eq!(server.delete(&format!("/data-prep/jobs/{run_id}")), 204);
}

#[test]
fn a_database_that_another_process_holds_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let path = folder.path().join("data/service/jobs.sqlite");
    let other = rusqlite::Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (status, health) = server.get("/data-prep/system/health");
    assert_eq!(
        (status, &health["status"]),
        (200, &"degraded".into()),
        "{health}"
    );
    let reason = health["reasons"][0].as_str().unwrap();
    assert!(reason.starts_with("the database of the jobs"), "{reason}");

    other.execute_batch("ROLLBACK").unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    while server.get("/data-prep/system/health").1["status"] != "healthy" {
        assert!(Instant::now() < end, "it recovers");
        std::thread::sleep(Duration::from_millis(200));
    }
}
