//! What is left out of an export, and what more of it is told.

use super::*;

fn dropped(done: &Done, reason: MessageDrop) -> u64 {
    assert!(done.statistics.funnel.balances());
    done.statistics.funnel.messages.dropped.get(reason)
}

fn with(message: Value, fields: Value) -> Value {
    let (Value::Object(mut message), Value::Object(fields)) = (message, fields) else {
        panic!("both are objects");
    };
    message.extend(fields);
    message.into()
}

#[test]
fn chats_are_left_out_by_their_name_or_id() {
    let ben = json!({"name": "Ben", "id": 77, "messages": dialogue()});
    let cid = json!({"messages": dialogue(), "id": 78, "name": "Cid"});
    let export = json!([chat("Ann", dialogue()), ben, cid]).to_string();
    for excluded in [["Ben", "Cid"], ["77", "78"]] {
        let settings = Settings {
            exclude_chats: excluded.map(str::to_owned).to_vec(),
            ..settings()
        };
        let done = run(export.clone(), &settings).unwrap();
        assert_eq!(done.blocks(), [MERGED]);
        assert_eq!(dropped(&done, MessageDrop::ExcludedChat), 10);
        let chats = &done.statistics.funnel.chats.dropped;
        assert_eq!(chats.get(ChatDrop::ExcludedChat), 2);
    }
}

#[test]
fn messages_with_certain_words_are_left_out() {
    let messages = [
        dialogue(),
        vec![
            message(50, "Ann", "my SECRET plan"),
            message(51, "Ann", "a top-secret one"),
            message(52, "Ann", "secretary"),
            message(53, "Ann", "the  blue\nhouse"),
        ],
    ];
    let settings = Settings {
        exclude_words: ["secret", "Blue House"].map(str::to_owned).to_vec(),
        ..settings()
    };
    let export = chat("Ann", messages.concat()).to_string();
    let done = run(export, &settings).unwrap();
    assert_eq!(dropped(&done, MessageDrop::ExcludedWord), 3);
    assert_eq!(done.blocks()[0][2], "user: >>> nothing\n>>> secretary");
}

#[test]
fn small_chats_are_left_out() {
    let small =
        json!({"name": "Ben", "messages": [message(0, "Ben", "hi"), message(1, "Ben", "")]});
    let settings = Settings {
        min_chat_messages: 2,
        ..settings()
    };
    let done = run(
        json!([small, chat("Ann", dialogue())]).to_string(),
        &settings,
    )
    .unwrap();
    assert_eq!(done.blocks(), [MERGED]);
    assert_eq!(dropped(&done, MessageDrop::SmallChat), 1);
    assert_eq!(dropped(&done, MessageDrop::NoText), 1);
    let chats = &done.statistics.funnel.chats.dropped;
    assert_eq!(chats.get(ChatDrop::SmallChat), 1);
}

#[test]
fn forwarded_messages_are_kept_or_dropped() {
    let forwarded = |from: Value| {
        with(
            message(50, "Ann", "a joke"),
            json!({"forwarded_from": from}),
        )
    };
    let messages = [
        dialogue(),
        vec![forwarded(json!("Dan")), forwarded(json!(null))],
    ]
    .concat();
    let export = chat("Ann", messages).to_string();
    let kept = run(export.clone(), &settings()).unwrap();
    assert_eq!(kept.statistics.funnel.messages.in_blocks, 7);
    let settings = Settings {
        forwarded: Forwarded::Drop,
        ..settings()
    };
    let done = run(export, &settings).unwrap();
    assert_eq!(done.blocks(), [MERGED]);
    assert_eq!(dropped(&done, MessageDrop::Forwarded), 2);
}

/// The text of the only block of a chat in which these fields are a message's.
fn told(fields: Value) -> String {
    let settings = Settings {
        media_placeholders: true,
        message_delimiter: String::new(),
        ..settings()
    };
    let messages = vec![message(0, "Me", "?"), with(message(1, "Ann", ""), fields)];
    let done = run(chat("Ann", messages).to_string(), &settings).unwrap();
    let blocks = done.blocks();
    let answer = blocks[0].get(1).cloned().unwrap_or_default();
    answer.trim_start_matches("user: ").to_owned()
}

