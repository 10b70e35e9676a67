//! Which messages make a block, and which blocks are kept.

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
    insta::assert_snapshot!(error, @"no block was kept: 1 had fewer than 50 tokens, 0 had more than 60, and 0 had no exchange; the largest had 9 tokens; lower min_tokens_per_block or raise convo_block_threshold_secs");
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

#[test]
fn an_estimate_that_was_too_low_lets_no_block_over_the_maximum() {
    // One by one, all messages would fit; ten of them have a hundred tokens.
    let messages = (0..12).map(|second| message(second, "Me", "a")).collect();
    let settings = Settings {
        token_budget: TokenBudget::Rendered,
        limits: TokenLimits::new(1, 100).unwrap(),
        message_delimiter: String::new(),
        ..settings()
    };
    let export = source(chat("Ann", messages).to_string());
    let done = run_with(&Squares, vec![export], &settings, 1).unwrap();
    let lines = |block: &Vec<String>| block[0].lines().count();
    assert_eq!(done.blocks().iter().map(lines).collect::<Vec<_>>(), [10, 2]);
    assert_eq!(done.stats()["max_tokens_per_block"], 100);
}

#[test]
fn the_rule_that_took_most_blocks_is_the_one_to_change() {
    let words = |count: usize| "word ".repeat(count);
    let export = chat(
        "Ann",
        vec![
            message(0, "Me", &words(90)),
            message(5000, "Me", &words(70)),
            message(10_000, "Me", "few"),
        ],
    );
    let limits = TokenLimits::new(50, 60).unwrap();
    let too_long = Settings {
        limits,
        ..settings()
    };
    insta::assert_snapshot!(error_of(export.to_string(), &too_long), @"no block was kept: 1 had fewer than 50 tokens, 2 had more than 60, and 0 had no exchange; the largest had 90 tokens; raise max_tokens_per_block");
    let alone = Settings {
        role_order: RoleOrder::UserFirst,
        ..settings()
    };
    insta::assert_snapshot!(error_of(export.to_string(), &alone), @"no block was kept: 0 had fewer than 1 token, 0 had more than 1,000, and 3 had no exchange; the largest had 90 tokens; set role_order to as_is or raise convo_block_threshold_secs");
}

#[test]
fn what_is_trimmed_below_the_minimum_is_dropped() {
    let export = chat(
        "Ann",
        vec![
            message(0, "Me", "one two three four"),
            message(1, "Ann", "five"),
            message(2, "Me", "six"),
        ],
    );
    let settings = |min| Settings {
        role_order: RoleOrder::UserFirst,
        limits: TokenLimits::new(min, 100).unwrap(),
        ..settings()
    };
    let done = run(export.to_string(), &settings(2)).unwrap();
    assert_eq!(done.blocks(), [["user: >>> five", "assistant: >>> six"]]);
    let failure = run(export.to_string(), &settings(3)).unwrap_err();
    let dropped = &failure.statistics.funnel.messages.dropped;
    assert_eq!(dropped.get(MessageDrop::BlockTooShort), 3);
    assert_eq!(dropped.get(MessageDrop::RoleOrder), 0);
}

#[test]
fn what_is_left_after_trimming_is_measured_as_it_is_emitted() {
    let export = chat(
        "Ann",
        vec![
            message(0, "Me", "one two three four"),
            message(1, "Ann", "five"),
            message(2, "Me", "six"),
        ],
    );
    // With the prompt and two delimiters, what is left has six words.
    let settings = |min| Settings {
        role_order: RoleOrder::UserFirst,
        token_budget: TokenBudget::Rendered,
        system_prompt: Some("Be brief.".to_owned()),
        limits: TokenLimits::new(min, 100).unwrap(),
        ..settings()
    };
    assert_eq!(
        run(export.to_string(), &settings(6)).unwrap().blocks(),
        [["system: Be brief.", "user: >>> five", "assistant: >>> six"]]
    );
    let failure = run(export.to_string(), &settings(7)).unwrap_err();
    let dropped = &failure.statistics.funnel.messages.dropped;
    assert_eq!(dropped.get(MessageDrop::BlockTooShort), 3);
}
