//! The pipeline's rules, each by an export that shows it.

use crate::support::{
    Broken, Pairs, chat, error_of, full, message, pretty, run, run_with, settings, source,
};
use resonare_pipeline::{
    MessageDrop, PipelineError, RoleOrder, Settings, Target, TokenBudget, TokenLimits,
};
use serde_json::{Value, json};

fn dialogue() -> Vec<Value> {
    vec![
        message(0, "Ann", "hi"),
        message(10, "Ann", "are you there?"),
        message(20, "Me", "yes"),
        message(30, "Me", "what is it?"),
        message(40, "Ann", "nothing"),
    ]
}

const MERGED: [&str; 3] = [
    "user: >>> hi\n>>> are you there?",
    "assistant: >>> yes\n>>> what is it?",
    "user: >>> nothing",
];

mod input {
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
        let done = run_with(
            &crate::support::Words,
            vec![source(one), source(two)],
            &settings(),
            2,
        )
        .unwrap();
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
        assert!(error_of(garbage, &settings()).contains("text behind the end of the export"));
        let not_utf8 = b"{\"name\": \"\xff\"}".to_vec();
        insta::assert_snapshot!(error_of(not_utf8, &settings()), @"the export is not valid JSON: bytes that are not UTF-8 at line 1, column 11 (byte 10)");
        let deep = format!("{{\"x\": {}", "[".repeat(100_000));
        insta::assert_snapshot!(error_of(deep, &settings()), @"the export is not valid JSON: nested more than 512 levels deep at line 1, column 519 (byte 518)");
    }

    #[test]
    fn what_is_no_export_is_named() {
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
        the export holds a plain JSON value; expected a full export (an object with `chats.list`), a list of chats, or one chat (an object with `messages`)
        the export holds a JSON object without a list of chats or messages (were chats ticked when it was exported?); expected a full export (an object with `chats.list`), a list of chats, or one chat (an object with `messages`)
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
    fn an_export_that_ends_early_names_the_last_complete_message() {
        let whole = full(vec![chat("Ann", dialogue())]);
        let cut = &whole[..whole.find("what is it?").unwrap()];
        let error = error_of(cut, &settings());
        assert!(error.contains("ends early, at line"), "{error}");
        assert!(
            error.contains(
                "the last complete message has the id 20 (number 3 of chat 1 in the list)"
            ),
            "{error}"
        );
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
    fn a_number_that_the_export_ends_with_may_have_been_cut() {
        let salvage = Settings {
            salvage: true,
            target: None,
            ..settings()
        };
        let list = Value::from(vec![chat("Ann", dialogue())]);
        let cut =
            format!(r#"{{"chats": {{"list": {list}}}, "personal_information": {{"user_id": 2"#);
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
}

mod target {
    use super::*;

    fn infer(chats: Vec<Value>) -> Result<String, PipelineError> {
        let owner = Settings {
            target: None,
            ..settings()
        };
        match run(Value::from(chats).to_string(), &owner) {
            Ok(done) => Ok(done.statistics.target.unwrap().target),
            Err(failure) => Err(failure.error),
        }
    }

    fn said(from: &str, id: Value) -> Value {
        let mut message = message(0, from, "hello");
        message["from_id"] = id;
        message
    }

    fn chat_with(id: u64, messages: Vec<Value>) -> Value {
        json!({"name": format!("chat {id}"), "id": id, "messages": messages})
    }

    #[test]
    fn the_one_who_is_no_contact_is_the_owner() {
        let chats = vec![
            chat_with(
                2,
                vec![said("Me", "user1".into()), said("Ann", "user2".into())],
            ),
            chat_with(3, vec![said("Bob", "user3".into())]),
        ];
        assert_eq!(infer(chats).unwrap(), "user1");
    }

    #[test]
    fn older_numbers_are_compared_without_their_shift() {
        let shift = 1_u64 << 32;
        let chats = vec![chat_with(
            shift + 2,
            vec![said("Me", 1.into()), said("Ann", 2.into())],
        )];
        assert_eq!(infer(chats).unwrap(), "user1");
        let chats = vec![chat_with(
            shift + 2,
            vec![
                said("Me", (shift + 1).into()),
                said("Ann", (shift + 2).into()),
            ],
        )];
        assert_eq!(infer(chats).unwrap(), "user1");
    }

    #[test]
    fn none_and_several_are_errors_that_list_the_senders() {
        let none = infer(vec![chat_with(2, vec![said("Ann", "user2".into())])]).unwrap_err();
        assert!(
            none.to_string().contains("every sender is a contact"),
            "{none}"
        );
        let several = infer(vec![chat_with(
            9,
            vec![said("Me", "user1".into()), said("Ann", "user2".into())],
        )]);
        let several = several.unwrap_err();
        assert!(several.to_string().contains("several senders"), "{several}");
        assert_eq!(
            several.private_details(),
            [
                "senders by kept messages:",
                "        1 messages  Ann (user2)",
                "        1 messages  Me (user1)",
            ]
        );
        assert!(!several.to_string().contains("Ann"), "names are private");
    }

    #[test]
    fn a_target_without_a_message_is_an_error_that_lists_the_senders() {
        let nobody = Settings {
            target: Some(Target::parse("Nobody")),
            ..settings()
        };
        let failure = run(chat("Ann", dialogue()).to_string(), &nobody).unwrap_err();
        insta::assert_snapshot!(failure.error, @"none of the 5 kept messages is from the target; target_name (--target-name) must be the full name in the messages' `from`, or an id such as user123456789");
        assert_eq!(
            failure.error.private_details()[2..],
            [
                "        3 messages  Ann (user2)",
                "        2 messages  Me (user1)"
            ]
        );
    }
}

mod blocks {
    use super::*;

    #[test]
    fn messages_are_ordered_by_time_and_stably() {
        let export = chat(
            "Ann",
            vec![
                message(20, "Me", "c"),
                message(10, "Ann", "a"),
                message(10, "Ann", "b"),
            ],
        );
        assert_eq!(
            run(export.to_string(), &settings()).unwrap().blocks(),
            [["user: >>> a\n>>> b", "assistant: >>> c"]]
        );
    }

    #[test]
    fn both_limits_are_inclusive_and_what_is_outside_is_counted() {
        let export = chat(
            "Ann",
            vec![
                message(0, "Me", "one two"),
                message(5000, "Me", "one"),
                message(10_000, "Me", "one two three four"),
                message(15_000, "Me", "one two three"),
            ],
        );
        let limits = TokenLimits::new(2, 3).unwrap();
        let done = run(
            export.to_string(),
            &Settings {
                limits,
                ..settings()
            },
        )
        .unwrap();
        assert_eq!(
            done.blocks(),
            [["assistant: >>> one two"], ["assistant: >>> one two three"]]
        );
        let dropped = &done.statistics.funnel.messages.dropped;
        assert_eq!(
            (
                dropped.get(MessageDrop::BlockTooShort),
                dropped.get(MessageDrop::MessageTooLong)
            ),
            (1, 1)
        );
    }

    #[test]
    fn no_block_is_an_error_that_says_which_rule_took_them() {
        let limits = TokenLimits::new(50, 60).unwrap();
        let error = error_of(
            chat("Ann", dialogue()).to_string(),
            &Settings {
                limits,
                ..settings()
            },
        );
        insta::assert_snapshot!(error, @"no block was kept: 1 under min_tokens_per_block (50), 0 over max_tokens_per_block (60), 0 without an exchange for role_order; the largest had 9 tokens; lower min_tokens_per_block (--min-tokens-per-block) or raise convo_block_threshold_secs (--convo-block-threshold-secs)");
    }

    #[test]
    fn user_first_trims_both_ends() {
        let mut messages = vec![message(0, "Me", "lead")];
        messages.extend(dialogue());
        let settings = Settings {
            role_order: RoleOrder::UserFirst,
            ..settings()
        };
        let done = run(chat("Ann", messages).to_string(), &settings).unwrap();
        assert_eq!(done.blocks(), [&MERGED[..2]]);
        assert_eq!(
            done.statistics
                .funnel
                .messages
                .dropped
                .get(MessageDrop::RoleOrder),
            2
        );
    }

    #[test]
    fn a_system_prompt_begins_every_block_and_has_no_timestamp() {
        let settings = Settings {
            system_prompt: Some("Be \"brief\".".to_owned()),
            ..settings()
        };
        let done = run(chat("Ann", dialogue()).to_string(), &settings).unwrap();
        assert_eq!(done.blocks()[0][0], "system: Be \"brief\".");
        let first = &done.processed()[0]["blocks"][0]["messages"][0];
        assert_eq!(
            *first,
            json!({"timestamp": null, "role": "system", "content": "Be \"brief\"."})
        );
        // 10 minutes are measured from the first message that was said.
        assert_eq!(done.stats()["max_tokens_per_block"], 16);
    }

    #[test]
    fn without_a_delimiter_a_line_is_the_text_alone() {
        let settings = Settings {
            message_delimiter: "  ".to_owned(),
            ..settings()
        };
        let done = run(chat("Ann", dialogue()).to_string(), &settings).unwrap();
        assert_eq!(done.blocks()[0][0], "user: hi\nare you there?");
    }

    #[test]
    fn rendered_blocks_are_measured_as_they_are_emitted() {
        // Each message is one token, each line three: the delimiter, the space and the text.
        let messages = (0..4).map(|second| message(second, "Me", "a")).collect();
        let limits = TokenLimits::new(1, 7).unwrap();
        let settings = Settings {
            token_budget: TokenBudget::Rendered,
            limits,
            message_delimiter: "-".to_owned(),
            ..settings()
        };
        let done = run_with(
            &Pairs,
            vec![source(chat("Ann", messages).to_string())],
            &settings,
            1,
        )
        .unwrap();
        assert_eq!(
            done.blocks(),
            [["assistant: - a\n- a"], ["assistant: - a\n- a"]]
        );
        assert_eq!(done.stats()["max_tokens_per_block"], 7);
    }
}

mod outputs {
    use super::*;

    #[test]
    fn processed_json_has_the_chats_with_their_blocks() {
        let done = run(full(vec![chat("Ann", dialogue())]), &settings()).unwrap();
        insta::assert_snapshot!(done.processed, @r#"
        [
        {"contact_name":"Ann","chat_type":"personal_chat","num_blocks":1,"blocks":[{"messages":[{"timestamp":"2024-01-01T00:00:00","role":"user","content":">>> hi\n>>> are you there?"},{"timestamp":"2024-01-01T00:00:20","role":"assistant","content":">>> yes\n>>> what is it?"},{"timestamp":"2024-01-01T00:00:40","role":"user","content":">>> nothing"}]}]}
        ]
        "#);
    }

    #[test]
    fn timestamps_are_as_written() {
        let written = |fields: Value| {
            let mut message = json!({"from": "Me", "text": "x"});
            message
                .as_object_mut()
                .unwrap()
                .extend(fields.as_object().unwrap().clone());
            let done = run(chat("Ann", vec![message]).to_string(), &settings()).unwrap();
            done.processed()[0]["blocks"][0]["messages"][0]["timestamp"].clone()
        };
        assert_eq!(
            written(json!({"date": "2024-01-01T10:00:00", "date_unixtime": "5"})),
            "2024-01-01T10:00:00"
        );
        assert_eq!(
            written(json!({"date": "2024-01-01T10:00:00.25+02:00"})),
            "2024-01-01T10:00:00.25+02:00"
        );
        assert_eq!(
            written(json!({"date_unixtime": 1_704_067_200})),
            "2024-01-01T00:00:00"
        );
    }

    #[test]
    fn raw_json_holds_the_chats_untouched() {
        let chats = vec![
            chat("Ann", dialogue()),
            json!({"name": "no messages"}),
            json!({"name": null, "extra": 1.0e0, "messages": []}),
        ];
        let export = full(chats.clone());
        let done = run(export.clone(), &settings()).unwrap();
        let raw: Value = serde_json::from_str(&done.raw).unwrap();
        assert_eq!(raw, json!([chats[0], chats[2]]));
        // As bytes, too: what stands in the copy stands in the export.
        let first = done
            .raw
            .strip_prefix("[\n")
            .unwrap()
            .split(",\n{")
            .next()
            .unwrap();
        assert!(export.contains(first));
    }

    #[test]
    fn statistics_are_null_where_nothing_was_measured() {
        let failure = run("[]", &settings()).unwrap_err();
        let stats = json!(failure.statistics);
        for key in [
            "min_tokens_per_block",
            "max_tokens_per_block",
            "avg_tokens_per_block",
            "min_duration_minutes_per_block",
            "avg_duration_minutes_per_block",
        ] {
            assert_eq!(stats[key], Value::Null, "{key}");
        }
    }

    #[test]
    fn the_statistics_have_the_documented_keys() {
        let done = run(full(vec![chat("Ann", dialogue())]), &settings()).unwrap();
        insta::assert_json_snapshot!(done.stats(), @r#"
        {
          "num_chats": 1,
          "num_blocks": 1,
          "min_tokens_per_block": 14,
          "max_tokens_per_block": 14,
          "avg_tokens_per_block": 14.0,
          "min_duration_minutes_per_block": 0.6666666666666666,
          "max_duration_minutes_per_block": 0.6666666666666666,
          "avg_duration_minutes_per_block": 0.6666666666666666,
          "top_chats": [
            {
              "name": "Ann",
              "blocks": 1
            }
          ],
          "block_breakdown": {
            "Ann": 1
          },
          "funnel": {
            "chats": {
              "read": 1,
              "kept": 1,
              "dropped": {}
            },
            "messages": {
              "read": 5,
              "in_blocks": 5,
              "dropped": {}
            },
            "mended": {}
          },
          "target": {
            "target": "Me",
            "reason": "configured"
          },
          "tokenizer": {
            "kind": "test",
            "source": "test",
            "fingerprint": "0",
            "fallback_reason": null,
            "engine": "compiled"
          },
          "salvaged": null
        }
        "#);
    }
}
