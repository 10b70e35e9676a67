//! Those who mean no good, or have a bad connection.

use std::io::Write as _;
use std::time::{Duration, Instant};

use crate::support::{Server, export, resonare, stored};

fn head(server: &Server, more: &str) -> Vec<u8> {
    format!(
        "POST /data-prep/process HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n{more}\r\n",
        server.address()
    )
    .into_bytes()
}

#[test]
fn bodies_that_stop_drip_or_swell_are_refused_in_time_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--max-pause-secs=1", "--max-body-bytes=1000000"];
    let server = Server::start_with(folder.path(), &arguments);
    let begun = Instant::now();

    // Stops half-way, and stays.
    let announced = head(&server, "Content-Length: 1000\r\n");
    let half: &[u8] = br#"{"name": "Ann", "messages": ["#;
    let answer = server.raw(&[&announced, half], Duration::ZERO);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    // Says that it will send too much, and sends it without saying so.
    let announced = head(&server, "Content-Length: 1000001\r\n");
    let answer = server.raw(&[&announced, half], Duration::ZERO);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("/data-prep/uploads"), "{answer}");
    let chunked = head(&server, "Transfer-Encoding: chunked\r\n");
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 19, " ".repeat(1 << 19)).into_bytes();
    let answer = server.raw(&[&chunked, &chunk, &chunk, &chunk], Duration::ZERO);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    // Vanishes half-way.
    let announced = head(&server, "Content-Length: 1000\r\n");
    let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
    stream.write_all(&announced).unwrap();
    stream.write_all(half).unwrap();
    drop(stream);
    // A bomb: 5 GB of spaces.
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(9));
    let spaces = vec![b' '; 1 << 20];
    for _ in 0..900 {
        gzip.write_all(&spaces).unwrap();
    }
    let bomb = gzip.finish().unwrap();
    let length = format!(
        "Content-Encoding: gzip\r\nContent-Length: {}\r\n",
        bomb.len()
    );
    let answer = server.raw(&[&head(&server, &length), &bomb], Duration::ZERO);
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    // Nested a million times.
    let deep = "[".repeat(900_000);
    let (status, problem) = server.post("/data-prep/process", deep.as_bytes());
    assert_eq!(status, 400, "{problem}");

    assert!(begun.elapsed() < Duration::from_mins(1));
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(stored(folder.path()), [] as [std::path::PathBuf; 0]);
    assert_eq!(server.get("/data-prep/jobs").1, serde_json::json!({}));
    assert!(server.peak_memory() < 64 << 20);
}

#[test]
fn pages_and_names_from_elsewhere_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let ask = |headers: &str| {
        let request = format!("GET /data-prep/jobs HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
        server.raw(&[request.as_bytes()], Duration::ZERO)
    };
    let own = format!("Host: {}\r\n", server.address());
    assert!(ask(&own).starts_with("HTTP/1.1 200"));
    for headers in [
        "Host: evil.example\r\n".to_owned(),
        "Host: 127.0.0.1.evil.example:8010\r\n".to_owned(),
        format!("{own}Origin: https://evil.example\r\n"),
        format!("{own}Origin: null\r\n"),
        String::new(),
    ] {
        let answer = ask(&headers);
        let refused = answer.starts_with("HTTP/1.1 403") || answer.starts_with("HTTP/1.1 400");
        assert!(refused, "{headers}: {answer}");
    }
}

#[test]
fn the_page_needs_no_secret_and_every_answer_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), &["--token=secret"]);
    for (path, more, status) in [
        ("/", "", 200),
        ("/page/page.js", "", 200),
        ("/page/page.js", "Sec-Fetch-Site: cross-site\r\n", 403),
        ("/page/other.js", "", 401),
        ("/data-prep/jobs", "", 401),
        ("/data-prep/jobs", "Authorization: Bearer secret\r\n", 200),
        ("/data-prep/system/health", "", 200),
    ] {
        let host = server.address();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n");
        let answer = server.raw(&[request.as_bytes()], Duration::ZERO);
        let first = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&first), "{path} {more}: {answer}");
        for header in [
            "cache-control: no-store",
            "content-security-policy: default-src 'none'; ",
            "frame-ancestors 'none'",
            "cross-origin-resource-policy: same-origin",
            "referrer-policy: no-referrer",
            "x-content-type-options: nosniff",
        ] {
            assert!(answer.contains(header), "{path} {more}: {header}: {answer}");
        }
    }
}

