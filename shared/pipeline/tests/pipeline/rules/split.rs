//! Which blocks are for validation.

use super::*;

/// A chat of conversations, an hour and a bit apart, in which each text is a block.
fn chat_of(name: &str, conversations: &[&[&str]]) -> Value {
    let mut messages = Vec::new();
    for (number, texts) in (0..).zip(conversations) {
        for (second, text) in (0..).zip(*texts) {
            messages.push(message(
                4000 * number + second,
                "Me",
                &format!("{text} {text}"),
            ));
        }
    }
    chat(name, messages)
}

fn settings_of(fraction: &str) -> Settings {
    Settings {
        validation_fraction: Fraction::parse(fraction).unwrap(),
        limits: TokenLimits::new(1, 2).unwrap(),
        message_delimiter: String::new(),
        ..settings()
    }
}

fn split(fraction: &str, chats: &[Value]) -> Done {
    run(json!(chats).to_string(), &settings_of(fraction)).unwrap()
}

/// The first words of the blocks of a file.
fn words(file: &str) -> String {
    let blocks = blocks_of(file);
    let words = blocks.iter().flatten().map(|line| line.split(' ').nth(1));
    words.map(Option::unwrap).collect()
}

#[test]
fn the_newest_conversations_of_a_chat_are_for_validation() {
    let done = split(
        "0.5",
        &[chat_of("Ann", &[&["a", "b", "c"], &["d", "e"], &["f"]])],
    );
    assert_eq!(
        (&*words(&done.train), &*words(&done.validation)),
        ("abc", "def")
    );
    let counts = json!({
        "train_blocks": 3, "validation_blocks": 3, "train_conversations": 1, "validation_conversations": 2,
        "leaking_blocks": 0, "leaking_conversations": 0,
    });
    assert_eq!(done.stats()["split"], counts);
    assert_eq!(done.statistics.train_blocks(), 3);
}

#[test]
fn a_conversation_is_not_divided_and_what_is_left_over_is_for_the_next_chat() {
    let chats = [
        chat_of("Ann", &[&["a", "b"], &["c", "d", "e"]]),
        chat_of("Ben", &[&["f"], &["g", "h"], &["i", "j"]]),
    ];
    let done = split("0.4", &chats);
    assert_eq!(
        (&*words(&done.train), &*words(&done.validation)),
        ("abcdef", "ghij")
    );
}

#[test]
fn processed_json_has_all_blocks_and_says_which_are_for_validation() {
    let chats = [chat_of("Ann", &[&["a"], &["b"]])];
    let blocks = split("0.5", &chats).processed()[0]["blocks"].clone();
    assert_eq!(blocks[0].get("split"), None);
    assert_eq!(blocks[1]["split"], "validation");
    let unsplit = run(json!(chats).to_string(), &settings_of("0")).unwrap();
    assert_eq!(words(&unsplit.train), "ab");
    assert!(!unsplit.processed.contains("split"));
    assert_eq!(unsplit.stats().get("split"), None);
}

#[test]
fn other_formats_are_split_too() {
    let done = split("0.5", &[chat_of("Ann", &[&["a"], &["b"]])]);
    assert!(done.sharegpt.contains("a a") && !done.sharegpt.contains("b b"));
    assert!(done.validation_sharegpt.contains("b b") && !done.validation_sharegpt.contains("a a"));
    assert_eq!(done.bedrock.lines().count(), 1);
}

#[test]
fn a_later_conversation_that_repeats_the_other_side_is_dropped_whole() {
    let chats = [
        // "a" was said before on the other side, and takes "c" with it.
        chat_of("Ann", &[&["a", "b"], &["c", "a"]]),
        // So does "a" here, where it is older.
        chat_of("Ben", &[&["d"], &["a", "e"], &["f"]]),
        chat_of("Cat", &[&["f", "g"], &["h"]]),
    ];
    let done = split("0.5", &chats);
    assert_eq!(
        (&*words(&done.train), &*words(&done.validation)),
        ("abd", "fh")
    );
    assert_eq!(done.dropped(MessageDrop::SplitLeak), 6);
    assert_eq!(done.stats()["split"]["leaking_blocks"], 6);
    assert_eq!(done.stats()["split"]["leaking_conversations"], 3);
    assert_eq!(done.processed()[0]["num_blocks"], 2);
}

#[test]
fn nothing_for_validation_is_worth_a_warning_and_no_output() {
    let done = split("0.1", &[chat_of("Ann", &[&["a"], &["b"]])]);
    assert_eq!((&*words(&done.train), &*done.validation), ("ab", ""));
    assert!(!done.statistics.leaves(OutputName::ValidationParquet));
    let warning = &done.stats()["warnings"][1];
    assert_eq!(warning["name"], "no_validation");
    insta::assert_snapshot!(warning["message"].as_str().unwrap(), @"no block is for validation: the newest conversations have more blocks than validation_fraction allows, or resemble what is learned; raise it, or export more chats");
    let done = split("0.5", &[chat_of("Ann", &[&["a"], &["b"]])]);
    assert!(done.statistics.leaves(OutputName::ValidationParquet));
    assert!(
        !done.stats()["warnings"]
            .to_string()
            .contains("no_validation")
    );
}
