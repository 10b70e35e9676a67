//! `resonare submit` against a running service.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::{SAMPLE, Server, export, prepared, resonare, stored};

fn submit(folder: &Path, server: &Server, arguments: &[&str]) -> Output {
    let output = resonare(folder)
        .env_remove("RESONARE_TOKENIZER")
        .args(["submit", "--api", &server.url, "--output-dir=out"])
        .args(arguments)
        .output();
    output.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The outputs of the one job of that folder.
fn outputs(folder: &Path) -> std::path::PathBuf {
    let mut runs = std::fs::read_dir(folder.join("out")).unwrap();
    let run = runs.next().unwrap().unwrap().path();
    assert!(runs.next().is_none());
    run
}

#[test]
fn a_small_export_goes_as_a_body_and_its_outputs_are_those_of_prepare() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let output = submit(folder.path(), &server, &[SAMPLE]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("3 blocks from 2 chats"));
    for (name, bytes) in prepared(folder.path(), Path::new(SAMPLE)) {
        let downloaded = std::fs::read(outputs(folder.path()).join(&name)).unwrap();
        assert!(downloaded == bytes, "{name}");
    }
    let (_, jobs) = server.get("/data-prep/jobs");
    let job = jobs.as_object().unwrap().values().next().unwrap();
    assert_eq!(job["attempts"], 1);
    assert_eq!(job["outputs"].as_array().unwrap().len(), 4);
}

#[test]
fn what_is_told_of_a_job_is_what_prepare_tells() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let output = submit(folder.path(), &server, &[SAMPLE, "--for=bedrock-nova"]);
    let submitted = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let prepare = ["prepare", SAMPLE, "--for=bedrock-nova", "--output-dir=own"];
    let output = resonare(folder.path()).args(prepare).output().unwrap();
    let prepared = text(&output.stdout);
    let without_places = |text: &str| {
        let (facts, places) = text.split_once("outputs ").unwrap();
        assert!(
            places.contains("Bedrock (Nova) refuses the files"),
            "{text}"
        );
        assert!(!places.contains("_per_block"), "{text}");
        facts.to_owned()
    };
    assert_eq!(without_places(&submitted), without_places(&prepared));
    assert!(
        submitted.contains("lower --min-tokens-per-block"),
        "{submitted}"
    );
}

#[test]
fn a_refusal_and_a_failure_name_the_options_of_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for (options, status, expected) in [
        (
            &["--min-tokens-per-block=x"][..],
            1,
            "--min-tokens-per-block: \"x\"",
        ),
        (&["--redact=x"], 1, "--redact: [\"x\"]"),
        (
            &["--min-tokens-per-block=799"],
            1,
            "lower --min-tokens-per-block or raise",
        ),
    ] {
        let output = submit(folder.path(), &server, &[&[SAMPLE], options].concat());
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{error}");
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("_per_block"), "{error}");
    }
}

#[test]
fn a_large_or_compressed_export_is_uploaded_in_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let export = export(60_000);
    assert!(export.len() > 10_000_000);
    let path = folder.path().join("result.json");
    std::fs::write(&path, &export).unwrap();
    let output = submit(folder.path(), &server, &["result.json", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result["job"]["status"], "COMPLETED");
    for (name, bytes) in prepared(folder.path(), &path) {
        let downloaded = std::fs::read(outputs(folder.path()).join(&name)).unwrap();
        assert!(downloaded == bytes, "{name}");
    }
    // No more than the outputs is left.
    assert_eq!(stored(folder.path()).len(), 4);
    assert!(server.peak_memory() < 64 << 20);

    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&export).unwrap();
    std::fs::write(folder.path().join("small.json.gz"), gzip.finish().unwrap()).unwrap();
    let arguments = [
        "small.json.gz",
        "--json",
        "--system-prompt=Be kind. Ü",
        "--chat-type=personal_chat",
        "--chat-type=bot_chat",
    ];
    let output = submit(folder.path(), &server, &arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let config = &result["job"]["config"];
    assert_eq!(config["system_prompt"], "Be kind. Ü");
    assert_eq!(config["chat_types"].as_array().unwrap().len(), 2);
}

