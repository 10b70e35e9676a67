//! Exports of several megabytes, which are read in parts where there are threads for it.

use std::io::{self, Cursor, Read, Write};

use resonare_pipeline::{PersonalData, Settings, Source};
use serde_json::{Value, json};

use crate::support::{Done, Words, assert_same, chat, message, run_with, settings, source};

/// So many messages of some 250 bytes that there are several parts of half a megabyte.
const MESSAGES: u64 = 10_000;

/// Chats of ten messages.
const SMALL: usize = 1000;

fn messages(text: &str) -> Vec<Value> {
    let sender = |number: u64| ["Me", "Ann", "Bo"][usize::try_from(number % 3).unwrap()];
    let message = |number| message(number, sender(number), &format!("{text} {number}"));
    (0..MESSAGES).map(message).collect()
}

/// That the outcome is the same with any number of threads; gives it.
fn with_any_threads(source: impl Fn() -> Source, settings: &Settings) -> Result<Done, String> {
    let run = |threads| run_with(&Words, vec![source()], settings, threads);
    let one = run(1);
    for threads in [2, 3, 8] {
        assert_same(&one, &run(threads));
    }
    one.map_err(|failure| failure.to_string())
}

fn export(text: &str) -> Value {
    let of_a_type = |kind: &str| {
        let mut chat = chat(kind, messages(text));
        chat["type"] = kind.into();
        chat
    };
    let types = ["personal_chat", "public_channel", "saved_messages"];
    let small = chat("small", messages(text).split_off(9990));
    let chats: Vec<_> = types
        .map(of_a_type)
        .into_iter()
        .chain(vec![small; SMALL])
        .collect();
    json!({"personal_information": {"user_id": 1}, "chats": {"list": chats}})
}

#[test]
fn what_is_read_in_parts_is_what_is_read_at_once() {
    let export = serde_json::to_vec_pretty(&export("one of many {\"id\": 1}")).unwrap();
    let done = with_any_threads(|| source(&*export), &settings()).unwrap();
    let funnel = done.statistics.funnel;
    assert_eq!(funnel.chats.read, 3 + SMALL as u64);
    assert_eq!(funnel.messages.read, 3 * MESSAGES + 10 * SMALL as u64);
    assert_eq!(funnel.messages.in_blocks, MESSAGES + 10 * SMALL as u64);
}

#[test]
fn an_error_comes_after_all_that_is_before_it() {
    let export = serde_json::to_vec_pretty(&export("one of many")).unwrap();
    // Among the small chats.
    let most = export.len() * 99 / 100;
    let mut broken = export.clone();
    broken[most] = 0xFF;
    let error = with_any_threads(|| source(&*broken), &settings()).unwrap_err();
    assert!(error.contains("bytes that are not UTF-8"), "{error}");
    for kind in [io::ErrorKind::ConnectionReset, io::ErrorKind::UnexpectedEof] {
        let failing = || Source {
            name: "the export".to_owned(),
            reader: Box::new(Cursor::new(export[..most].to_vec()).chain(Failing(kind))),
        };
        with_any_threads(failing, &settings()).unwrap_err();
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&export).unwrap();
    let mut damaged = gzip.finish().unwrap();
    let checksum = damaged.len() - 8;
    damaged[checksum] ^= 1;
    let error = with_any_threads(|| source(&*damaged), &settings()).unwrap_err();
    assert!(error.contains("gzip"), "{error}");
}

#[test]
fn what_is_said_late_of_an_input_is_known_from_there_on() {
    let numbers = chat("Ann", messages("call 0170 1234567"));
    let list = [numbers.clone(), numbers].map(|chat| chat.to_string());
    let owner = r#""personal_information": {"user_id": 1, "phone_number": "+49 170 1234567"}"#;
    let export = format!(r#"{{"chats": {{"list": [{}]}}, {owner}}}"#, list.join(", "));
    let settings = Settings {
        redact: vec![PersonalData::Phone, PersonalData::Number],
        ..settings()
    };
    let done = with_any_threads(|| source(&*export), &settings).unwrap();
    assert!(done.train.contains("[NUMBER]") || done.train.contains("[PHONE]"));
}

#[test]
fn the_largest_message_and_the_deepest_value_are_so_large_and_deep_wherever_they_are() {
    const LARGEST: usize = 16 << 20;
    let message = |text: &str| {
        format!(r#"{{"from": "Me", "date": "2024-01-01T10:00:00", "text": "{text}"}}"#)
    };
    let around = message("").len();
    for (length, is_kept) in [(LARGEST - around, true), (LARGEST - around + 1, false)] {
        let gap = " ".repeat(1 << 20);
        let large = message(&"x".repeat(length));
        let export = format!(
            r#"{{"name": "Ann", "messages": [{gap}{large},{gap}{large},{}]}}"#,
            message("ho")
        );
        let done = with_any_threads(|| source(&*export), &settings()).unwrap();
        let kept = if is_kept { 3 } else { 1 };
        assert_eq!(done.statistics.funnel.messages.in_blocks, kept, "{length}");
    }
    for (levels, is_read) in [(511, true), (512, false)] {
        for kind in ["personal_chat", "public_channel"] {
            let deep = format!(
                r#"{{"id": 1, "x": {}{}}}"#,
                "[".repeat(levels),
                "]".repeat(levels)
            );
            let export = format!(
                r#"[{{"name": "A", "messages": [{}]}}, {{"name": "B", "type": "{kind}", "messages": [{deep}]}}]"#,
                message("ho")
            );
            let result = with_any_threads(|| source(&*export), &settings());
            assert_eq!(
                result.is_ok(),
                is_read,
                "{levels} {kind}: {:?}",
                result.err()
            );
        }
    }
}

/// Fails instead of ending.
struct Failing(io::ErrorKind);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(self.0.into())
    }
}
