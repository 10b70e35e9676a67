//! The conversation with the service in `docs/service.md`, as it stands there, and what else callers
//! are told.

use std::process::Command;

use serde_json::Value;

use crate::support::{SAMPLE, Server, export};

const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const ADDRESS: &str = "http://127.0.0.1:8010";

#[test]
fn the_documented_conversation_goes_as_it_stands() {
    let page = std::fs::read_to_string(format!("{PROJECT}/docs/service.md")).unwrap();
    let begin = format!("```\napi={ADDRESS}\n");
    let script = &page[page.find(&begin).unwrap() + 4..];
    let script = &script[..script.find("```").unwrap()];
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c"])
        .arg(script.replace(ADDRESS, &server.url))
        .current_dir(PROJECT)
        .output()
        .unwrap();
    let (printed, errors) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert!(output.status.success(), "{printed}{errors}");
    // What it shows, in this order.
    let mut rest = &printed[..];
    for expected in [
        r#""status":"healthy","s3":"missing""#,
        r#""status":"queued","message":"Job accepted and enqueued","run_id":""#,
        r#""status":"queued""#,
        r#""status":"queued""#,
        r#""status":"queued""#,
        r#""status":"COMPLETED""#,
        r#""running":"#,
        r#"{"messages":[{"role":""#,
        r#""status":400"#,
        "line 1, column 37",
        r#""status":415"#,
        r#""status":422"#,
        r#""status":404"#,
    ] {
        let Some(place) = rest.find(expected) else {
            panic!("{expected} is missing in {printed}");
        };
        rest = &rest[place + expected.len()..];
    }
}

#[test]
fn every_shape_of_export_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let full: Value = serde_json::from_slice(&export(1000)).unwrap();
    let chats = &full["chats"]["list"];
    let beside =
        serde_json::json!({"target_name": "user1", "chats": chats, "message_delimiter": ""});
    for (query, body) in [
        ("", &full),
        ("?target_name=user1", chats),
        ("?target_name=Sender%201", &chats[0]),
        ("", &beside),
    ] {
        let run_id = server.submit(query, body.to_string().as_bytes());
        let job = server.wait(&run_id);
        assert_eq!(job["status"], "COMPLETED", "{job}");
        assert_eq!(job["position_in_queue"], 0);
        assert!(job["stats"]["num_blocks"].as_u64() > Some(0));
        for time in ["created_at", "started_at", "completed_at", "updated_at"] {
            assert!(job[time].as_str().unwrap().ends_with('Z'));
        }
    }
    let (_, jobs) = server.get("/data-prep/jobs?limit=2");
    assert_eq!(jobs.as_object().unwrap().len(), 2);
}

#[test]
fn a_job_that_cannot_be_done_says_why_and_keeps_its_statistics() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let sample = std::fs::read(SAMPLE).unwrap();
    let run_id = server.submit("?target_name=Nobody", &sample);
    let job = server.wait(&run_id);
    assert_eq!(job["status"], "FAILED");
    assert!(
        job["error_message"]
            .as_str()
            .unwrap()
            .contains("stats.json")
    );
    let stats: Value = serde_json::from_slice(&server.output(&run_id, "stats.json")).unwrap();
    assert!(stats["error_details"].as_array().unwrap().len() > 1);
    // Names are for the owner alone.
    let log = std::fs::read_to_string(folder.path().join("serve.log")).unwrap();
    for name in ["Nobody", "Jonas", "Mira"] {
        assert!(!log.contains(name), "{log}");
    }
    for line in log.lines() {
        serde_json::from_str::<Value>(line).unwrap();
    }
}

#[test]
fn limits_are_said_with_the_way_around_them() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--max-active-jobs=1", "--max-upload-bytes=1000"];
    let server = Server::start_with(folder.path(), &arguments);
    let upload = |bytes: u64| {
        let body = format!("{{\"size_bytes\":{bytes}}}");
        server.post("/data-prep/uploads", body.as_bytes())
    };
    assert_eq!(upload(1001).0, 413);
    let (status, begun) = upload(1000);
    assert_eq!(status, 201, "{begun}");
    let sample = std::fs::read(SAMPLE).unwrap();
    for (status, problem) in [server.post("/data-prep/process", &sample), upload(1000)] {
        assert_eq!(status, 429, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("try again in"));
    }
    let run_id = begun["run_id"].as_str().unwrap();
    assert_eq!(server.delete(&format!("/data-prep/jobs/{run_id}")), 204);
    server.submit("", &sample);
}
