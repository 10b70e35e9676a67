//! The real binary, as a user runs it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected has failed"
)]

mod check;
mod documentation;
mod oracle;
mod redaction;
mod support;
mod terminal;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use support::{Project, SAMPLE, names_in, resonare};

/// What every run leaves.
const OUTPUTS: [&str; 4] = ["processed.json", "report.html", "stats.json", "train.jsonl"];

#[test]
fn the_sample_becomes_blocks_that_can_be_read() {
    let project = Project::new();
    let output = project.run(&[
        "prepare",
        SAMPLE,
        "--tokenizer=o200k_base",
        "--run-id=first",
    ]);
    assert_eq!(output.status, 0, "{}", output.stderr);
    let place = project.path("data/processed/first");
    assert_eq!(names_in(&place), OUTPUTS);
    let words: Vec<_> = output.stdout.split_whitespace().collect();
    let places =
        "outputs data/processed/first/: train.jsonl, processed.json, stats.json, report.html next";
    assert!(words.join(" ").contains(places), "{}", output.stdout);
    let train = fs::read_to_string(place.join("train.jsonl")).unwrap();
    assert!(train.lines().count() >= 3);
    assert!(train.contains("never name the bread"));
    let stats: Value =
        serde_json::from_slice(&fs::read(place.join("stats.json")).unwrap()).unwrap();
    assert_eq!(stats["target"]["target"], "user501");
    assert_eq!(stats["config"]["min_tokens_per_block"], 300);
    assert!(stats["block_breakdown"]["Jonas (2)"].is_number());
}

#[test]
fn threads_and_where_bytes_come_from_change_nothing() {
    let project = Project::new();
    let export = fs::read(SAMPLE).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&export).unwrap();
    let gzip = gzip.finish().unwrap();
    fs::write(project.path("export"), &gzip).unwrap();
    let run = |id: &str, path: &str, input: &[u8], threads: &str| {
        let id = format!("--run-id={id}");
        let mut command = resonare(project.folder());
        command.args([
            "prepare",
            path,
            "--tokenizer=cl100k_base",
            "--output-raw=always",
            "--min-tokens-per-block=5",
        ]);
        let mut child = command
            .args([threads, &id])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        assert!(child.wait().unwrap().success());
    };
    run("a", SAMPLE, b"", "--threads=1");
    run("b", SAMPLE, b"", "--threads=4");
    run("c", "-", &export, "--threads=2");
    run("d", "-", &gzip, "--threads=1");
    run("e", "export", b"", "--threads=3");
    for name in OUTPUTS.into_iter().chain(["raw.json"]) {
        let read = |id: &str| fs::read(project.path("data/processed").join(id).join(name)).unwrap();
        for id in ["b", "c", "d", "e"] {
            assert_eq!(read(id), read("a"), "{name} of {id}");
        }
    }
}

#[test]
fn nothing_configured_says_what_to_do_next() {
    let output = Project::new().run(&["prepare"]);
    assert_eq!(output.status, 2);
    assert!(
        output
            .stderr
            .contains("there is no export at ./data/raw/result.json"),
        "{}",
        output.stderr
    );
    assert!(
        output
            .stderr
            .contains("resonare prepare path/to/result.json")
    );
}

#[test]
fn a_configured_input_needs_no_path() {
    let project = Project::new();
    fs::create_dir_all(project.path("conf")).unwrap();
    fs::create_dir_all(project.path("in")).unwrap();
    fs::copy(SAMPLE, project.path("in/result.json")).unwrap();
    let configuration =
        "input: {mode: dir, dir: in}\ntokenizer: o200k_base\noutput: {local_dir: out}\n";
    fs::write(project.path("conf/config.yaml"), configuration).unwrap();
    assert_eq!(project.run(&["prepare", "--run-id=r"]).status, 0);
    assert!(project.path("out/r/train.jsonl").exists());
}