/// Two exports of one chat, of which the second goes on where the first ends and has some of it again.
fn overlapping(folder: &Path) {
    let messages = |numbers: std::ops::Range<usize>| {
        let message = |number: usize| {
            let time = 1_600_000_000 + number * 60;
            let sender = number % 2 + 1;
            format!(
                r#"{{"id":{number},"type":"message","date":"2020-09-13T12:26:40","date_unixtime":"{time}","from":"Sender {sender}","from_id":"user{sender}","text":"words and more words, number {number}"}}"#
            )
        };
        let messages: Vec<_> = numbers.map(message).collect();
        format!(
            r#"{{"personal_information":{{"user_id":1}},"chats":{{"list":[{{"name":"Sender 2","type":"personal_chat","id":2,"messages":[{}]}}]}}}}"#,
            messages.join(",")
        )
    };
    for (name, numbers) in [
        ("exports/2020/result.json", 0..300),
        ("exports/2021/result.json", 200..600),
    ] {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, messages(numbers)).unwrap();
    }
    std::fs::write(folder.join("exports/package.json"), "{}").unwrap();
}

#[test]
fn a_folder_of_exports_is_one_job_with_each_message_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    overlapping(folder.path());
    let output = submit(folder.path(), &server, &["exports", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("package.json is not an export"));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let messages = &result["stats"]["funnel"]["messages"];
    assert_eq!(messages["dropped"]["repeated_message"], 100, "{messages}");
    for (name, bytes) in prepared(folder.path(), &folder.path().join("exports")) {
        let downloaded = std::fs::read(outputs(folder.path()).join(&name)).unwrap();
        assert!(downloaded == bytes, "{name}");
    }
}

#[test]
fn standard_input_is_submitted() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let mut submitting = resonare(folder.path())
        .args(["submit", "-", "--output-dir=out", "--api", &server.url])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut input = submitting.stdin.take().unwrap();
    input.write_all(&std::fs::read(SAMPLE).unwrap()).unwrap();
    drop(input);
    assert!(submitting.wait().unwrap().success());
    for (name, bytes) in prepared(folder.path(), Path::new(SAMPLE)) {
        let downloaded = std::fs::read(outputs(folder.path()).join(&name)).unwrap();
        assert!(downloaded == bytes, "{name}");
    }
}

#[test]
fn what_goes_wrong_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let nobody = r#"{"name": "Ann", "messages": []}"#;
    std::fs::write(folder.path().join("empty.json"), nobody).unwrap();
    std::fs::write(folder.path().join("page.json"), "<html>").unwrap();
    std::fs::write(folder.path().join("export.zip"), b"PK\x03\x04").unwrap();
    std::fs::create_dir(folder.path().join("others")).unwrap();
    std::fs::write(folder.path().join("others/package.json"), "{}").unwrap();
    for (arguments, expected) in [
        (&["empty.json"][..], "no usable chat"),
        (&["page.json"], "refused the request (400 Bad Request)"),
        (&["missing.json"], "failed to read missing.json"),
        (&["empty.json", "nothing"], "failed to read nothing"),
        (&["export.zip"], "is a ZIP archive; unpack it"),
        (
            &["others"],
            "the only *.json or *.json.gz file below others is no export",
        ),
        (
            &["empty.json", "--min-tokens-per-block=x"],
            "--min-tokens-per-block: ",
        ),
        (&["empty.json", "--model-id=a/b"], "is not allowed"),
    ] {
        let output = submit(folder.path(), &server, arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(expected), "{error}");
    }
    let url = server.url.clone();
    server.kill();
    let output = resonare(folder.path())
        .args(["submit", "empty.json", "--api", &url])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot be reached"));
    let output = resonare(folder.path())
        .args(["submit", "empty.json", "--api=nonsense"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_service_that_goes_away_leaves_the_name_of_the_job() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    std::fs::write(folder.path().join("result.json"), export(100_000)).unwrap();
    let submitting = resonare(folder.path())
        .args(["submit", "result.json", "--api", &server.url])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let run_id = loop {
        let (_, jobs) = server.get("/data-prep/jobs?status=RUNNING");
        if let Some(run_id) = jobs.as_object().unwrap().keys().next() {
            break run_id.clone();
        }
    };
    server.kill();
    let output = submitting.wait_with_output().unwrap();
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(
        error.contains("cannot be reached (is it running"),
        "{error}"
    );
    assert!(
        error.contains(&format!("/data-prep/jobs/{run_id}")),
        "{error}"
    );
}

#[test]
fn a_secret_is_sent_to_the_service_alone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), &["--token=s3cret"]);
    let (status, problem) = server.get("/data-prep/jobs");
    assert_eq!(status, 401, "{problem}");
    assert_eq!(server.get("/data-prep/system/health").0, 200);
    let refused = submit(folder.path(), &server, &[SAMPLE]);
    assert!(text(&refused.stderr).contains("401"));
    let output = submit(folder.path(), &server, &[SAMPLE, "--token=s3cret"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let log = std::fs::read_to_string(folder.path().join("serve.log")).unwrap();
    assert!(!log.contains("s3cret"));
}

#[test]
fn a_service_cannot_choose_where_its_outputs_go() {
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let evil = std::thread::spawn(move || {
        let run_id = "0190c0de-0000-7000-8000-000000000001";
        let answers = [
            r#"{"status":"healthy"}"#.to_owned(),
            format!(r#"{{"run_id":"{run_id}"}}"#),
            r#"{"status":"COMPLETED","outputs":[{"name":"../../evil","size_bytes":4}]}"#.to_owned(),
        ];
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = vec![0; 65536];
            let _some = stream.read(&mut request).unwrap();
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json";
            let length = answer.len();
            write!(stream, "{head}\r\nContent-Length: {length}\r\n\r\n{answer}").unwrap();
            // A body may come behind its head; closing before it is read would reset the connection.
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
        }
    });
    std::fs::write(folder.path().join("small.json"), "[]").unwrap();
    let output = resonare(folder.path())
        .args(["submit", "small.json", "--output-dir=a/b", "--api", &url])
        .output()
        .unwrap();
    evil.join().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("the service lists an unknown output"));
    assert!(!folder.path().join("evil").exists());
}

