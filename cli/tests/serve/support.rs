//! A running service, as a user has it.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use ureq::Agent;

/// The made-up export of the repository.
pub(crate) const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sample/result.json");

/// The binary, in `folder`, with none of this machine's configuration and a tokenizer that needs no
/// network.
pub(crate) fn resonare(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_resonare"));
    command.current_dir(folder);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("RESONARE_") || name.starts_with("HF_") || name == "RUST_LOG" {
            command.env_remove(&*name);
        }
    }
    command.env("RESONARE_TOKENIZER", "o200k_base");
    command
}

/// A service on a free port. It is killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[])
    }

    pub(crate) fn start_with(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_as(resonare(folder), folder, arguments)
    }

    /// A service of another environment, as `command` has it.
    pub(crate) fn start_as(mut command: Command, folder: &Path, arguments: &[&str]) -> Self {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(folder.join("serve.log"))
            .unwrap();
        let mut child = command
            .args(["serve", "--port=0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let text = line.trim().strip_prefix("listening on ");
        let url = match text {
            Some(url) => url.to_owned(),
            None => serde_json::from_str::<Value>(&line)
                .ok()
                .and_then(|line| Some(line["url"].as_str()?.to_owned()))
                .unwrap_or_else(|| panic!("it did not start: {line:?}")),
        };
        Self { child, url }
    }

    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; the exit status.
    pub(crate) fn terminate(mut self) -> i32 {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(pid).status().unwrap().success());
        self.child.wait().unwrap().code().unwrap()
    }

    /// The largest resident memory so far, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        kilobytes * 1024
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        answer(agent().get(format!("{}{path}", self.url)).call())
    }

    pub(crate) fn post(&self, path: &str, body: &[u8]) -> (u16, Value) {
        let request = agent()
            .post(format!("{}{path}", self.url))
            .header("content-type", "application/json");
        answer(request.send(body))
    }

    pub(crate) fn delete(&self, path: &str) -> u16 {
        answer(agent().delete(format!("{}{path}", self.url)).call()).0
    }

    /// Submits a body that has to be accepted; the name of its job.
    pub(crate) fn submit(&self, query: &str, body: &[u8]) -> String {
        let (status, accepted) = self.post(&format!("/data-prep/process{query}"), body);
        assert_eq!(status, 202, "{accepted}");
        accepted["run_id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn job(&self, run_id: &str) -> Value {
        let (status, job) = self.get(&format!("/data-prep/jobs/{run_id}"));
        assert_eq!(status, 200, "{job}");
        job
    }

    /// Waits until a job has one of these states.
    pub(crate) fn wait_for(&self, run_id: &str, states: &[&str]) -> Value {
        let end = Instant::now() + Duration::from_mins(2);
        loop {
            let job = self.job(run_id);
            if states.contains(&job["status"].as_str().unwrap()) {
                return job;
            }
            assert!(Instant::now() < end, "{job}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn wait(&self, run_id: &str) -> Value {
        self.wait_for(run_id, &["COMPLETED", "FAILED"])
    }

    /// What is at a path, which has to be there.
    pub(crate) fn bytes(&self, path: &str) -> Vec<u8> {
        let url = format!("{}{path}", self.url);
        let mut response = agent().get(url).call().unwrap();
        assert_eq!(response.status().as_u16(), 200);
        response.body_mut().read_to_vec().unwrap()
    }

    pub(crate) fn output(&self, run_id: &str, name: &str) -> Vec<u8> {
        let url = format!("{}/data-prep/jobs/{run_id}/outputs/{name}", self.url);
        let mut response = agent().get(url).call().unwrap();
        assert_eq!(response.status(), 200);
        let mut bytes = Vec::new();
        let mut reader = response.body_mut().as_reader();
        reader.read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// Bytes as they are over a socket of its own; the answer until the connection ends.
    pub(crate) fn raw(&self, parts: &[&[u8]], pause: Duration) -> String {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        for part in parts {
            // Who is refused early may find the connection closed.
            if stream.write_all(part).is_err() {
                break;
            }
            std::thread::sleep(pause);
        }
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            answer.extend_from_slice(&buffer[..count]);
            let text = String::from_utf8_lossy(&answer);
            if text.contains("\r\n\r\n") && text.trim_end().ends_with('}') {
                break;
            }
        }
        String::from_utf8(answer).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended_before = self.child.kill();
        let _ended_before = self.child.wait();
    }
}

fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_mins(1)))
        .build()
        .into()
}

fn answer(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> (u16, Value) {
    let mut response = response.unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    (response.status().as_u16(), body)
}

/// What `prepare` makes of an export: the bytes of its outputs.
pub(crate) fn prepared(folder: &Path, export: &Path) -> Vec<(String, Vec<u8>)> {
    let output = resonare(folder)
        .args(["prepare", "--run-id=prepared", "--output-dir=prepared"])
        .arg(export)
        .output()
        .unwrap();
    assert!(output.status.success());
    ["train.jsonl", "processed.json", "stats.json", "report.html"]
        .map(|name| {
            let bytes = std::fs::read(folder.join("prepared/prepared").join(name)).unwrap();
            (name.to_owned(), bytes)
        })
        .into()
}

/// Everything that is stored for jobs.
pub(crate) fn stored(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.join("data/service/objects")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files
}

/// An export of about that many messages, in chats of a thousand.
pub(crate) fn export(messages: usize) -> Vec<u8> {
    let mut json = r#"{"personal_information":{"user_id":1},"chats":{"list":["#.to_owned();
    for chat in 0..messages.div_ceil(1000) {
        if chat > 0 {
            json.push(',');
        }
        json.push_str(&format!(
            r#"{{"name":"Chat {chat}","type":"personal_chat","id":{},"messages":["#,
            chat + 100
        ));
        for message in 0..1000 {
            if message > 0 {
                json.push(',');
            }
            let sender = if message % 3 == 0 { 1 } else { chat + 100 };
            let time = 1_600_000_000 + chat * 10_000_000 + message * 60;
            json.push_str(&format!(
                r#"{{"id":{message},"type":"message","date":"2020-09-13T12:26:40","date_unixtime":"{time}","from":"Sender {sender}","from_id":"user{sender}","text":"words and more words, number {message}","text_entities":[{{"type":"plain","text":"words and more words, number {message}"}}]}}"#
            ));
        }
        json.push_str("]}");
    }
    json.push_str("]}}");
    json.into_bytes()
}