#[test]
fn wrong_usage_is_told_from_a_failed_job() {
    let project = Project::new();
    let run = |more: &[&str]| {
        let arguments = [
            &["prepare", SAMPLE, "--tokenizer=o200k_base", "--run-id=r"],
            more,
        ]
        .concat();
        let output = project.run(&arguments);
        assert!(output.stderr.contains("error: "), "{}", output.stderr);
        (output.status, output.stderr)
    };
    for threads in ["0", "all"] {
        let (status, error) = run(&["--threads", threads]);
        assert_eq!(status, 2);
        let words = format!("'{threads}' for '--threads <N>': expected a whole number from 1");
        assert!(error.contains(&words), "{error}");
    }
    let (status, error) = run(&["--max-tokens-per-block=lots"]);
    assert_eq!(status, 2);
    assert!(
        error.contains(r#"--max-tokens-per-block: "lots" (from the command line) is not allowed"#),
        "{error}"
    );
    assert_eq!(run(&["--min-tokens-per-block=900"]).0, 2);
    assert_eq!(run(&["--no-such-option"]).0, 2);
    let run_id = project.run(&["prepare", SAMPLE, "--tokenizer=o200k_base", "--run-id=../x"]);
    assert_eq!(run_id.status, 2, "{}", run_id.stderr);
    assert_eq!(run(&["--date-limit=2100-01-01"]).0, 1);
    let (status, error) = run(&["--target-name=Nobody"]);
    assert_eq!(status, 1);
    assert!(error.contains("Mira Solano (user501)"), "{error}");
    assert_eq!(
        project
            .run(&["prepare", "missing.json", "--tokenizer=o200k_base"])
            .status,
        1
    );
}

#[test]
fn a_failed_run_leaves_nothing_that_looks_finished() {
    let project = Project::new();
    let prepare = |path: &str, more: &str| prepare_as_r(&project, path, more);
    fs::write(project.path("broken.json"), BROKEN).unwrap();
    assert_eq!(prepare("broken.json", "--salvage").status, 1);
    assert!(names_in(&project.path("data/processed")).is_empty());
    assert_eq!(prepare(SAMPLE, "--target-name=Nobody").status, 1);
    let left = ["report.html", "stats.json"];
    assert_eq!(names_in(&project.path("data/processed/r")), left);
    let stats = stats_of(&project, "stats.json");
    assert!(stats["error"].as_str().unwrap().starts_with("none of the"));
    assert!(stats["funnel"]["messages"]["read"].as_u64().unwrap() > 100);
}

#[test]
fn outputs_of_an_earlier_run_stay_until_a_new_one_has_succeeded() {
    let project = Project::new();
    let place = project.path("data/processed/r");
    let prepare = |path: &str, more: &str| prepare_as_r(&project, path, more);
    let read = |name: &str| fs::read(place.join(name)).unwrap();
    assert_eq!(prepare(SAMPLE, "--output-raw=always").status, 0);
    let [train, stats, report] = ["train.jsonl", "stats.json", "report.html"].map(read);
    fs::write(project.path("broken.json"), BROKEN).unwrap();
    for (path, more, error) in [
        (SAMPLE, "--target-name=Nobody", "none of the"),
        ("broken.json", "--salvage", "broken.json is not valid JSON"),
    ] {
        assert_eq!(prepare(path, more).status, 1);
        let failed = stats_of(&project, "stats.failed.json");
        assert!(failed["error"].as_str().unwrap().starts_with(error));
        assert_eq!(
            ["train.jsonl", "stats.json", "report.html"].map(read),
            [&train, &stats, &report].map(Clone::clone)
        );
    }
    assert_eq!(prepare(SAMPLE, "--salvage").status, 0);
    assert_eq!(names_in(&place), OUTPUTS);
}

#[test]
fn what_is_for_validation_is_a_file_of_its_own_as_long_as_there_is_any() {
    let project = Project::new();
    let place = project.path("data/processed/r");
    let parted = prepare_as_r(&project, SAMPLE, "--validation-fraction=0.7");
    assert_eq!(parted.status, 0, "{}", parted.stderr);
    assert!(
        parted.stdout.contains(" validation.jsonl"),
        "{}",
        parted.stdout
    );
    let split = stats_of(&project, "stats.json")["split"].clone();
    for (name, blocks) in [
        ("train.jsonl", "train_blocks"),
        ("validation.jsonl", "validation_blocks"),
    ] {
        let lines = fs::read_to_string(place.join(name))
            .unwrap()
            .lines()
            .count();
        assert!(lines > 0);
        assert_eq!(split[blocks], lines);
    }
    let whole = prepare_as_r(&project, SAMPLE, "--validation-fraction=0.01");
    assert_eq!(whole.status, 0, "{}", whole.stderr);
    assert!(
        !whole.stdout.contains("validation.jsonl"),
        "{}",
        whole.stdout
    );
    assert_eq!(names_in(&place), OUTPUTS);
}

#[test]
fn a_second_run_of_one_id_is_refused_until_the_first_is_gone() {
    let project = Project::new();
    let mut first = resonare(project.folder())
        .args(["prepare", "-", "--tokenizer=o200k_base", "--run-id=r"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    while names_in(&project.path("data/processed")).len() < 2 {
        std::thread::yield_now();
    }
    let second = prepare_as_r(&project, SAMPLE, "--salvage");
    assert_eq!(second.status, 1);
    let expected = "another run with the id r is writing to";
    assert!(second.stderr.contains(expected), "{}", second.stderr);
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(
        names_in(&project.path("data/processed")),
        [".r.lock", ".r.staging"]
    );
    // What the killed run left goes with the next, whatever its id.
    let next = project.run(&["prepare", SAMPLE, "--tokenizer=o200k_base", "--run-id=s"]);
    assert_eq!(next.status, 0, "{}", next.stderr);
    assert_eq!(names_in(&project.path("data/processed")), ["s"]);
}

#[cfg(target_os = "linux")]
#[test]
fn the_report_is_opened_if_that_is_asked() {
    use std::os::unix::fs::PermissionsExt as _;

    let project = Project::new();
    let programs = project.path("bin");
    fs::create_dir(&programs).unwrap();
    let opener = programs.join("xdg-open");
    fs::write(
        &opener,
        "#!/bin/sh\necho \"$1\" > opened.part && mv opened.part opened\n",
    )
    .unwrap();
    fs::set_permissions(&opener, fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    let prepare = |more: &str| {
        resonare(project.folder())
            .args(["prepare", SAMPLE, "--tokenizer=o200k_base", "--run-id=r"])
            .args(["--open", more])
            .env("PATH", format!("{}:{path}", programs.display()))
            .output()
            .unwrap()
    };
    assert_eq!(prepare("--output-report=false").status.code(), Some(2));
    assert_eq!(prepare("--output-report=true").status.code(), Some(0));
    let opened = project.path("opened");
    while !opened.exists() {
        std::thread::yield_now();
    }
    let report = project.path("data/processed/r/report.html");
    let opened = fs::read_to_string(opened).unwrap();
    assert_eq!(
        fs::canonicalize(opened.trim()).unwrap(),
        fs::canonicalize(report).unwrap()
    );
}

#[test]
fn a_bucket_that_is_away_does_not_hide_why_a_run_failed() {
    let project = Project::new();
    let output = resonare(project.folder())
        .args(["prepare", SAMPLE, "--tokenizer=o200k_base", "--run-id=r"])
        .arg("--target-name=Nobody")
        .env("RESONARE_OUTPUT__MODES", "local,s3")
        .env("RESONARE_OUTPUT__S3_BUCKET", "away")
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("error: none of the"), "{error}");
    let left = ["report.html", "stats.json"];
    assert_eq!(names_in(&project.path("data/processed/r")), left);
}

/// Not JSON, and not the beginning of any.
const BROKEN: &str = r#"{"name": "x", "messages": [{]}"#;

fn prepare_as_r(project: &Project, path: &str, more: &str) -> support::Output {
    project.run(&[
        "prepare",
        path,
        "--tokenizer=o200k_base",
        "--run-id=r",
        more,
    ])
}

fn stats_of(project: &Project, name: &str) -> Value {
    let path = project.path("data/processed/r").join(name);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn names_cannot_write_to_the_terminal_as_they_like() {
    let project = Project::new();
    let export = r#"{"name": "x", "messages": [{"from": "Ev\u001b[2Jil\nFAKE", "date": "2024-01-01T00:00:00", "text": "hi"}]}"#;
    fs::write(project.path("export.json"), export).unwrap();
    let output = project.run(&[
        "prepare",
        "export.json",
        "--tokenizer=o200k_base",
        "--target-name=Nobody",
    ]);
    assert!(
        output.stderr.contains("Ev\u{fffd}[2Jil\u{fffd}FAKE"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_folder_that_is_not_ours_is_not_touched() {
    let project = Project::new();
    fs::create_dir_all(project.path("data/raw")).unwrap();
    fs::copy(SAMPLE, project.path("data/raw/result.json")).unwrap();
    let output = project.run(&[
        "prepare",
        "--tokenizer=o200k_base",
        "--output-dir=data",
        "--run-id=raw",
    ]);
    assert_eq!(output.status, 1);
    assert!(
        output
            .stderr
            .contains("data/raw holds result.json, which is not an output"),
        "{}",
        output.stderr
    );
    assert!(project.path("data/raw/result.json").exists());
}

#[test]
fn json_output_is_for_machines() {
    let project = Project::new();
    let output = project.run(&[
        "prepare",
        SAMPLE,
        "--tokenizer=o200k_base",
        "--run-id=r",
        "--json",
    ]);
    let result: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(result["run_id"], "r");
    assert!(Path::new(result["outputs"][0].as_str().unwrap()).ends_with("r/train.jsonl"));
    assert!(result["stats"]["num_blocks"].as_u64().unwrap() > 0);
    let inspected = project.run(&["inspect", SAMPLE, "--json"]);
    let inspected: Value = serde_json::from_str(&inspected.stdout).unwrap();
    assert_eq!(inspected["owner"], "user501");
    assert_eq!(inspected["chats"][0]["name"], "Jonas");
    assert_eq!(inspected["senders"][0]["sender"], "Mira Solano (user501)");
}

#[test]
fn inspect_shows_what_one_needs_to_choose_a_target() {
    let output = Project::new().run(&["inspect", SAMPLE]);
    assert_eq!(output.status, 0, "{}", output.stderr);
    for expected in [
        "Lake crew",
        "private_group",
        "2024-05",
        "Jonas Weber (user702)",
        "owner      Mira Solano (user501), whose style is learned",
    ] {
        assert!(
            output.stdout.contains(expected),
            "{expected} is missing from {}",
            output.stdout
        );
    }
}

#[test]
fn an_interrupted_run_leaves_nothing() {
    let project = Project::new();
    let mut child = resonare(project.folder())
        .args(["prepare", "-", "--tokenizer=o200k_base", "--run-id=r"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input
        .write_all(b"{\"name\": \"x\", \"messages\": [")
        .unwrap();
    while names_in(&project.path("data/processed")).is_empty() {
        std::thread::yield_now();
    }
    let interrupted = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupted.unwrap().success());
    // Standard input stays open, and nothing more comes from it.
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(input);
    assert!(names_in(&project.path("data/processed")).is_empty());
}

#[test]
fn without_a_network_a_fallback_counts_unless_the_exact_tokenizer_is_required() {
    let project = Project::new();
    let run = |arguments: &[&str]| {
        let output = resonare(project.folder())
            .env("HF_ENDPOINT", "http://127.0.0.1:9")
            .args(["prepare", SAMPLE, "--model-id=org/tiny", "--run-id=r"])
            .args(arguments)
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), error)
    };
    let (status, error) = run(&["--require-exact-tokenizer"]);
    assert_eq!(status, 1, "{error}");
    assert!(error.contains("the model hub can't be reached"), "{error}");
    assert!(error.contains("with --tokenizer"), "{error}");
    let (status, error) = run(&[]);
    assert_eq!(status, 0, "{error}");
    let stats = fs::read(project.path("data/processed/r/stats.json")).unwrap();
    let stats: Value = serde_json::from_slice(&stats).unwrap();
    assert_eq!(stats["tokenizer"]["source"], "o200k_base");
    let reason = stats["tokenizer"]["fallback_reason"].as_str().unwrap();
    // Said first, and again in the end.
    assert!(error.contains(reason), "{error}");
    assert_eq!(
        fs::read_dir(project.path("data")).unwrap().count(),
        1,
        "nothing was fetched"
    );
}

#[test]
fn what_a_folder_holds_beside_exports_is_named_and_passed_over() {
    let project = Project::new();
    let write = |name: &str, content: &[u8]| {
        let path = project.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    let sample = std::fs::read(SAMPLE).unwrap();
    write("exports/2024/result.json", &sample);
    write(
        "exports/package.json",
        br#"{"name": "x", "scripts": {"messages": "no"}}"#,
    );
    let prepare = ["prepare", "exports", "--tokenizer=o200k_base"];
    let output = project.run(&prepare);
    assert_eq!(output.status, 0, "{}", output.stderr);
    let warning = "exports/package.json is not an export, and is passed over";
    assert!(output.stderr.contains(warning), "{}", output.stderr);
    assert!(output.stdout.contains("3 blocks from 2 chats"));
    let inspected = project.run(&["inspect", "exports"]);
    assert_eq!(inspected.status, 0, "{}", inspected.stderr);
    assert!(inspected.stderr.contains(warning), "{}", inspected.stderr);
    // Named itself, it was meant.
    let named = project.run(&["inspect", "exports/package.json"]);
    assert_eq!(named.status, 1);
    assert!(
        named.stderr.contains("without a list of chats"),
        "{}",
        named.stderr
    );

    write("exports/broken.json", &sample[..sample.len() / 2]);
    let broken = project.run(&prepare);
    assert_eq!(broken.status, 1);
    assert!(
        broken.stderr.contains("exports/broken.json"),
        "{}",
        broken.stderr
    );

    write("others/package.json", b"{}");
    let none = project.run(&["inspect", "others"]);
    assert_eq!(none.status, 1);
    assert!(
        none.stderr
            .contains("the only *.json or *.json.gz file below others is no"),
        "{}",
        none.stderr
    );
}

#[test]
fn an_archive_is_to_be_unpacked() {
    let project = Project::new();
    std::fs::write(
        project.path("export.zip"),
        b"PK\x03\x04\x14\0\0\0\x08\0\xff\xfe",
    )
    .unwrap();
    for arguments in [
        &["inspect", "export.zip"][..],
        &["prepare", "export.zip", "--tokenizer=o200k_base"],
    ] {
        let output = project.run(arguments);
        assert_eq!(output.status, 1);
        assert!(
            output.stderr.contains("is a ZIP archive (unpack it"),
            "{}",
            output.stderr
        );
    }
}