/// Ends a command as Ctrl-C does; its exit status and what it said.
fn interrupted(command: std::process::Child) -> (Option<i32>, String) {
    let pid = command.id().to_string();
    let killed = std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status();
    assert!(killed.unwrap().success());
    let output = command.wait_with_output().unwrap();
    (output.status.code(), text(&output.stderr))
}

#[test]
fn whoever_stops_waiting_is_told_that_the_job_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    std::fs::write(folder.path().join("result.json"), export(300_000)).unwrap();
    let submitting = resonare(folder.path())
        .args(["submit", "result.json", "--api", &server.url])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let job = loop {
        let (_, jobs) = server.get("/data-prep/jobs?status=RUNNING");
        if let Some(job) = jobs.as_object().unwrap().values().next() {
            break job.clone();
        }
    };
    let progress = &job["progress"];
    assert!(
        progress["stage"].is_string(),
        "from the first moment: {job}"
    );
    assert!(
        progress["bytes_total"].as_u64().unwrap() > 10_000_000,
        "{job}"
    );
    let (status, error) = interrupted(submitting);
    assert_eq!(status, Some(130), "{error}");
    let run_id = job["run_id"].as_str().unwrap();
    assert!(
        error.contains("continues while the service runs"),
        "{error}"
    );
    assert!(
        error.contains(&format!("/data-prep/jobs/{run_id}")),
        "{error}"
    );
    assert_eq!(server.wait(run_id)["status"], "COMPLETED");
}

#[test]
fn an_upload_that_is_broken_off_leaves_no_job() {
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let run_id = "0190c0de-0000-7000-8000-000000000001";
    let plan = format!(
        r#"{{"run_id":"{run_id}","parts":[{{"size_bytes":50000000,"url":"{url}/put","headers":{{}}}}]}}"#
    );
    let (reached_to, reached) = std::sync::mpsc::channel();
    // Takes the beginning of an upload, and no more.
    let service = std::thread::spawn(move || {
        let mut stalled = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = vec![0; 65536];
            let count = stream.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..count]).into_owned();
            let body = match request.split(' ').next().unwrap() {
                "PUT" => {
                    reached_to.send(()).unwrap();
                    stalled.push(stream);
                    continue;
                }
                "POST" => &*plan,
                _ => r#"{"status":"healthy"}"#,
            };
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            )
            .unwrap();
            if request.starts_with("DELETE") {
                return request;
            }
        }
    });
    std::fs::write(folder.path().join("large.json"), vec![b' '; 50_000_000]).unwrap();
    let submitting = resonare(folder.path())
        .args(["submit", "large.json", "--api", &url])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    reached.recv().unwrap();
    let (status, error) = interrupted(submitting);
    assert_eq!(status, Some(130), "{error}");
    // The connection may not have given way in time.
    let said = [
        "nothing was submitted",
        &*format!("the upload of job {run_id} is not complete"),
    ];
    assert!(said.iter().any(|said| error.contains(said)), "{error}");
    drop(service);
}
