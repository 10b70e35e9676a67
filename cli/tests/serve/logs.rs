//! What a service's log says, and what it keeps to itself.

use std::path::Path;

use serde_json::Value;

use crate::support::{SAMPLE, Server, export, resonare};

/// The log, which has to be JSON from its first line to its last.
fn log(folder: &Path) -> Vec<Value> {
    let log = std::fs::read_to_string(folder.join("serve.log")).unwrap();
    let line = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    log.lines().map(line).collect()
}

/// The steps of a job that the log tells, in their order.
fn steps(log: &[Value], run_id: &str) -> Vec<String> {
    let of_job = log.iter().filter(|line| line["run_id"] == run_id);
    of_job
        .filter_map(|line| Some(line["step"].as_str()?.to_owned()))
        .collect()
}

#[test]
fn a_line_for_each_request_and_each_step_of_a_job_names_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let sample = std::fs::read(SAMPLE).unwrap();
    let run_id = server.submit("?message_delimiter=Hush", &sample);
    server.wait(&run_id);
    let refused = server.submit("?target_name=Nobody%20At%20All", &sample);
    server.wait(&refused);
    server.get("/data-prep/jobs?limit=none");
    server.get("/Hush?name=Hush");
    assert_eq!(server.delete(&format!("/data-prep/jobs/{run_id}")), 204);
    server.terminate();

    let text = std::fs::read_to_string(folder.path().join("serve.log")).unwrap();
    for private in ["Nobody", "Hush", "limit=", "Mira", "Jonas"] {
        assert!(!text.contains(private), "{private}: {text}");
    }
    // An id is no more than once in a line.
    for line in text.lines() {
        for id in [&run_id, &refused] {
            assert!(line.matches(id.as_str()).count() <= 1, "{line}");
        }
    }
    let log = log(folder.path());
    assert_eq!(
        steps(&log, &run_id),
        ["submitted", "claimed", "completed", "deleted"]
    );
    assert_eq!(steps(&log, &refused), ["submitted", "claimed", "failed"]);
    let line_of = |id: &str, step: &str| {
        let mut lines = log.iter();
        lines
            .find(|line| line["run_id"] == *id && line["step"] == step)
            .unwrap()
    };
    let completed = line_of(&run_id, "completed");
    assert_eq!(
        (&completed["level"], &completed["blocks"]),
        (&"INFO".into(), &3.into())
    );
    assert!(completed["tokens"].as_u64().unwrap() > 900, "{completed}");
    assert_eq!(completed["bytes"], sample.len());
    assert!(completed["duration_ms"].is_u64());
    let failed = line_of(&refused, "failed");
    assert_eq!(
        (&failed["level"], &failed["kind"]),
        (&"WARN".into(), &"input".into())
    );

    let answered = |method: &str, route: &str, status: u16| {
        let mut lines = log.iter();
        let line = lines.find(|line| {
            line["method"] == method && line["route"] == route && line["status"] == status
        });
        line.unwrap_or_else(|| panic!("{method} {route} {status}: {text}"))
    };
    let accepted = answered("POST", "/data-prep/process", 202);
    assert_eq!(accepted["level"], "INFO");
    assert!(accepted["duration_ms"].is_u64());
    assert_eq!(
        accepted["request_id"],
        line_of(&run_id, "submitted")["request_id"],
        "what a request did has its id"
    );
    let deleted = answered("DELETE", "/data-prep/jobs/{run_id}", 204);
    assert_eq!(deleted["run_id"], run_id);
    assert_eq!(answered("GET", "/data-prep/jobs", 422)["level"], "WARN");
    assert_eq!(answered("GET", "unknown", 404)["refusal"], "not_found");
}

#[test]
fn a_restart_tells_no_job_twice() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let finished = server.submit("", &export(1000));
    server.wait(&finished);
    let running = server.submit("", &export(100_000));
    let queued = server.submit("", &export(1000));
    server.wait_for(&running, &["RUNNING"]);
    server.kill();
    let server = Server::start(folder.path());
    server.wait(&running);
    server.wait(&queued);
    server.terminate();
    let log = log(folder.path());
    assert_eq!(
        steps(&log, &finished),
        ["submitted", "claimed", "completed"]
    );
    assert_eq!(
        steps(&log, &running),
        ["submitted", "claimed", "released", "claimed", "completed"]
    );
    assert_eq!(steps(&log, &queued), ["submitted", "claimed", "completed"]);
}

#[test]
fn a_service_that_stops_says_what_it_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let running = server.submit("", &export(300_000));
    server.wait_for(&running, &["RUNNING"]);
    server.submit("", &export(1000));
    assert_eq!(server.terminate(), 0);
    let log = log(folder.path());
    assert_eq!(
        steps(&log, &running),
        ["submitted", "claimed", "given back"]
    );
    let last = log.last().unwrap();
    assert_eq!(last["waiting"], 2, "{last}");
    let said = "2 unfinished jobs are kept in ./data and go on at the next start";
    assert!(last["message"].as_str().unwrap().contains(said), "{last}");
}

#[test]
fn a_log_is_text_and_has_colors_where_that_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let log = |arguments: &[&str]| {
        Server::start_with(folder.path(), arguments).terminate();
        let path = folder.path().join("serve.log");
        let log = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        log
    };
    let plain = log(&["--log-format=text"]);
    assert!(plain.contains("INFO started"), "{plain}");
    assert!(!plain.contains('\u{1b}'), "{plain}");
    assert!(log(&["--log-format=text", "--color=always"]).contains('\u{1b}'));
    assert!(
        !log(&["--color=always"]).contains('\u{1b}'),
        "JSON has none"
    );

    let said = |arguments: &[&str]| {
        let output = resonare(folder.path()).args(arguments).output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    assert!(said(&["--color=always", "--help"]).contains('\u{1b}'));
    assert!(said(&["--color", "always", "serve", "--nonsense"]).contains('\u{1b}'));
    assert!(!said(&["--color=never", "--help"]).contains('\u{1b}'));
}
