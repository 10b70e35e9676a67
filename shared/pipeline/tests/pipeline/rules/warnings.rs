//! What is said of sets that are not good to train on.

use std::time::Duration;

use resonare_consumers::{Consumer, SystemAs};
use resonare_pipeline::{Advice, Warning};

use super::*;
use crate::support::Done;

/// The warnings of a run, each with its words.
fn warned(done: &Done) -> Vec<(&'static str, String)> {
    let words = |warning: &Warning| warning.words(|setting| setting.key().to_owned());
    let warnings = done.statistics.warnings.iter();
    warnings
        .map(|warning| (warning.name(), words(warning)))
        .collect()
}

fn names(done: &Done) -> Vec<&'static str> {
    let warnings = done.statistics.warnings.iter();
    warnings.map(Warning::name).collect()
}

/// From one exchange to the next, in seconds: longer than the threshold.
const PAUSE: u64 = 3;

fn settings() -> Settings {
    Settings {
        threshold: Duration::from_secs(1),
        ..super::settings()
    }
}

/// A chat with so many exchanges, a block each.
fn exchanges(name: &str, number: u64) -> Value {
    let exchange = |at: u64| {
        let second = at * PAUSE;
        [
            message(second, "Ann", "hello"),
            message(second + 1, "Me", "ho"),
        ]
    };
    chat(name, (0..number).flat_map(exchange).collect())
}

fn of_chats(chats: &[u64], settings: &Settings) -> Done {
    let chats = chats.iter().enumerate();
    let chats = chats.map(|(index, number)| exchanges(&format!("chat {index}"), *number));
    let chats: Value = chats.collect();
    run(chats.to_string(), settings).unwrap()
}

#[test]
fn a_good_set_has_no_warning() {
    assert_eq!(names(&of_chats(&[20, 20, 20], &settings())), [""; 0]);
}

#[test]
fn few_blocks_are_worth_a_warning_whoever_takes_them() {
    let warnings = warned(&of_chats(&[49], &settings()));
    assert_eq!(
        warnings,
        [(
            "few_rows",
            "there is little to learn from 49 blocks (at least 50 are a good start); export more \
             chats"
                .to_owned()
        )]
    );
    assert_eq!(names(&of_chats(&[50], &settings())), [""; 0]);
}

#[test]
fn what_took_most_blocks_is_what_would_bring_more() {
    let settings = Settings {
        limits: TokenLimits::new(2, 3).unwrap(),
        ..settings()
    };
    let mut messages = vec![message(0, "Ann", "a"), message(1, "Me", "b")];
    messages.push(message(PAUSE, "Me", "alone"));
    let done = run(chat("Ann", messages).to_string(), &settings).unwrap();
    assert_eq!(
        done.statistics.warnings,
        [Warning::FewRows {
            consumer: None,
            rows: 1,
            recommended: 50,
            advice: Some(Advice::KeepShorterBlocks),
        }]
    );
}

#[test]
fn a_consumers_limits_are_named_with_their_rule() {
    let for_consumer = |consumer| Settings {
        consumer: Some(consumer),
        role_order: RoleOrder::UserFirst,
        ..settings()
    };
    let warnings = warned(&of_chats(&[7], &for_consumer(Consumer::BedrockNova)));
    assert_eq!(
        warnings,
        [(
            "too_few_rows",
            "Bedrock (Nova) takes no fewer than 8 blocks (too-few-rows), and there are 7; export \
             more chats"
                .to_owned()
        )]
    );
    let warnings = warned(&of_chats(&[8], &for_consumer(Consumer::BedrockNova)));
    assert_eq!(
        warnings,
        [(
            "few_rows",
            "Bedrock (Nova) recommends at least 200 blocks (few-rows), and there are 8; export more \
             chats"
                .to_owned()
        )]
    );
    let many = of_chats(&[10_001], &for_consumer(Consumer::BedrockLlama));
    assert_eq!(names(&many), ["too_many_rows"]);
    let stats = many.stats();
    assert_eq!(stats["warnings"][0]["rows"], 10_001);
    assert_eq!(stats["warnings"][0]["consumer"], "bedrock-llama");
}

