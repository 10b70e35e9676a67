//! A service that is killed, and starts again.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use resonare_job_tokenizers::JobTokenizers;
use resonare_jobs::ports::Unavailable;
use resonare_jobs::testkit::{InterceptedPort, Interceptor};
use resonare_jobs::{
    Jobs, Limits, NoObserver, Owner, Payload, PipelineProcessor, Ports, Submission, SystemClock,
    Timings,
};
use resonare_local::{Database, FileObjectStore, SqliteJobStore, SqliteQueue};
use resonare_settings::{Configuration, Layers};
use resonare_tokenizer::{FolderModelFiles, Hub, Lookup, NoUrls};

use crate::support::{SAMPLE, Server, export, prepared, stored};

const KILLS: u64 = 24;

/// Every job has the outputs of an undisturbed run, and nothing else is stored.
fn check(folder: &Path, server: &Server, expected: &[(String, Vec<u8>)], run_ids: &[String]) {
    for run_id in run_ids {
        let job = server.wait(run_id);
        assert_eq!(job["status"], "COMPLETED", "{job}");
        for (name, bytes) in expected {
            assert!(server.output(run_id, name) == *bytes, "{name} of {run_id}");
        }
    }
    let (_, jobs) = server.get("/data-prep/jobs?limit=200");
    for run_id in jobs.as_object().unwrap().keys() {
        assert_eq!(server.wait(run_id)["status"], "COMPLETED");
    }
    // The last message of a job is acknowledged after its payload is gone.
    let wanted = jobs.as_object().unwrap().len() * expected.len();
    for _ in 0..100 {
        if stored(folder).len() == wanted {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(stored(folder).len(), wanted);
}

#[test]
fn jobs_survive_a_kill_at_random_moments() {
    let folder = tempfile::tempdir().unwrap();
    let body = export(2000);
    let path = folder.path().join("result.json");
    std::fs::write(&path, &body).unwrap();
    let expected = prepared(folder.path(), &path);
    let mut random = u64::from(jiff::Timestamp::now().subsec_nanosecond().unsigned_abs()) | 1;
    let mut accepted = Vec::new();
    for _ in 0..KILLS {
        let server = Server::start(folder.path());
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let moment = Duration::from_millis((random >> 33) % 400);
        let url = server.url.clone();
        let body = body.clone();
        // Submits until the service is gone.
        let submitting = std::thread::spawn(move || {
            let mut accepted = Vec::new();
            for _ in 0..2 {
                let answer = ureq::post(format!("{url}/data-prep/process"))
                    .header("content-type", "application/json")
                    .send(&body[..]);
                let Ok(mut answer) = answer else { break };
                let Ok(text) = answer.body_mut().read_to_string() else {
                    break;
                };
                let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
                accepted.push(answer["run_id"].as_str().unwrap().to_owned());
            }
            accepted
        });
        std::thread::sleep(moment);
        server.kill();
        accepted.extend(submitting.join().unwrap());
    }
    let server = Server::start(folder.path());
    check(folder.path(), &server, &expected, &accepted);
}

#[test]
fn jobs_survive_a_kill_between_any_two_steps() {
    let mut steps = 0;
    for step in 1.. {
        let folder = tempfile::tempdir().unwrap();
        // This program again, as the process that is killed.
        let output = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "kills::a_process_with_a_set_end",
                "--ignored",
                "--nocapture",
            ])
            .env(FOLDER, folder.path())
            .env(STEP, step.to_string())
            .stderr(Stdio::null())
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let accepted: Vec<String> = printed
            .lines()
            .filter_map(|line| Some(line.split_once("accepted ")?.1.to_owned()))
            .collect();
        let expected = prepared(folder.path(), Path::new(SAMPLE));
        let server = Server::start(folder.path());
        // What was stored for a job that was not accepted goes later.
        if !accepted.is_empty() {
            check(folder.path(), &server, &expected, &accepted);
        }
        let (_, jobs) = server.get("/data-prep/jobs");
        for run_id in jobs.as_object().unwrap().keys() {
            assert_eq!(server.wait(run_id)["status"], "COMPLETED");
        }
        if output.status.success() {
            break;
        }
        steps = step;
    }
    assert!(steps >= 20, "{steps}");
}

