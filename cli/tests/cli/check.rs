//! `resonare check`, as a user runs it.

use std::fs::{self, File};
use std::io::Write as _;
use std::process::Stdio;

use resonare_consumers::MessageRef;
use resonare_parquet_rows::ParquetWriter;
use serde_json::Value;

use crate::support::{Project, SAMPLE, resonare};

const EXCHANGE: &str =
    r#"{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"hey"}]}"#;

/// A project with a file of rows that Together takes, but for the second.
fn project() -> Project {
    let project = Project::new();
    let bad = EXCHANGE.replace("user", "bot");
    let file = format!("{EXCHANGE}\n{bad}\n{EXCHANGE}\n");
    fs::write(project.path("bad.jsonl"), file).unwrap();
    fs::write(project.path("good.jsonl"), format!("{EXCHANGE}\n")).unwrap();
    project
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_finding_is_said_with_place_rule_and_remedy_and_ends_with_status_1() {
    let output = project().run(&["check", "bad.jsonl", "--for=together"]);
    assert_eq!(output.status, 1, "{}", output.stderr);
    assert_eq!(output.stderr, "");
    assert_eq!(
        output.stdout,
        "\
bad.jsonl: 3 rows, 248 bytes, for Together
refused     1 × a message's role is not known to Together (unknown-role)
            line 2 messages[0] \"bot\"
            use `system`, `user` and `assistant`
characters  5 in every row
Together refuses 1 of 3 rows
"
    );
}

#[test]
fn a_file_that_is_taken_ends_with_status_0_and_warnings_are_said() {
    let project = project();
    let taken = project.run(&["check", "good.jsonl", "--for=together"]);
    assert_eq!(taken.status, 0, "{}", taken.stdout);
    assert!(taken.stdout.ends_with("Together takes every row\n"));
    fs::write(
        project.path("odd.jsonl"),
        EXCHANGE.replace("user", "assistant"),
    )
    .unwrap();
    let warned = project.run(&["check", "odd.jsonl", "--for=trl"]);
    assert_eq!(warned.status, 0, "{}", warned.stdout);
    assert!(
        warned.stdout.contains("warning     1 ×"),
        "{}",
        warned.stdout
    );
}

#[test]
fn the_same_rows_are_read_from_every_kind_of_file() {
    let project = project();
    let rows = fs::read(project.path("bad.jsonl")).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&rows).unwrap();
    fs::write(project.path("bad.gz"), gzip.finish().unwrap()).unwrap();
    let lines = String::from_utf8(rows).unwrap();
    let array = format!("[{}]", lines.trim_end().replace('\n', ",\n"));
    fs::write(project.path("bad.json"), array).unwrap();
    let file = File::create(project.path("bad.parquet")).unwrap();
    let mut parquet = ParquetWriter::new(file, None).unwrap();
    for role in ["user", "bot", "user"] {
        let answer = MessageRef::new("assistant", "hey");
        parquet.row(&[MessageRef::new(role, "hi"), answer]).unwrap();
    }
    parquet.finish().unwrap();
    for name in ["bad.jsonl", "bad.gz", "bad.json", "bad.parquet"] {
        let output = project.run(&["check", name, "--for=llama-factory", "--json"]);
        assert_eq!(output.status, 1, "{name}");
        let report = &json(&output.stdout)["files"][0]["report"];
        assert_eq!(report["rows"], 3, "{name}");
        assert_eq!(report["refused_rows"], 1, "{name}");
        assert_eq!(report["findings"][0]["rule"], "unknown-role", "{name}");
        assert_eq!(report["findings"][0]["message"], 0, "{name}");
    }
}

#[test]
fn standard_input_is_read_even_where_it_is_parquet() {
    let mut parquet = ParquetWriter::new(Vec::new(), None).unwrap();
    let turns = [
        MessageRef::new("user", "hi"),
        MessageRef::new("assistant", "hey"),
    ];
    parquet.row(&turns).unwrap();
    for bytes in [EXCHANGE.as_bytes().to_vec(), parquet.finish().unwrap()] {
        let mut child = resonare(Project::new().folder())
            .args(["check", "-", "--for=trl"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&bytes).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with("standard input: 1 row,"), "{text}");
    }
}