#[test]
fn a_row_that_may_be_too_long_for_the_consumer_is_told() {
    let settings = Settings {
        consumer: Some(Consumer::BedrockLlama),
        limits: TokenLimits::new(1, 100_000).unwrap(),
        ..settings()
    };
    let mut messages = exchanges("", 50)["messages"].as_array().unwrap().clone();
    messages.push(message(50 * PAUSE, "Ann", &"word ".repeat(16_000)));
    messages.push(message(50 * PAUSE + 1, "Me", &"word ".repeat(2_000)));
    let done = run(chat("Ann", messages).to_string(), &settings).unwrap();
    assert_eq!(names(&done), ["row_over_limit"]);
}

#[test]
fn a_prompt_that_is_not_written_is_told() {
    let settings = Settings {
        system_prompt: Some("Be Me.".to_owned()),
        system_as: SystemAs::None,
        ..settings()
    };
    assert_eq!(names(&of_chats(&[60], &settings)), ["prompt_not_written"]);
}

#[test]
fn chats_that_were_imported_with_the_time_of_the_import_are_told() {
    let imported = |same: u64, others: u64| {
        let same = (0..same).map(|_| message(5, "Ann", "hello"));
        let others = (0..others).map(|at| message(PAUSE * (at + 1), "Me", "so it is"));
        let chats = [
            exchanges("others", 60),
            chat("imported", same.chain(others).collect()),
        ];
        names(&run(json!(chats).to_string(), &settings()).unwrap())
    };
    assert_eq!(imported(18, 2), ["one_moment"]);
    assert_eq!(imported(17, 3), [""; 0]);
    assert_eq!(imported(19, 0), ["blocks_without_target"]);
}

#[test]
fn an_export_without_senders_is_told() {
    let mut messages = exchanges("", 60)["messages"].as_array().unwrap().clone();
    let nameless = json!({"type": "message", "date": "2024-01-01T00:00:00", "text": "x"});
    messages.extend(std::iter::repeat_n(nameless.clone(), 121));
    let service = json!({"type": "service", "date": "2024-01-01T00:00:00"});
    messages.extend(std::iter::repeat_n(service, 1000));
    let done = run(chat("Ann", messages).to_string(), &settings()).unwrap();
    assert_eq!(names(&done), ["no_senders"]);
    let numbers = done.statistics.warnings[0].numbers();
    assert_eq!(numbers, [("messages", 121), ("read", 241)]);

    let only = chat("Ann", vec![nameless]).to_string();
    let error = error_of(only, &settings());
    assert!(error.ends_with("; export with Telegram Desktop, or with another tool in a way that keeps senders (`from`)"), "{error}");
}

#[test]
fn one_chat_that_outweighs_the_others_is_told_without_its_name() {
    let done = of_chats(&[31, 20, 10], &settings());
    let [(name, words)] = &warned(&done)[..] else {
        panic!("{:?}", warned(&done));
    };
    assert_eq!(*name, "one_chat_outweighs");
    assert!(words.starts_with("one chat has 31 of 61 blocks"), "{words}");
    assert!(!words.contains("chat 0"), "{words}");
    assert_eq!(names(&of_chats(&[40, 20], &settings())), [""; 0]);
}

#[test]
fn a_target_who_hardly_speaks_is_told() {
    let talk = "word ".repeat(10);
    let exchange = |at: u64| {
        let second = at * PAUSE;
        [
            message(second, "Ann", &talk),
            message(second + 1, "Me", "no"),
        ]
    };
    let messages = (0..60).flat_map(exchange).collect();
    let done = run(chat("Ann", messages).to_string(), &settings()).unwrap();
    assert_eq!(names(&done), ["target_hardly_speaks"]);
    let numbers = done.statistics.warnings[0].numbers();
    assert_eq!(numbers, [("tokens", 60), ("all", 660)]);
}