const FOLDER: &str = "KILLS_FOLDER";
const STEP: &str = "KILLS_STEP";

/// Tokenizers that need nothing to be kept or fetched.
fn tokenizers() -> JobTokenizers {
    JobTokenizers::new(Lookup {
        files: Arc::new(FolderModelFiles::new("nowhere")),
        urls: Arc::new(NoUrls),
        hub: Hub::new(None, None),
    })
}

/// Steps until the process ends.
struct Steps(AtomicU64);

impl Steps {
    fn step(&self) {
        if self.0.fetch_sub(1, Ordering::SeqCst) == 1 {
            // No destructor runs.
            std::process::abort();
        }
    }
}

impl Interceptor for Steps {
    async fn call<T: Send>(
        &self,
        _port: &'static str,
        call: impl Future<Output = Result<T, Unavailable>> + Send,
    ) -> Result<T, Unavailable> {
        self.step();
        let result = call.await;
        self.step();
        result
    }

    fn finish(&self, finish: impl FnOnce() -> std::io::Result<()>) -> std::io::Result<()> {
        self.step();
        let result = finish();
        self.step();
        result
    }
}

#[tokio::test]
#[ignore = "it is run by the test above, as a process of its own"]
async fn a_process_with_a_set_end() {
    let folder = std::env::var(FOLDER).unwrap();
    let service = Path::new(&folder).join("data/service");
    std::fs::create_dir_all(&service).unwrap();
    let steps = Arc::new(Steps(AtomicU64::new(
        std::env::var(STEP).unwrap().parse().unwrap(),
    )));
    let database = Database::open(&service.join("jobs.sqlite")).unwrap();
    let objects = Arc::new(InterceptedPort {
        port: FileObjectStore::open(&service.join("objects")).unwrap(),
        interceptor: Arc::clone(&steps),
    });
    let ports = Ports {
        objects: objects.clone(),
        records: Arc::new(InterceptedPort {
            port: SqliteJobStore::new(database.clone()),
            interceptor: Arc::clone(&steps),
        }),
        queue: Arc::new(InterceptedPort {
            port: SqliteQueue::new(database),
            interceptor: steps,
        }),
        clock: Arc::new(SystemClock),
        observer: Arc::new(NoObserver),
    };
    let jobs = Jobs::new(ports, Timings::default(), Limits::NONE);
    let run_id = jobs.reserve().await.unwrap();
    let sample = std::fs::read(SAMPLE).unwrap();
    let payload = Payload {
        key: Jobs::payload_key(run_id),
        version: None,
        size_bytes: sample.len() as u64,
        last_modified: None,
        upload: None,
    };
    let mut writer = jobs.create_payload(&payload.key).await.unwrap();
    writer.write_all(&sample).unwrap();
    writer.finish().unwrap();
    let layers = Layers {
        overrides: vec![("tokenizer".to_owned(), "o200k_base".into())],
        ..Layers::default()
    };
    let submission = Submission {
        run_id,
        owner: Owner("local".to_owned()),
        config: Configuration::load(layers).unwrap().to_json(),
        payload,
        idempotency: Some(("key".to_owned(), "fingerprint".to_owned())),
    };
    jobs.submit(submission).await.unwrap();
    writeln!(std::io::stdout(), "accepted {run_id}").unwrap();
    let processor = PipelineProcessor {
        objects,
        models: tokenizers(),
        threads: std::num::NonZeroUsize::MIN,
        scratch_dir: service,
        outputs_are_on_s3: false,
    };
    let message = jobs.receive().await.unwrap();
    let never = AtomicBool::new(false);
    let handled = jobs.handle(&message.unwrap(), &processor, &never).await;
    handled.unwrap();
}

#[test]
fn a_service_that_is_told_to_stop_gives_its_job_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let body = export(100_000);
    let run_id = server.submit("", &body);
    server.wait_for(&run_id, &["RUNNING"]);
    assert_eq!(server.terminate(), 0);
    let server = Server::start(folder.path());
    let job = server.wait(&run_id);
    assert_eq!(
        (&job["status"], &job["attempts"]),
        (&"COMPLETED".into(), &1.into())
    );
}
