//! Which blocks are dropped because others were like them.

use super::*;

/// A chat with a message an hour and a bit after the other, so that each is a block.
fn chat_of(name: &str, texts: &[&str]) -> Value {
    let message = |(hour, text): (u64, &&str)| message(4000 * hour, "Me", text);
    chat(name, (0..).zip(texts).map(message).collect())
}

fn without(deduplicate: Deduplicate, chats: &[Value]) -> Done {
    let settings = Settings {
        deduplicate,
        ..settings()
    };
    run(json!(chats).to_string(), &settings).unwrap()
}

const TEXT: &str =
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen";
const NEARLY: &str = "One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen, fourteen!";

#[test]
fn equal_blocks_are_kept_unless_they_are_to_be_dropped() {
    let chats = [
        chat_of("Ann", &["a", "b", "a"]),
        chat_of("Ben", &["b", "a"]),
    ];
    assert_eq!(without(Deduplicate::None, &chats).blocks().len(), 5);
    let done = without(Deduplicate::Exact, &chats);
    assert_eq!(done.blocks(), [["assistant: >>> a"], ["assistant: >>> b"]]);
    assert_eq!(done.dropped(MessageDrop::DuplicateBlock), 3);
    assert_eq!(
        done.stats()["funnel"]["chats"]["dropped"],
        json!({"no_blocks": 1})
    );
    assert_eq!(done.processed()[0]["num_blocks"], 2);
}

#[test]
fn equal_is_what_the_same_side_says_in_the_same_lines() {
    let [mut me, mut ann] = [message(0, "Me", "a"), message(9000, "Ann", "a")];
    let in_two = [
        message(18_000, "Me", "a b"),
        message(30_000, "Me", "a"),
        message(30_001, "Me", "b"),
    ];
    for message in [&mut me, &mut ann] {
        message["edited"] = "2025-01-01T00:00:00".into();
    }
    let messages = [me, ann].into_iter().chain(in_two).collect();
    let done = without(Deduplicate::Exact, &[chat("Ann", messages)]);
    assert_eq!(done.blocks().len(), 4);
}

#[test]
fn the_system_prompt_and_context_do_not_count() {
    // The maximum cuts each chat in two, and the second blocks begin with what is different in the first.
    let chats = ["x", "y"].map(|first| {
        let from_ann = message(1, "Ann", "b b b b b");
        chat(
            first,
            vec![message(0, "Me", first), from_ann, message(2, "Me", "c")],
        )
    });
    let settings = Settings {
        deduplicate: Deduplicate::Exact,
        limits: TokenLimits::new(1, 5).unwrap(),
        context_tokens: 2,
        system_prompt: Some("Be brief.".to_owned()),
        ..settings()
    };
    let done = run(json!(chats).to_string(), &settings).unwrap();
    assert_eq!(done.dropped(MessageDrop::DuplicateBlock), 2);
}

#[test]
fn nearly_equal_blocks_are_dropped_where_that_is_asked() {
    let chats = [chat_of("Ann", &[TEXT, NEARLY, "something else"])];
    assert_eq!(without(Deduplicate::Exact, &chats).blocks().len(), 3);
    let done = without(Deduplicate::Near, &chats);
    assert_eq!(done.blocks().len(), 2);
    assert_eq!(done.dropped(MessageDrop::NearDuplicateBlock), 1);
}

#[test]
fn what_has_no_word_is_only_equal_to_itself() {
    let done = without(Deduplicate::Near, &[chat_of("Ann", &["!!!", "???", "!!!"])]);
    assert_eq!(done.blocks().len(), 2);
    assert_eq!(done.dropped(MessageDrop::DuplicateBlock), 1);
}
