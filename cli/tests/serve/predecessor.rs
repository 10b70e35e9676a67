//! What the service that this one succeeds promised, and its callers rely on: routes, shapes, defaults, keys,
//! files, and a line of `train.jsonl`.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Server, resonare};

/// The line that three messages become.
const EXAMPLE: &str = r#"{"messages": [{"role": "system", "content": "You are Ren Hwa."}, {"role": "assistant", "content": ">>> Hey!"}, {"role": "user", "content": ">>> Hi Ren\n>>> How's it going?"}]}"#;

/// A configuration file as the predecessor's users have it: all of its keys, one of them as it was misspelled.
const CONFIGURATION: &str = r#"
input:
  mode: file
  file: ./export.json
  dir: ./exports/
target_name: Ren Hwa
system_prompt: You are Ren Hwa.
date_limit: null
convo_block_thereshold_secs: 3600
min_tokens_per_block: 1
max_tokens_per_block: 800
message_delimiter: ">>>"
model_id: meta-llama/Llama-3.2-1B
output:
  modes: [local]
  local_dir: ./processed/
  s3_bucket: exports
  s3_region: eu-west-1
"#;

fn chat() -> Value {
    let message = |from: &str, minute: u32, text: &str| {
        json!({
            "type": "message", "from": from, "date": format!("2024-05-01T09:{minute:02}:00"),
            "text_entities": [{"type": "plain", "text": text}],
        })
    };
    json!({
        "name": "Ann", "type": "personal_chat", "messages": [
            message("Ren Hwa", 0, "Hey!"),
            message("Ann", 1, "Hi Ren"),
            message("Ann", 2, "How's it going?"),
        ],
    })
}

fn keys(object: &Value) -> Vec<&str> {
    object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

/// Runs `prepare` in a folder, and gives its `stats.json`.
fn prepare(folder: &Path, environment: &[(&str, &str)]) -> Value {
    let output = resonare(folder)
        .args(["prepare", "--run-id=run"])
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&std::fs::read(folder.join("processed/run/stats.json")).unwrap())
        .unwrap()
}

fn folder_with(configuration: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("conf")).unwrap();
    std::fs::write(folder.path().join("conf/config.yaml"), configuration).unwrap();
    std::fs::write(folder.path().join("export.json"), chat().to_string()).unwrap();
    folder
}

#[test]
fn a_configuration_file_with_all_keys_gives_the_example_line() {
    let folder = folder_with(CONFIGURATION);
    prepare(folder.path(), &[]);
    let train = std::fs::read_to_string(folder.path().join("processed/run/train.jsonl")).unwrap();
    let expected: Value = serde_json::from_str(EXAMPLE).unwrap();
    // Key by key in this order; spaces between them are not promised.
    assert_eq!(train, format!("{expected}\n"));
}

#[test]
fn a_folder_of_exports_is_read_where_the_mode_is_dir() {
    let folder = folder_with(&CONFIGURATION.replace("mode: file", "mode: dir"));
    let exports = folder.path().join("exports");
    std::fs::create_dir(&exports).unwrap();
    for name in ["one.json", "two.json"] {
        std::fs::write(exports.join(name), chat().to_string()).unwrap();
    }
    let statistics = prepare(folder.path(), &[]);
    assert_eq!(statistics["funnel"]["chats"]["read"], 2);
}

#[test]
fn a_request_with_keys_beside_its_chats_gives_the_example_line() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let request = json!({
        "target_name": "Ren Hwa",
        "system_prompt": "You are Ren Hwa.",
        "date_limit": null,
        "convo_block_threshold_secs": 3600,
        "min_tokens_per_block": 1,
        "max_tokens_per_block": 800,
        "message_delimiter": ">>>",
        "model_id": "meta-llama/Llama-3.2-1B",
        "chats": [chat()],
    });
    let run_id = server.submit("", request.to_string().as_bytes());
    let job = server.wait(&run_id);
    assert_eq!(job["status"], "COMPLETED", "{job}");
    let line: Value = serde_json::from_slice(&server.output(&run_id, "train.jsonl")).unwrap();
    assert_eq!(line, serde_json::from_str::<Value>(EXAMPLE).unwrap());
}