#[test]
fn several_files_are_told_apart_and_summed_up() {
    let output = project().run(&["check", "good.jsonl", "bad.jsonl", "--for=together"]);
    assert_eq!(output.status, 1);
    let text = output.stdout;
    assert!(
        text.contains("good.jsonl: 1 row") && text.contains("bad.jsonl: 3 rows"),
        "{text}"
    );
    assert!(
        text.ends_with("\nTogether takes 1 of 2 files whole; of 4 rows it refuses 1\n"),
        "{text}"
    );
}

#[test]
fn a_folder_is_that_of_a_run() {
    let project = Project::new();
    let prepared = project.run(&[
        "prepare",
        SAMPLE,
        "--tokenizer=o200k_base",
        "--run-id=r",
        "--role-order=user_first",
    ]);
    assert_eq!(prepared.status, 0, "{}", prepared.stderr);
    let folder = "data/processed/r";
    let output = project.run(&["check", folder, "--for=llama-factory"]);
    assert_eq!(output.status, 0, "{}", output.stdout);
    let text = &output.stdout;
    assert!(text.starts_with("data/processed/r/train.jsonl: "), "{text}");
    let train = fs::read(project.path("data/processed/r/train.jsonl")).unwrap();
    fs::write(project.path("data/processed/r/validation.jsonl"), train).unwrap();
    let output = project.run(&["check", folder, "--for=llama-factory", "--json"]);
    assert_eq!(json(&output.stdout)["files"].as_array().unwrap().len(), 2);
    let output = project.run(&["check", folder, "--for=bedrock-nova"]);
    assert_eq!(output.status, 2);
    assert_eq!(
        output.stderr,
        "error: there is no train.bedrock.jsonl in data/processed/r\n\
         `resonare prepare --for bedrock-nova` writes it\n"
    );
}

#[test]
fn rows_are_measured_in_tokens_where_a_tokenizer_is_named() {
    let project = project();
    let long = EXCHANGE.replace("hi", &"one two three ".repeat(20));
    fs::write(project.path("long.jsonl"), format!("{EXCHANGE}\n{long}\n")).unwrap();
    let arguments = [
        "check",
        "long.jsonl",
        "--for=trl",
        "--tokenizer=o200k_base",
        "--limit=50",
    ];
    let output = project.run(&arguments);
    assert_eq!(output.status, 0, "{}", output.stderr);
    assert!(
        output
            .stdout
            .contains("limit       1 row over 50 tokens; in 1 the last answer begins after that\n"),
        "{}",
        output.stdout
    );
    assert!(
        output.stdout.starts_with("tokenizer   o200k_base\n"),
        "{}",
        output.stdout
    );
    let output = project.run(&["check", "long.jsonl", "--for=trl", "--limit=50"]);
    assert_eq!(output.status, 2, "a limit in characters says nothing");
}

#[test]
fn json_is_printed_for_every_ending() {
    let project = project();
    fs::write(project.path("broken.parquet"), "PAR1 and no more").unwrap();
    for (file, status) in [
        ("good.jsonl", 0),
        ("bad.jsonl", 1),
        ("broken.parquet", 1),
        ("nowhere.jsonl", 2),
    ] {
        let output = project.run(&["check", file, "--for=trl", "--json"]);
        assert_eq!(output.status, status, "{file}");
        let value = json(&output.stdout);
        assert_eq!(value["consumer"], "trl", "{file}");
        assert_eq!(value["error"].is_string(), status == 2, "{file}");
    }
    let unknown = project.run(&["check", "good.jsonl", "--for=nobody"]);
    assert_eq!(unknown.status, 2);
    assert!(
        unknown.stderr.contains("llama-factory"),
        "{}",
        unknown.stderr
    );
}

#[test]
fn an_export_is_sent_to_prepare_first() {
    let project = project();
    let output = project.run(&["check", SAMPLE, "--for=trl"]);
    assert_eq!(output.status, 1, "{}", output.stderr);
    let words: Vec<_> = output.stdout.split_whitespace().collect();
    let words = words.join(" ");
    assert!(
        words.ends_with("this is a Telegram export, which no consumer reads; `resonare prepare` makes rows of it"),
        "{words}"
    );
}

#[test]
fn a_consumer_is_known_in_any_case() {
    let output = project().run(&["check", "good.jsonl", "--for=Together"]);
    assert_eq!(output.status, 0, "{}", output.stdout);
}
