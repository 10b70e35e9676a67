//! Personal data out of everything that is written.

use super::*;

fn with_redaction(kinds: &[PersonalData]) -> Settings {
    Settings {
        redact: kinds.to_vec(),
        target: None,
        ..settings()
    }
}

fn entity(kind: &str, text: &str) -> Value {
    json!({"type": kind, "text": text})
}

fn of_entities(second: u64, from: &str, entities: Vec<Value>) -> Value {
    let mut message = message(second, from, "");
    message["text_entities"] = entities.into();
    message
}

/// A full export whose owner has a German phone number.
fn german(chats: Vec<Value>) -> String {
    full(chats).replace(
        r#""first_name": "Me""#,
        r#""first_name": "Me", "phone_number": "+49 170 0000000""#,
    )
}

#[test]
fn what_has_a_shape_is_replaced_on_both_sides_and_counted() {
    let messages = vec![
        message(0, "Ann", "call 0170 1234567 or write to ann@example.com"),
        message(
            1,
            "Me",
            "see https://example.com/x, my card is 4111 1111 1111 1111",
        ),
    ];
    let done = run(
        german(vec![chat("Ann", messages)]),
        &with_redaction(&PersonalData::ALL),
    )
    .unwrap();
    let expected = [
        "user: >>> call [PHONE] or write to [EMAIL]",
        "assistant: >>> see [LINK], my card is [CARD]",
    ];
    assert_eq!(done.blocks(), [expected]);
    assert_eq!(
        done.stats()["redacted"],
        json!({"phone": 1, "email": 1, "link": 1, "card": 1})
    );
    // Counted after: "call", "[PHONE]", "or", … and so on.
    assert_eq!(
        done.stats()["tokens_held_against_limits_per_block"]["max"],
        6 + 6
    );
}

#[test]
fn what_the_export_marks_is_replaced_whatever_it_looks_like() {
    let messages = vec![
        of_entities(
            0,
            "Ann",
            vec![
                entity("plain", "  I am "),
                entity("mention", "@odd"),
                entity("plain", ", "),
                entity("bold", "call "),
                entity("phone", "12-34"),
                entity("plain", "!"),
            ],
        ),
        of_entities(
            1,
            "Me",
            vec![
                entity("mention_name", "the tall one"),
                entity("plain", " knows "),
                entity("text_link", "here"),
                entity("hashtag", "#x"),
            ],
        ),
    ];
    let export = full(vec![chat("Cid", messages)]);
    let kinds = [
        PersonalData::Username,
        PersonalData::Phone,
        PersonalData::Name,
    ];
    let done = run(export.clone(), &with_redaction(&kinds)).unwrap();
    let expected = [
        "user: >>> I am [USERNAME], call [PHONE]!",
        "assistant: >>> [NAME] knows here#x",
    ];
    assert_eq!(done.blocks(), [expected]);
    let done = run(export, &with_redaction(&[PersonalData::Email])).unwrap();
    assert!(done.train.contains("@odd, call 12-34!"), "{}", done.train);
}

#[test]
fn a_number_that_entities_cut_up_is_one() {
    let parts = vec![
        entity("plain", "+49 170 "),
        entity("bold", "123"),
        entity("plain", "4567 ok"),
    ];
    let messages = vec![
        of_entities(0, "Ann", parts),
        message(1, "Me", "+49 170 1234567"),
    ];
    let done = run(
        full(vec![chat("Cid", messages)]),
        &with_redaction(&[PersonalData::Phone]),
    )
    .unwrap();
    let expected = ["user: >>> [PHONE] ok", "assistant: >>> [PHONE]"];
    assert_eq!(done.blocks(), [expected]);
}

#[test]
fn names_are_replaced_wherever_in_the_export_they_come_from() {
    let ann = vec![
        message(0, "Ann Lee", "ask ben about Club 7, says Zed"),
        message(1, "Me", "Ann's sister?"),
    ];
    let ben = vec![message(0, "Ben Okoro", "hi"), message(1, "Me", "hi lee")];
    let club = json!({"name": "Club 7", "type": "private_group", "id": 5, "messages": []});
    let export = full(vec![chat("Ann", ann), chat("Ben", ben), club]);
    let names = Settings {
        redact_words: vec!["zed".to_owned()],
        system_prompt: Some("You are Ann.".to_owned()),
        ..with_redaction(&[PersonalData::Name])
    };
    let done = run(export, &names).unwrap();
    let prompt = "system: You are Ann.";
    let first = [
        prompt,
        "user: >>> ask [NAME] about [NAME], says [NAME]",
        "assistant: >>> [NAME]'s sister?",
    ];
    assert_eq!(
        done.blocks(),
        [first, [prompt, "user: >>> hi", "assistant: >>> hi [NAME]"]]
    );
    let warnings = done.stats()["warnings"].clone();
    let names = warnings
        .as_array()
        .unwrap()
        .iter()
        .map(|warning| &warning["name"]);
    assert!(
        names
            .into_iter()
            .any(|name| name == "name_in_system_prompt")
    );
}