#[test]
fn what_is_not_configured_has_the_old_default() {
    let configuration = "{input: {file: ./export.json}, output: {local_dir: ./processed/}, \
                         target_name: Ren Hwa, min_tokens_per_block: 1}";
    let folder = folder_with(configuration);
    let config = prepare(folder.path(), &[])["config"].take();
    assert_eq!(config["convo_block_threshold_secs"], 3600);
    assert_eq!(config["max_tokens_per_block"], 800);
    assert_eq!(config["message_delimiter"], ">>>");
    assert_eq!(config["model_id"], "meta-llama/Llama-3.2-1B");
    assert_eq!(config["system_prompt"], Value::Null);
    assert_eq!(config["date_limit"], Value::Null);
}

#[test]
fn the_least_of_a_block_is_300_tokens_unless_configured() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let run_id = server.submit("?target_name=Ren%20Hwa", chat().to_string().as_bytes());
    let job = server.wait(&run_id);
    assert_eq!(job["status"], "FAILED");
    assert_eq!(job["config"]["min_tokens_per_block"], 300);
}

#[test]
fn a_model_whose_tokenizer_is_unavailable_is_counted_with_tiktoken() {
    let hub = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", hub.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in hub.incoming() {
            let mut connection = connection.unwrap();
            let _request = connection.read(&mut [0; 4096]).unwrap();
            let refusal =
                "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            connection.write_all(refusal.as_bytes()).unwrap();
        }
    });
    let folder = folder_with(CONFIGURATION);
    let environment = [("RESONARE_TOKENIZER", ""), ("HF_ENDPOINT", &endpoint)];
    let tokenizer = prepare(folder.path(), &environment)["tokenizer"].take();
    assert_eq!(tokenizer["kind"], "tiktoken");
    assert!(tokenizer["fallback_reason"].is_string(), "{tokenizer}");
}

#[test]
fn each_shape_is_taken_and_answered_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let mut run_ids = Vec::new();
    for export in [
        json!([chat()]),
        json!({"chats": {"list": [chat()]}}),
        chat(),
    ] {
        let (status, accepted) = server.post(
            "/data-prep/process?target_name=Ren%20Hwa",
            export.to_string().as_bytes(),
        );
        assert_eq!(status, 202, "{accepted}");
        assert_eq!(keys(&accepted), ["status", "message", "run_id"]);
        assert_eq!(accepted["status"], "queued");
        assert!(accepted["message"].is_string());
        let run_id = accepted["run_id"].as_str().unwrap();
        assert!(uuid::Uuid::try_parse(run_id).is_ok(), "{run_id}");
        run_ids.push(run_id.to_owned());
    }
    let (status, jobs) = server.get("/data-prep/jobs");
    assert_eq!(status, 200);
    for run_id in &run_ids {
        assert_eq!(jobs[run_id]["run_id"], *run_id);
    }
    assert_eq!(jobs.as_object().unwrap().len(), run_ids.len());
}

#[test]
fn a_job_has_the_fields_that_callers_read() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let query = "?target_name=Ren%20Hwa&min_tokens_per_block=1";
    let run_id = server.submit(query, chat().to_string().as_bytes());
    let job = server.wait(&run_id);
    assert_eq!(job["run_id"], run_id);
    assert_eq!(job["status"], "COMPLETED", "{job}");
    assert_eq!(job["position_in_queue"], 0);
    assert!(job["created_at"].is_string() && job["updated_at"].is_string());
    assert_eq!(job.get("error_message"), Some(&Value::Null), "{job}");
    for name in ["processed.json", "train.jsonl"] {
        assert!(!server.output(&run_id, name).is_empty());
    }
    let (status, _) = server.get("/data-prep/jobs/0190b5a0-0000-7000-8000-000000000000");
    assert_eq!(status, 404);
}

#[test]
fn the_system_tells_of_its_queue_and_its_health() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let queue = (200, json!({"running": false, "queue_size": 0, "jobs": {}}));
    assert_eq!(server.get("/data-prep/system/queue"), queue);
    let (status, health) = server.get("/data-prep/system/health");
    assert_eq!(status, 200);
    assert_eq!(health["status"], "healthy");
    // There is no bucket on one machine.
    assert_eq!(health["s3"], "missing");
}

#[test]
fn files_on_s3_and_the_port_are_where_they_were() {
    assert_eq!(
        resonare_jobs::output_key("run", "train.jsonl"),
        "run/data/train.jsonl"
    );
    let help = resonare(Path::new("."))
        .args(["serve", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("[default: 8010]"), "{help}");
    assert!(help.contains("[default: 127.0.0.1]"), "{help}");
}
