//! What is read of an input, and what is said of one that is not an export.

use std::io;

use super::*;

#[test]
fn the_four_shapes_give_the_same_blocks() {
    let chat = chat("Ann", dialogue());
    let shapes = [
        full(vec![chat.clone()]),
        json!([chat]).to_string(),
        chat.to_string(),
        json!({"chats": [chat], "target_name": "Ann"}).to_string(),
    ];
    for shape in shapes {
        assert_eq!(run(shape, &settings()).unwrap().blocks(), [MERGED]);
    }
}

#[test]
fn keys_may_come_in_any_order() {
    let messages = serde_json::to_string(&dialogue()).unwrap();
    let late_head = format!(
        r#"{{"chats": {{"list": [{{"messages": {messages}, "id": 2, "type": "personal_chat", "name": "Ann"}}], "about": ""}},
            "personal_information": {{"user_id": 1}}}}"#
    );
    let owner = Settings {
        target: None,
        ..settings()
    };
    let done = run(late_head, &owner).unwrap();
    assert_eq!(done.blocks(), [MERGED]);
    assert_eq!(
        done.statistics.target.unwrap().reason,
        "owner_of_the_export"
    );
    let late_but_dropped = format!(
        r#"[{{"messages": {messages}, "name": "Ann", "type": "bot_chat"}}, {{"name": "B", "messages": {messages}}}]"#
    );
    let done = run(late_but_dropped, &settings()).unwrap();
    assert_eq!(
        done.statistics
            .funnel
            .messages
            .dropped
            .get(MessageDrop::ChatType),
        5
    );
    assert_eq!(done.blocks(), [MERGED]);
}

#[test]
fn several_inputs_are_one_list() {
    let one = chat("Ann", dialogue()).to_string();
    let two = json!([chat("Ann", dialogue())]).to_string();
    let keep = Settings {
        repeated_messages: RepeatedMessages::Keep,
        ..settings()
    };
    let done = run_with(&Words, vec![source(one), source(two)], &keep, 2).unwrap();
    assert_eq!(done.blocks(), [MERGED, MERGED]);
    assert_eq!(
        done.stats()["block_breakdown"],
        json!({"Ann": 1, "Ann (2)": 1})
    );
}