#[test]
fn names_that_could_leave_their_folder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for query in [
        "?tokenizer=/etc/passwd",
        "?model_id=../..",
        "?output.local_dir=/",
    ] {
        let (status, problem) = server.post(&format!("/data-prep/process{query}"), b"[]");
        assert_eq!(status, 422, "{problem}");
    }
    for path in [
        "/data-prep/jobs/..%2F..%2Fetc%2Fpasswd",
        "/data-prep/jobs/../../etc/passwd",
        "/data-prep/jobs/a/b",
        "/data-prep/jobs/%00",
        "/data-prep/jobs/%ff",
        "/data-prep/uploads/..%2Fx/parts",
    ] {
        assert_eq!(server.get(path).0, 404, "{path}");
    }
}

#[test]
fn a_job_that_is_deleted_while_it_runs_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let run_id = server.submit("", &export(100_000));
    server.wait_for(&run_id, &["RUNNING"]);
    let path = format!("/data-prep/jobs/{run_id}");
    assert_eq!(server.delete(&path), 204);
    assert_eq!(server.get(&path).0, 404);
    // The next job shows that the worker is done with it.
    let next = server.submit("", &export(1000));
    assert_eq!(server.wait(&next)["status"], "COMPLETED");
    assert_eq!(server.delete(&format!("/data-prep/jobs/{next}")), 204);
    assert_eq!(stored(folder.path()), [] as [std::path::PathBuf; 0]);
    assert_eq!(server.get("/data-prep/jobs").1, serde_json::json!({}));
}

#[test]
fn it_starts_alone_and_not_for_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Server::start(folder.path());
    let run = |arguments: &[&str]| {
        let output = resonare(folder.path())
            .args(["serve", "--port=0"])
            .args(arguments)
            .output();
        let output = output.unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), error)
    };
    let (status, error) = run(&[]);
    assert_eq!(status, 1);
    assert!(
        error.contains("another `resonare serve` is using ./data"),
        "{error}"
    );
    for arguments in [
        &["--host=0.0.0.0", "--data-dir=other"][..],
        &["--host=::", "--data-dir=other"],
        &["--token=", "--data-dir=other"],
        &["--host=no such name", "--data-dir=other"],
        &["--data-dir=other", "--lease-secs=0"],
    ] {
        let (status, error) = run(arguments);
        assert_eq!(status, 2, "{arguments:?}: {error}");
    }
    let mut command = resonare(folder.path());
    command.env("RESONARE_TOKENIZER", "/nowhere/tokenizer.json");
    let output = command
        .args(["serve", "--port=0", "--data-dir=other"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn what_is_deleted_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let request = |key: &str| {
        let target = "?target_name=Xanthippe";
        let mut answer = ureq::post(format!("{}/data-prep/process{target}", server.url))
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .send(&export(1000)[..])
            .unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
        answer["run_id"].as_str().unwrap().to_owned()
    };
    let run_id = request("a key");
    assert_eq!(request("a key"), run_id);
    server.wait(&run_id);
    assert_eq!(server.delete(&format!("/data-prep/jobs/{run_id}")), 204);
    // The key is free again, for a job of its own.
    let other = request("a key");
    assert_ne!(other, run_id);
    server.wait(&other);
    assert_eq!(server.delete(&format!("/data-prep/jobs/{other}")), 204);
    assert_eq!(server.terminate(), 0);
    // The sweeper empties the database's log.
    let server = Server::start(folder.path());
    let service = folder.path().join("data/service");
    let names = || {
        let files = ["jobs.sqlite", "jobs.sqlite-wal"].map(|name| service.join(name));
        let read = files.map(|file| std::fs::read(file).unwrap_or_default());
        let found = |bytes: &Vec<u8>| bytes.windows(9).any(|text| text == b"Xanthippe");
        read.iter().any(found)
    };
    let end = Instant::now() + Duration::from_secs(10);
    while names() {
        assert!(Instant::now() < end, "a name is left");
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(server);
}

#[test]
fn a_small_body_that_does_not_come_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), &["--max-pause-secs=1"]);
    let head = format!(
        "POST /data-prep/uploads HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         Content-Length: 20\r\n\r\n",
        server.address()
    );
    let answer = server.raw(&[head.as_bytes(), b"{"], Duration::ZERO);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}