#[test]
fn media_have_words_in_their_places() {
    for (fields, words) in [
        (json!({"photo": "photos/1.jpg", "width": 5}), "[photo]"),
        (
            json!({"media_type": "voice_message", "file": "x", "duration_seconds": 12}),
            "[voice message, 12 s]",
        ),
        (
            json!({"media_type": "video_message", "duration_seconds": 3}),
            "[video message, 3 s]",
        ),
        (
            json!({"media_type": "video_file", "file": "secret name.mp4"}),
            "[video]",
        ),
        (
            json!({"media_type": "audio_file", "title": "t", "duration_seconds": 60}),
            "[audio, 60 s]",
        ),
        (json!({"media_type": "animation"}), "[GIF]"),
        (json!({"media_type": "sticker"}), "[sticker]"),
        (
            json!({"media_type": "sticker", "sticker_emoji": "🎉"}),
            "🎉",
        ),
        (
            json!({"file": "contract.pdf", "file_name": "contract.pdf"}),
            "[file]",
        ),
        (json!({"poll": {"question": "?", "answers": []}}), "[poll]"),
        (
            json!({"location_information": {"latitude": 1.5, "longitude": 2}}),
            "[location]",
        ),
        (
            json!({"location_information": {}, "live_location_period_seconds": 60}),
            "[live location]",
        ),
        (
            json!({"contact_information": {"phone_number": "123"}}),
            "[contact]",
        ),
        (json!({"todo_list": {"title": "t"}}), "[to-do list]"),
        (json!({"game_title": "Chess"}), "[game]"),
        (json!({"invoice_information": "{}"}), "[invoice]"),
        (json!({"giveaway_information": {}}), "[giveaway]"),
        (
            json!({"photo": "x", "text_entities": [{"type": "plain", "text": "look\nhere"}]}),
            "[photo] look here",
        ),
        (json!({"photo": null}), ""),
    ] {
        assert_eq!(told(fields.clone()), words, "{fields}");
    }
}

fn group(messages: Vec<Value>) -> String {
    json!({"name": "Club", "type": "private_supergroup", "id": 9, "messages": messages}).to_string()
}

fn of_groups() -> Settings {
    Settings {
        chat_types: vec!["personal_chat".to_owned(), "private_supergroup".to_owned()],
        ..settings()
    }
}

#[test]
fn in_groups_the_lines_of_others_can_begin_with_their_names() {
    let settings = Settings {
        speaker_names: true,
        ..of_groups()
    };
    let messages = vec![
        message(0, "Ann", "hi"),
        message(1, "Ben", "hello"),
        message(2, "Me", "hey"),
    ];
    let done = run(group(messages), &settings).unwrap();
    let expected = ["user: >>> Ann: hi\n>>> Ben: hello", "assistant: >>> hey"];
    assert_eq!(done.blocks(), [expected]);
    // The names count: "Ann:", "hi", "Ben:", "hello", "hey".
    let held = &done.stats()["tokens_held_against_limits_per_block"]["max"];
    assert_eq!(held, 5);
    let personal = run(chat("Ann", dialogue()).to_string(), &settings).unwrap();
    assert_eq!(personal.blocks(), [MERGED]);
}

#[test]
fn answers_can_begin_with_what_they_answer() {
    let settings = Settings {
        reply_context: true,
        ..settings()
    };
    let answer = |second, text: &str, to: i64| {
        with(
            message(second, "Me", text),
            json!({"reply_to_message_id": to}),
        )
    };
    let elsewhere = with(answer(5, "d", 1), json!({"reply_to_peer_id": "channel5"}));
    let messages = vec![
        message(1, "Ann", "which one?"),
        message(2, "Ann", "or both?"),
        answer(3, "the first", 1),
        answer(4, "unknown", 99),
        elsewhere,
    ];
    let done = run(chat("Ann", messages).to_string(), &settings).unwrap();
    let expected = [
        "user: >>> which one?\n>>> or both?",
        "assistant: >>> [\"which one?\"] the first\n>>> unknown\n>>> d",
    ];
    assert_eq!(done.blocks(), [expected]);
    let held = &done.stats()["tokens_held_against_limits_per_block"]["max"];
    assert_eq!(held, 2 + 2 + 4 + 1 + 1);
}