#[test]
fn what_has_no_name_or_messages_is_dropped_and_counted() {
    let export = json!([
        {"name": "no messages"},
        {"messages": dialogue()},
        {"name": null, "messages": dialogue()},
        {"name": "", "messages": []},
        {"name": 5, "messages": []},
        {"name": "null messages", "messages": null},
        "no object",
        chat("Ann", dialogue()),
    ]);
    let done = run(export.to_string(), &settings()).unwrap();
    insta::assert_snapshot!(done.stats()["funnel"], @r#"{"chats":{"read":8,"kept":1,"dropped":{"not_an_object":1,"missing_name_or_messages":2,"messages_not_a_list":1,"without_name":3}},"messages":{"read":15,"in_blocks":5,"dropped":{"missing_name_or_messages":5,"without_name":5}},"mended":{}}"#);
}

#[test]
fn what_telegram_wrote_wrongly_is_read_as_meant() {
    let export = "\u{feff}{\"name\": \"Ann\", \"messages\": [\n\
        {\"from\": \"Me\", \"date\": \"2024-01-01T00:00:00\", \"text\": \"first\", \"text\": \"a\\x41\\x01\u{2}\\ud83d\"},\n\
        {\"from\": \"Ann\", \"date\": \"2024-01-01T00:00:01\", \"text\": [{\"type\": \"custom_emoji\", \"text\": \"e\", \"document_id\": files/x (1).webm\n}]}]}";
    let done = run(export, &settings()).unwrap();
    assert_eq!(
        done.blocks(),
        [["assistant: >>> aA\u{1}\u{2}\u{fffd}", "user: >>> e"]]
    );
    insta::assert_snapshot!(done.stats()["funnel"]["mended"], @r#"{"byte_order_mark":1,"duplicate_key":1,"hex_escape":2,"raw_control_byte":1,"unpaired_surrogate":1,"unquoted_document_id":1}"#);
    let raw: Value = serde_json::from_str(&done.raw).expect("the mended copy is valid");
    assert_eq!(raw[0]["messages"][0]["text"], "aA\u{1}\u{2}\u{fffd}");
    assert_eq!(
        raw[0]["messages"][1]["text"][0]["document_id"],
        "files/x (1).webm"
    );
}

#[test]
fn a_second_list_is_an_error() {
    let second = r#"{"name": "A", "messages": [], "messages": []}"#;
    insta::assert_snapshot!(error_of(second, &settings()), @"the export has a second `messages` in one object, at line 1, column 43 (byte 42)");
    let second = r#"{"chats": {"list": [], "list": []}}"#;
    assert!(error_of(second, &settings()).contains("second `list`"));
}

#[test]
fn other_errors_name_line_column_and_byte() {
    let broken = "{\n \"name\": \"пр\",\n \"messages\": [tru]\n}";
    insta::assert_snapshot!(error_of(broken, &settings()), @"the export is not valid JSON: expected a value at line 3, column 15 (byte 33)");
    let garbage = format!("{} garbage", chat("Ann", dialogue()));
    assert!(error_of(garbage, &settings()).contains("text after the end of the export"));
    let not_utf8 = b"{\"name\": \"\xff\"}".to_vec();
    insta::assert_snapshot!(error_of(not_utf8, &settings()), @"the export is not valid JSON: bytes that are not UTF-8 at line 1, column 11 (byte 10)");
    let deep = format!("{{\"x\": {}", "[".repeat(100_000));
    insta::assert_snapshot!(error_of(deep, &settings()), @"the export is not valid JSON: nested more than 512 levels deep at line 1, column 519 (byte 518)");
}

#[test]
fn what_is_not_an_export_is_named() {
    let errors: Vec<String> = [
        " ",
        "<html></html>",
        "\"text\"",
        "{\"a\": 1}",
        "{\"chats\": {\"about\": 1}}",
        "[1, 2]",
        "[]",
    ]
    .map(|export| error_of(export, &settings()))
    .into();
    insta::assert_snapshot!(errors.join("\n"), @r#"
    the export is empty; expected a full export (an object with `chats.list`), a list of chats, or one chat (an object with `messages`)
    the export is HTML, not JSON (in Telegram Desktop choose the format "Machine-readable JSON" when exporting); expected a full export (an object with `chats.list`), a list of chats, or one chat (an object with `messages`)
    the export is a single JSON value; expected a full export (an object with `chats.list`), a list of chats, or one chat (an object with `messages`)
    the export is a JSON object without a list of chats or messages (were chats selected when it was exported?); expected a full export (an object with `chats.list`), a list of chats, or one chat (an object with `messages`)
    the export has an object `chats` without a `list`; expected a full export (an object with `chats.list`), a list of chats, or one chat (an object with `messages`)
    no usable chat: all 2 chats were passed over (2 not_an_object)
    no usable chat: the list of chats is empty
    "#);
    let utf16: Vec<u8> = "\u{feff}{}"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert!(error_of(utf16, &settings()).starts_with("the export is not UTF-8 text"));
}

#[test]
fn what_is_not_an_export_is_described_by_its_first_keys_to_its_owner() {
    let keys: Vec<String> = (1..=9)
        .map(|number| format!("{number}").repeat(41))
        .collect();
    let members: Vec<String> = keys.iter().map(|key| format!("\"{key}\": 0")).collect();
    let failure = run(format!("{{{}}}", members.join(",")), &settings()).unwrap_err();
    let listed: Vec<&str> = keys[..8].iter().map(|key| &key[..40]).collect();
    let expected = format!("keys found: {}", listed.join(", "));
    assert_eq!(failure.error.private_details(), [expected]);
    let failure = run("{}", &settings()).unwrap_err();
    assert!(failure.error.private_details().is_empty());
}

#[test]
fn an_export_that_ends_early_names_the_last_complete_message() {
    let whole = full(vec![chat("Ann", dialogue())]);
    let cut = &whole[..whole.find("what is it?").unwrap()];
    let error = error_of(cut, &settings());
    insta::assert_snapshot!(error, @"the export ends early at line 76, column 16 (byte 1446): the last complete message has the id 20 (number 3 of chat 1 in the list); export again, or use what is complete with salvage");
}

#[test]
fn chats_without_messages_have_their_places_in_the_list() {
    let list = json!([{"name": "a"}, {"name": "b", "messages": 1}, "c", chat("Ann", dialogue())]);
    let list = list.to_string();
    let cut = &list[..list.find("what is it?").unwrap()];
    let error = error_of(cut, &settings());
    assert!(
        error.contains("the id 20 (number 3 of chat 4 in the list)"),
        "{error}"
    );
}

#[test]
fn what_has_the_name_of_a_part_of_an_export_and_another_form_is_passed_over() {
    let list = Value::from(vec![chat("Ann", dialogue())]);
    let export = json!({
        "left_chats": [1],
        "personal_information": null,
        "contacts": {"list": [{"user_id": 1}]},
        "chats": {"list": list},
    });
    assert_eq!(
        run(export.to_string(), &settings()).unwrap().blocks(),
        [MERGED]
    );
    let other = json!({"chats": 5, "messages": {}});
    assert!(error_of(other.to_string(), &settings()).contains("no usable chat"));
}

#[test]
fn salvage_uses_what_is_complete_wherever_the_export_ends() {
    let salvage = Settings {
        salvage: true,
        ..settings()
    };
    let mut spoken = dialogue();
    spoken[4] = message(40, "Ann", "ничего 😂");
    let whole = full(vec![chat("Ann", spoken.clone()), chat("Bob", spoken)]);
    let first_message_end = whole.find("\"id\": 10,").unwrap();
    let mut messages = 0;
    for end in first_message_end + 1..whole.len() {
        let done = match run(&whole.as_bytes()[..end], &salvage) {
            Ok(done) => done,
            // Until the target has said something, there is nothing to learn from.
            Err(failure) => {
                assert!(matches!(
                    failure.error,
                    PipelineError::NoTargetMessages { .. }
                ));
                continue;
            }
        };
        let funnel = &done.statistics.funnel;
        assert!(funnel.balances());
        assert!(
            funnel.messages.read >= messages,
            "nothing is lost when more comes"
        );
        messages = funnel.messages.read;
        assert_eq!(
            done.statistics.salvaged.is_some(),
            !whole.as_bytes()[end..].trim_ascii().is_empty()
        );
        let raw: Value = serde_json::from_str(&done.raw).expect("valid JSON");
        let raw_messages: usize = raw
            .as_array()
            .unwrap()
            .iter()
            .map(|chat| chat["messages"].as_array().unwrap().len())
            .sum();
        assert_eq!(raw_messages as u64, messages);
    }
    assert_eq!(messages, 10);
}

#[test]
fn what_is_wrong_with_an_input_is_final_and_a_fault_of_its_place_is_not() {
    let run = |error: io::Error, salvage| {
        let export = source(chat("Ann", dialogue()).to_string());
        let settings = Settings {
            salvage,
            ..settings()
        };
        let sources = vec![Ok(export), Err(error)];
        run_over(&Words, sources, &settings, &Model::default(), 2)
    };
    let cut_off = || {
        io::Error::other(SourceProblem::ArchiveCutOff {
            files: 1,
            byte_offset: 3000,
        })
    };
    let done = run(cut_off(), true).unwrap();
    assert_eq!(done.statistics.salvaged.unwrap().byte_offset, 3000);
    assert_eq!(done.blocks(), [MERGED]);
    let error = run(cut_off(), false).unwrap_err().error;
    assert!(!error.is_retryable());
    let words = error.explained(|setting| setting.key().to_owned());
    insta::assert_snapshot!(words, @"the input: the tar archive was cut off at byte 3000, in or after its JSON file 1; make the archive again and send it whole, or use what is complete with salvage");

    let error = run(io::Error::other("the store is away"), true).unwrap_err();
    assert!(error.error.is_retryable());
}

#[test]
fn a_number_that_the_export_ends_with_may_have_been_cut() {
    let salvage = Settings {
        salvage: true,
        target: None,
        ..settings()
    };
    let list = Value::from(vec![chat("Ann", dialogue())]);
    let cut = format!(r#"{{"chats": {{"list": {list}}}, "personal_information": {{"user_id": 2"#);
    let target = run(cut, &salvage).unwrap().statistics.target.unwrap();
    assert_eq!(
        (&*target.target, target.reason),
        ("user1", "only_sender_who_is_no_contact")
    );
}

#[test]
fn a_tokenizer_that_fails_fails_the_job() {
    let export = source(chat("Ann", dialogue()).to_string());
    let failure = run_with(&Broken, vec![export], &settings(), 2).unwrap_err();
    insta::assert_snapshot!(failure, @"the tokenizer cannot encode one of the messages: no word is known");
}

#[test]
fn a_tokenizer_that_panics_fails_the_job_and_leaves_no_thread_waiting() {
    // Many chunks, so that there is more to read, to count and to wait for after the first.
    let words = "word ".repeat(4000);
    let mut messages = vec![message(0, "Ann", "unspeakable")];
    messages.extend((1..400).map(|second| message(second, "Me", &words)));
    let export = chat("Ann", messages).to_string();
    for threads in [1, 2, 4] {
        let failure = run_with(&Panicking, vec![source(&*export)], &settings(), threads);
        let failure = failure.unwrap_err();
        assert!(
            matches!(failure.error, PipelineError::Tokenizer(_)),
            "{failure}"
        );
    }
}

#[test]
fn other_peoples_data_reaches_nothing() {
    let export = full(vec![chat("Ann", dialogue())]);
    let done = run(export.clone(), &settings()).unwrap();
    let all = format!(
        "{}{}{}{}",
        done.train,
        done.processed,
        done.raw,
        done.stats()
    );
    assert!(!all.contains("SECRET"));
    let cut = export.find("SECRET").unwrap() + 3;
    assert!(!error_of(&export[..cut], &settings()).contains("SEC"));
    let broken = export.replacen("\"SECRET\"", "SECRET", 1);
    assert!(!error_of(broken, &settings()).contains("SECRET"));
}

#[test]
fn left_chats_are_counted_as_chats_and_not_read() {
    let export = json!({
        "left_chats": {"about": "", "list": [chat("Left", dialogue()), chat("Left", vec![])]},
        "chats": {"list": [chat("Ann", dialogue())]},
    });
    let funnel = run(export.to_string(), &settings()).unwrap().stats()["funnel"].clone();
    assert_eq!(
        funnel["chats"],
        json!({"read": 3, "kept": 1, "dropped": {"left_chat": 2}})
    );
    assert_eq!(funnel["messages"]["read"], 5);
}

#[test]
fn a_message_of_five_megabytes_is_a_message() {
    let text = "word ".repeat(1 << 20);
    let export = chat(
        "Ann",
        vec![message(0, "Me", "hi"), message(1, "Ann", &text)],
    );
    let limits = TokenLimits::new(1, 2_000_000).unwrap();
    let done = run(
        pretty(&export),
        &Settings {
            limits,
            ..settings()
        },
    )
    .unwrap();
    assert_eq!(done.statistics.funnel.messages.in_blocks, 2);
}

#[test]
fn a_message_beyond_all_measure_is_skipped_and_counted() {
    let text = "word ".repeat(4 << 20);
    let export = chat(
        "Ann",
        vec![
            message(0, "Me", "hi"),
            message(1, "Ann", &text),
            message(2, "Me", "ho"),
        ],
    );
    let done = run(pretty(&export), &settings()).unwrap();
    assert_eq!(
        done.statistics
            .funnel
            .messages
            .dropped
            .get(MessageDrop::TooLarge),
        1
    );
    assert_eq!(done.blocks(), [["assistant: >>> hi\n>>> ho"]]);
}

#[test]
fn a_chat_of_several_chunks_is_the_chat_that_it_is_in_one() {
    // A chunk is handed on with 8192 messages: the long chat begins in one, fills the next, and ends
    // in a third, in which another chat follows.
    let text = |number: u64| format!("message {number} \u{44f}");
    let messages = |count: u64| {
        let said = |number: u64| {
            let mut said = message(
                number,
                ["Me", "Ann"][usize::from(!number.is_multiple_of(3))],
                &text(number),
            );
            if number.is_multiple_of(5) {
                said["date"] = format!("2024-01-01T00:00:00.{number:06}Z").into();
            }
            said
        };
        (0..count).map(said).collect::<Vec<_>>()
    };
    let (before, long, after) = (messages(100), messages(20_000), messages(7));
    let list = json!([chat("A", before), chat("B", long), chat("C", after)]);
    let limits = TokenLimits::new(1, 100_000).unwrap();
    let settings = Settings {
        limits,
        message_delimiter: String::new(),
        ..settings()
    };
    let done = run(list.to_string(), &settings).unwrap();
    let contents: Vec<String> = done
        .blocks()
        .iter()
        .map(|block| {
            let lines = block
                .iter()
                .map(|message| message.split_once(": ").unwrap().1);
            lines.collect::<Vec<_>>().join("\n")
        })
        .collect();
    let expected = |count: u64| (0..count).map(text).collect::<Vec<_>>().join("\n");
    assert!(contents == [expected(100), expected(20_000), expected(7)]);
    let processed = done.processed();
    let times = processed[1]["blocks"][0]["messages"].as_array().unwrap();
    let last = times.last().unwrap();
    assert_eq!(last["timestamp"], "2024-01-01T05:33:19");
    let written = times
        .iter()
        .map(|message| message["timestamp"].as_str().unwrap());
    assert!(
        written
            .clone()
            .any(|time| time == "2024-01-01T00:00:00.019995Z")
    );
    assert_eq!(done.stats()["funnel"]["messages"]["in_blocks"], 20_107);
}

#[test]
fn chats_that_are_passed_over_are_counted_by_type() {
    let of_type = |chat_type: &str| json!({"name": "x", "type": chat_type, "messages": dialogue()});
    let export = json!([
        of_type("bot_chat"),
        of_type("private_group"),
        of_type("my_own_invention"),
        of_type("bot_chat"),
        {"name": null, "messages": []},
    ]);
    insta::assert_snapshot!(error_of(export.to_string(), &settings()), @"no usable chat: all 5 chats were passed over (1 without_name, 4 chat_type); types other than personal_chat: 2 bot_chat, 1 private_group, 1 unknown type; select other types with chat_types");
}

#[test]
fn messages_that_are_all_dropped_are_counted_by_reason() {
    let export = chat(
        "Ann",
        vec![
            message(0, "Ann", " "),
            message(10, "Me", "before the limit"),
            json!({"type": "service"}),
        ],
    );
    let settings = Settings {
        date_limit: DateLimit::parse("2024-01-02"),
        ..settings()
    };
    insta::assert_snapshot!(error_of(export.to_string(), &settings), @"no usable chat: none of the 3 messages was kept (1 service, 1 no_text, 1 before_date_limit); a message is kept if it has a sender, text and a date; set an earlier date_limit");
    let silent = json!([chat("Ann", vec![]), chat("Bob", vec![])]);
    insta::assert_snapshot!(error_of(silent.to_string(), &settings), @"no usable chat: none of the 2 chats has a message");
}

#[test]
fn a_name_that_changes_after_messages_were_passed_over_is_an_error() {
    let export = r#"{"name": "", "messages": [], "name": "Ann"}"#;
    insta::assert_snapshot!(error_of(export, &settings()), @"the export has a chat whose `name` or `type` changes after its messages, before line 1, column 43 (byte 42)");
    let same = r#"[{"name": "", "messages": [], "name": ""}]"#;
    assert!(error_of(same, &settings()).contains("1 without_name"));
}

#[test]
fn a_cut_gzip_file_says_so() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, full(vec![chat("Ann", dialogue())]).as_bytes())
        .unwrap();
    let mut bytes = encoder.finish().unwrap();
    bytes.truncate(bytes.len() - 20);
    let error = error_of(bytes, &settings());
    assert!(
        error.starts_with("the export is a gzip file that was cut off at line"),
        "{error}"
    );
}