#[test]
fn people_and_chats_have_pseudonyms_where_anything_is_replaced() {
    let chat_of = |name: &str, id: u64| json!({"name": name, "type": "personal_chat", "id": id, "messages": dialogue()});
    let mut group = chat_of("Our Club", 9);
    group["type"] = json!("private_group");
    let export = full(vec![chat_of("Ann", 2), group, chat_of("Ben", 3)]);
    let settings = Settings {
        chat_types: vec!["personal_chat".to_owned(), "private_group".to_owned()],
        speaker_names: true,
        ..with_redaction(&[PersonalData::Email])
    };
    let done = run(export, &settings).unwrap();
    let stats = done.stats();
    assert_eq!(
        stats["block_breakdown"],
        json!({"Person 2": 1, "Group 1": 1, "Person 3": 1})
    );
    assert_eq!(stats["target"]["target"], "Person 1");
    assert!(done.train.contains(">>> Person 2: hi"), "{}", done.train);
    for name in ["Ann", "Ben", "Club", "\"Me\""] {
        let written =
            [&done.train, &done.processed, &stats.to_string()].map(|text| text.contains(name));
        assert_eq!(written, [false; 3], "{name}");
    }
}

#[test]
fn a_region_that_is_named_after_the_chats_counts_as_well() {
    let messages = vec![message(0, "Ann", "0170 1234567"), message(1, "Me", "ok")];
    let chats = json!([chat("Cid", messages)]);
    let owner = r#"{"user_id": 1, "phone_number": "+49 170 0000000"}"#;
    let before = format!(r#"{{"personal_information": {owner}, "chats": {{"list": {chats}}}}}"#);
    let after = format!(r#"{{"chats": {{"list": {chats}}}, "personal_information": {owner}}}"#);
    let kinds = [PersonalData::Phone];
    let [before, after] =
        [before, after].map(|export| run(export, &with_redaction(&kinds)).unwrap());
    assert_eq!(before.blocks()[0][0], "user: >>> [PHONE]");
    assert_eq!(before.train, after.train);
    assert_eq!(before.stats(), after.stats());
}

#[test]
fn a_region_that_is_named_late_counts_for_long_chats_too() {
    let messages: Vec<_> = (0..9000)
        .map(|second| message(second, "Me", &format!("0170 12{second:05}")))
        .collect();
    let chats = json!([chat("Cid", messages)]);
    let owner = r#"{"user_id": 1, "phone_number": "+49 170 0000000"}"#;
    let after = format!(r#"{{"chats": {{"list": {chats}}}, "personal_information": {owner}}}"#);
    let done = run(after, &with_redaction(&[PersonalData::Phone])).unwrap();
    assert!(!done.processed.contains("0170"), "a number is left");
}

#[test]
fn what_is_replaced_late_keeps_the_date_as_it_is_written() {
    let date = "2024-01-01T10:00:00+02:00";
    let mut zoned = message(0, "Ann", "Cid Stone and I");
    zoned["date"] = json!(date);
    let late = chat("Cid Stone", vec![message(1, "Cid Stone", "yes")]);
    let export = full(vec![chat("Ann", vec![zoned, message(2, "Me", "ok")]), late]);
    let done = run(export, &with_redaction(&[PersonalData::Name])).unwrap();
    assert_eq!(done.blocks()[0][0], "user: >>> [NAME] and I");
    assert!(done.processed.contains(date), "{}", done.processed);
}

#[test]
fn quotations_of_answers_and_repeated_chats_are_without_it_too() {
    let long = format!("{} Ann Lee", "word ".repeat(22));
    let mut answer = message(1, "Me", "ok");
    answer["reply_to_message_id"] = json!(0);
    let export = full(vec![chat(
        "Ann",
        vec![message(0, "Ann Lee", &long), answer],
    )]);
    let settings = Settings {
        reply_context: true,
        ..with_redaction(&[PersonalData::Name])
    };
    let sources = vec![source(export.clone()), source(export)];
    let done = run_with(&Words, sources, &settings, 2).unwrap();
    assert!(
        !done.train.contains("Ann") && !done.train.contains("Lee"),
        "{}",
        done.train
    );
    assert!(done.train.contains("[NAME]"), "{}", done.train);
}

#[test]
fn special_tokens_are_broken_in_what_is_left() {
    let model = Model {
        special_tokens: SpecialTokens::new(["<|im_end|>".to_owned()]),
        ..Model::default()
    };
    let messages = vec![
        message(0, "Ann", "a@example.com<|im_end|>"),
        message(1, "Me", "ok"),
    ];
    let sources = vec![source(full(vec![chat("Cid", messages)]))];
    let settings = with_redaction(&[PersonalData::Email]);
    let done = run_for(&Words, sources, &settings, &model, 1).unwrap();
    assert_eq!(done.blocks()[0][0], "user: >>> [EMAIL]<\u{200d}|im_end|>");
    assert_eq!(done.statistics.special_token_text, 1);
}
