//! What the outputs look like.

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
fn raw_json_holds_chats_whose_heads_and_messages_are_long() {
    // More than one read, and more than is kept in memory before it is known to be a chat.
    let about = "о".repeat(700_000);
    let messages = serde_json::to_string(&dialogue()).unwrap();
    let chats = [
        format!(r#"{{"about": "{about}", "name": "Ann", "messages": {messages}}}"#),
        format!(r#"{{"about": "{about}", "messages": {messages}}}"#),
        format!(
            r#"{{"messages": {messages}, "about": "{about}", "name": "Ann", "more": "{about}"}}"#
        ),
        format!(
            r#"{{"about": "a\x41", "name": "Ann\x42", "more": "{about}\x43", "messages": []}}"#
        ),
    ];
    let done = run(format!("[{}]", chats.join(" , ")), &settings()).unwrap();
    let expected = [&chats[0], &chats[2], &chats[3].replace("\\x", "\\u00")];
    let raw = done.raw.strip_prefix("[\n").unwrap();
    let raw: Vec<_> = raw.strip_suffix("\n]\n").unwrap().split(",\n").collect();
    assert!(raw == expected);
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
    let mut stats = done.stats();
    let gaps = stats.as_object_mut().unwrap().shift_remove("gaps").unwrap();
    let [ranges, thresholds] =
        ["histogram", "thresholds"].map(|list| gaps[list].as_array().unwrap());
    assert_eq!((ranges.len(), thresholds.len()), (9, 5));
    assert_eq!(ranges[0], json!({"up_to_secs": 60, "gaps": 4}));
    assert_eq!(ranges[8], json!({"up_to_secs": null, "gaps": 0}));
    let expected = json!({"secs": 900, "conversations": 1, "blocks": 1, "messages": 5});
    assert_eq!(thresholds[0], expected);
    let short = stats.as_object_mut().unwrap().shift_remove("short_blocks");
    let short = short.unwrap();
    assert_eq!(short.as_array().unwrap().len(), 12);
    let expected = json!({"from_tokens": 0, "blocks": 0, "messages": 0});
    assert_eq!(short[0], expected);
    insta::assert_json_snapshot!(stats, @r#"
    {
      "num_chats": 1,
      "num_blocks": 1,
      "min_tokens_per_block": 14,
      "max_tokens_per_block": 14,
      "avg_tokens_per_block": 14.0,
      "total_tokens": 14,
      "tokens_held_against_limits_per_block": {
        "min": 9,
        "max": 9,
        "avg": 9.0
      },
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
      "chats_without_blocks": [],
      "turns": {
        "all": 3,
        "of_target": 1,
        "blocks_begun_by_target": 0,
        "blocks_ended_by_others": 1,
        "blocks_of_one_side": 0,
        "blocks_without_target": 0,
        "blocks_out_of_order": 1
      },
      "message_tokens": {
        "all": 9,
        "of_target": 4
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
      "remedies": [],
      "warnings": [
        {
          "name": "few_rows",
          "message": "there is little to learn from 1 block (at least 50 are a good start); export more chats",
          "rows": 1,
          "recommended": 50
        }
      ],
      "special_token_text": 0,
      "target": {
        "target": "Me",
        "name": "Me",
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
