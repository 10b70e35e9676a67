//! A service whose model has a tokenizer that is not there.

use std::path::Path;
use std::process::Command;

use crate::support::{Server, export, resonare};

/// A service that looks for the tokenizer of `org/tiny` on a hub that can't be reached.
fn without_a_network(folder: &Path) -> Command {
    let mut command = resonare(folder);
    command.env_remove("RESONARE_TOKENIZER");
    command.env("RESONARE_MODEL_ID", "org/tiny");
    command.env("HF_ENDPOINT", "http://127.0.0.1:9");
    command
}

#[test]
fn it_counts_with_a_fallback_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_as(without_a_network(folder.path()), folder.path(), &[]);
    let log = std::fs::read_to_string(folder.path().join("serve.log")).unwrap();
    assert!(
        log.contains("counting tokens with o200k_base instead"),
        "{log}"
    );
    let told =
        "tokens for org/tiny are counted with o200k_base (a fallback: counts are approximate)";
    assert_eq!(log.matches(told).count(), 1, "{log}");
    let (_, health) = server.get("/data-prep/system/health");
    assert_eq!(health["status"], "healthy", "{health}");
    let job = server.wait(&server.submit("", &export(2000)));
    assert_eq!(job["status"], "COMPLETED", "{job}");
    let reason = job["stats"]["tokenizer"]["fallback_reason"]
        .as_str()
        .unwrap();
    assert!(
        reason.contains("the model hub can't be reached"),
        "{reason}"
    );
}

#[test]
fn where_the_exact_one_is_required_submissions_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = without_a_network(folder.path());
    command.env("RESONARE_REQUIRE_EXACT_TOKENIZER", "true");
    let server = Server::start_as(command, folder.path(), &[]);
    let (status, health) = server.get("/data-prep/system/health");
    assert_eq!(
        (status, &health["status"]),
        (200, &"degraded".into()),
        "{health}"
    );
    assert_eq!(health["s3"], "missing");
    let reason = health["reasons"][0].as_str().unwrap();
    assert!(
        reason.contains("the model hub can't be reached"),
        "{reason}"
    );
    let upload = br#"{"size_bytes": 5}"#;
    for (path, body) in [
        ("/data-prep/process", &*export(20)),
        ("/data-prep/uploads", &upload[..]),
    ] {
        let (status, problem) = server.post(path, body);
        assert_eq!(status, 503, "{problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("ask its operator"), "{detail}");
        assert!(!detail.contains("--"), "it has no options: {detail}");
    }
    std::fs::write(folder.path().join("export.json"), export(20)).unwrap();
    let submitted = resonare(folder.path())
        .args(["submit", "export.json", "--api", &server.url])
        .output()
        .unwrap();
    let error = String::from_utf8(submitted.stderr).unwrap();
    assert!(
        error.contains("ask its operator") && !error.contains("--"),
        "{error}"
    );
}