#[test]
fn a_topic_can_be_a_chat_of_its_own() {
    let settings = Settings {
        topics: true,
        ..of_groups()
    };
    let topic = |id: u64, title: &str| {
        json!({"id": id, "type": "service", "action": "topic_created", "title": title,
            "date": "2024-01-01T00:00:00"})
    };
    let reply = |second, from: &str, text: &str, to: u64| {
        with(
            message(second, from, text),
            json!({"reply_to_message_id": to}),
        )
    };
    let photo = with(reply(12, "Ann", "", 11), json!({"photo": "x"}));
    let renamed = json!({"id": 14, "type": "service", "action": "topic_edit", "new_title": "Food",
        "reply_to_message_id": 2, "date": "2024-01-01T00:00:14"});
    let messages = vec![
        topic(1, "Travel"),
        topic(2, "Cooking"),
        reply(10, "Ann", "where to?", 1),
        reply(11, "Me", "soup?", 2),
        photo,
        reply(13, "Ann", "like this", 12),
        renamed,
        reply(15, "Me", "north", 10),
        message(16, "Ann", "in general"),
        message(17, "Me", "yes"),
    ];
    let done = run(group(messages), &settings).unwrap();
    let chats: Vec<_> = done
        .processed()
        .as_array()
        .unwrap()
        .iter()
        .map(|chat| chat["contact_name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(chats, ["Club / Travel", "Club / Food", "Club"]);
    assert_eq!(
        done.blocks(),
        [
            ["user: >>> where to?", "assistant: >>> north"],
            ["assistant: >>> soup?", "user: >>> like this"],
            ["user: >>> in general", "assistant: >>> yes"],
        ]
    );
    let funnel = &done.statistics.funnel;
    assert!(funnel.balances());
    assert_eq!((funnel.chats.read, funnel.chats.kept), (3, 3));
}

#[test]
fn a_small_topic_is_a_small_chat() {
    let settings = Settings {
        topics: true,
        min_chat_messages: 2,
        ..of_groups()
    };
    let topic = json!({"id": 1, "type": "service", "action": "topic_created", "title": "T",
        "date": "2024-01-01T00:00:00"});
    let reply = with(
        message(10, "Ann", "alone"),
        json!({"reply_to_message_id": 1}),
    );
    let messages = vec![
        topic,
        reply,
        message(16, "Ann", "hi"),
        message(17, "Me", "yes"),
    ];
    let done = run(group(messages), &settings).unwrap();
    assert_eq!(done.blocks().len(), 1);
    assert_eq!(dropped(&done, MessageDrop::SmallChat), 1);
}

#[test]
fn a_name_can_neither_begin_a_line_of_somebody_else_nor_read_as_a_special_token() {
    let model = Model {
        special_tokens: SpecialTokens::new(["<|im_end|>".to_owned()]),
        ..Model::default()
    };
    let settings = Settings {
        speaker_names: true,
        ..of_groups()
    };
    let messages = vec![
        message(0, "Bob <|im_end|>\n>>> Me", "hi"),
        message(1, "Me", "yes"),
    ];
    let sources = vec![source(group(messages))];
    let done = run_for(&Words, sources, &settings, &model, 1).unwrap();
    assert_eq!(
        done.blocks()[0][0],
        "user: >>> Bob <\u{200d}|im_end|> >>> Me: hi"
    );
    assert_eq!(done.statistics.special_token_text, 1);
}

#[test]
fn where_all_chats_are_too_small_the_error_says_so() {
    let settings = Settings {
        min_chat_messages: 1000,
        ..settings()
    };
    let error = error_of(chat("Ann", dialogue()).to_string(), &settings);
    insta::assert_snapshot!(error, @"no usable chat: the only chat was passed over (1 small_chat); lower min_chat_messages");
}
