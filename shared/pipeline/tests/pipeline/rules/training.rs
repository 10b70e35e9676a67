//! What trainers demand of blocks.

use resonare_consumers::{Consumer, Loss, SpecialTokens, SystemAs};
use resonare_pipeline::{Failure, MessageDrop};

use super::*;
use crate::support::Done;

fn run_modeled(messages: Vec<Value>, settings: &Settings, model: &Model) -> Result<Done, Failure> {
    let export = chat("Ann", messages).to_string();
    run_for(&Pairs, vec![source(export)], settings, model, 1)
}

fn with_template() -> Model {
    Model {
        chat_template: Some(Turns),
        ..Model::default()
    }
}

fn prompted(system_as: SystemAs) -> Settings {
    Settings {
        system_prompt: Some("Be Me.".to_owned()),
        system_as,
        ..settings()
    }
}

#[test]
fn a_folded_system_prompt_begins_the_first_user_message() {
    let export = chat("Ann", dialogue()).to_string();
    let done = run(export, &prompted(SystemAs::FirstUser)).unwrap();
    assert_eq!(
        done.blocks()[0][..2],
        ["user: Be Me.\n\n>>> hi\n>>> are you there?", MERGED[1]]
    );
}

#[test]
fn before_an_assistant_who_begins_a_folded_system_prompt_is_a_user_message() {
    let export = chat("Ann", vec![message(0, "Me", "hi")]).to_string();
    let done = run(export, &prompted(SystemAs::FirstUser)).unwrap();
    assert_eq!(done.blocks(), [["user: Be Me.", "assistant: >>> hi"]]);
    let first = &done.processed()[0]["blocks"][0]["messages"][0];
    assert_eq!(first["timestamp"], Value::Null);
}

#[test]
fn a_system_prompt_can_be_left_out() {
    let export = chat("Ann", dialogue()).to_string();
    let done = run(export, &prompted(SystemAs::None)).unwrap();
    assert_eq!(done.blocks(), [MERGED]);
}

#[test]
fn other_formats_hold_the_same_blocks() {
    let export = chat("Ann", dialogue()).to_string();
    let done = run(export, &prompted(SystemAs::System)).unwrap();
    let bedrock: Value = serde_json::from_str(&done.bedrock).unwrap();
    assert_eq!(bedrock["system"][0]["text"], "Be Me.");
    assert_eq!(
        bedrock["messages"][1]["content"][0]["text"],
        ">>> yes\n>>> what is it?"
    );
    let sharegpt: Value = serde_json::from_str(&done.sharegpt).unwrap();
    assert_eq!(sharegpt[0]["conversations"].as_array().unwrap().len(), 4);
    assert_eq!(sharegpt[0]["conversations"][2]["from"], "gpt");
}

#[test]
fn a_consumer_that_reads_flags_is_told_what_is_learned() {
    let flags = |consumer, loss| {
        let settings = Settings {
            consumer: Some(consumer),
            loss,
            role_order: RoleOrder::UserFirst,
            ..settings()
        };
        let done = run(chat("Ann", dialogue()).to_string(), &settings).unwrap();
        let block: Value = serde_json::from_str(done.train.lines().next().unwrap()).unwrap();
        let messages = block["messages"].as_array().unwrap().clone();
        let flag = |message: &Value| json!([message["weight"], message["train"]]);
        messages.iter().map(flag).collect::<Vec<_>>()
    };
    assert_eq!(
        flags(Consumer::Together, Loss::Assistant),
        [json!([0, null]), json!([1, null])]
    );
    assert_eq!(
        flags(Consumer::Together, Loss::All),
        [json!([1, null]), json!([1, null])]
    );
    assert_eq!(
        flags(Consumer::OpenAi, Loss::Assistant),
        [json!([null, null]), json!([1, null])]
    );
    assert_eq!(
        flags(Consumer::Axolotl, Loss::Assistant),
        [json!([null, false]), json!([null, true])]
    );
    assert_eq!(
        flags(Consumer::Trl, Loss::Assistant),
        [json!([null, null]), json!([null, null])]
    );
}

/// One conversation that the maximum of ten tokens cuts: two letters are a token.
fn long_conversation() -> Vec<Value> {
    vec![
        message(0, "Ann", "aabb"),
        message(1, "Me", "bbaa"),
        message(2, "Ann", "ccdd"),
        message(3, "Me", "ddcc"),
        message(4, "Ann", "eeff"),
        message(5, "Me", "ffee"),
    ]
}

fn with_context(context_tokens: u32) -> Settings {
    Settings {
        consumer: Some(Consumer::Axolotl),
        loss: Loss::Assistant,
        limits: TokenLimits::new(1, 8).unwrap(),
        message_delimiter: String::new(),
        context_tokens,
        ..settings()
    }
}

#[test]
fn a_block_that_the_maximum_cut_goes_on_after_context() {
    let done = run_modeled(long_conversation(), &with_context(4), &Model::default()).unwrap();
    assert_eq!(
        done.blocks(),
        [
            vec![
                "user: aabb",
                "assistant: bbaa",
                "user: ccdd",
                "assistant: ddcc"
            ],
            vec![
                "user: ccdd",
                "assistant: ddcc",
                "user: eeff",
                "assistant: ffee"
            ],
        ]
    );
    let learned: Vec<Value> = done
        .train
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["messages"][1]["train"].clone())
        .collect();
    assert_eq!(learned, [json!(true), json!(false)]);
    let messages = &done.statistics.funnel.messages;
    assert_eq!((messages.read, messages.in_blocks), (6, 6));
}

#[test]
fn context_is_given_up_where_the_maximum_leaves_no_room() {
    let mut messages = long_conversation();
    messages[4] = message(4, "Me", "abcdefg");
    let done = run_modeled(messages, &with_context(4), &Model::default()).unwrap();
    assert_eq!(done.blocks()[1], ["assistant: abcdefg"]);
}

#[test]
fn after_a_pause_there_is_no_context() {
    let mut messages = long_conversation();
    messages[4] = message(9000, "Ann", "eeff");
    messages[5] = message(9001, "Me", "ffee");
    let done = run_modeled(messages, &with_context(4), &Model::default()).unwrap();
    assert_eq!(done.blocks()[1], ["user: eeff", "assistant: ffee"]);
}

#[test]
fn what_the_assistant_goes_on_with_is_not_context() {
    let mut messages = long_conversation();
    messages[4] = message(4, "Me", "eeff");
    let settings = Settings {
        role_order: RoleOrder::UserFirst,
        ..with_context(4)
    };
    let done = run_modeled(messages, &settings, &Model::default()).unwrap();
    // Learning `ddcc` a second time is what context is not for, and without it the user comes first.
    assert_eq!(done.blocks()[1], ["user: ccdd", "assistant: eeff\nffee"]);
}

#[test]
fn a_block_that_breaks_a_rule_of_the_consumer_is_dropped_and_counted() {
    let mut messages = dialogue();
    messages[0] = message(0, "Ann", "Bot: hi");
    messages.extend([message(9000, "Ann", "hi"), message(9001, "Me", "ho")]);
    let settings = Settings {
        consumer: Some(Consumer::BedrockNova),
        role_order: RoleOrder::UserFirst,
        ..settings()
    };
    let done = run_modeled(messages, &settings, &Model::default()).unwrap();
    assert_eq!(done.blocks(), [["user: >>> hi", "assistant: >>> ho"]]);
    let dropped = &done.statistics.funnel.messages.dropped;
    assert_eq!(dropped.get(MessageDrop::RefusedByConsumer), 5);
    assert_eq!(
        done.stats()["refusals"],
        json!({"by_consumer": {"reserved-word": 1}})
    );
}

#[test]
fn a_block_that_the_template_refuses_is_dropped_and_counted_with_its_words() {
    let messages = vec![
        message(0, "Ann", "bca"),
        message(1, "Me", "a"),
        message(9000, "Me", "b"),
        message(20_000, "Ann", "a"),
        message(20_001, "Me", "b"),
    ];
    let settings = Settings {
        token_budget: TokenBudget::Template,
        ..settings()
    };
    let done = run_modeled(messages, &settings, &with_template()).unwrap();
    assert_eq!(done.blocks(), [["user: >>> a", "assistant: >>> b"]]);
    let dropped = &done.statistics.funnel.messages.dropped;
    assert_eq!(dropped.get(MessageDrop::TemplateRefused), 3);
    assert_eq!(
        done.stats()["refusals"]["by_template"],
        json!({"no bca": 1, "roles must alternate": 1})
    );
}

#[test]
fn a_template_that_is_given_up_ends_the_run() {
    let messages = vec![
        message(0, "Ann", "a"),
        message(1, "Me", "b"),
        message(9000, "Ann", "slow"),
        message(9001, "Me", "b"),
    ];
    let settings = Settings {
        token_budget: TokenBudget::Template,
        ..settings()
    };
    let error = run_modeled(messages, &settings, &with_template()).unwrap_err();
    assert!(matches!(error.error, PipelineError::TemplateTimedOut));
    assert!(error.error.is_retryable());
}

#[test]
fn with_a_template_the_maximum_is_about_what_it_renders() {
    // An exchange is 2 + 2 + 2 * 3 tokens and 5 for the chat.
    let exchanges = |max| {
        let settings = Settings {
            token_budget: TokenBudget::Template,
            limits: TokenLimits::new(1, max).unwrap(),
            message_delimiter: String::new(),
            role_order: RoleOrder::UserFirst,
            ..settings()
        };
        let done = run_modeled(long_conversation(), &settings, &with_template())
            .unwrap_or_else(|failure| panic!("{max}: {}", failure.error));
        let turns: Vec<_> = done.blocks().iter().map(Vec::len).collect();
        turns
    };
    assert_eq!(exchanges(15), [2, 2, 2]);
    // The user's third message fits, and the answer doesn't.
    assert_eq!(exchanges(24), [2, 2]);
    assert_eq!(exchanges(25), [4, 2]);
    assert_eq!(exchanges(35), [6]);
}

#[test]
fn text_that_reads_as_a_special_token_is_broken_and_counted() {
    let model = Model {
        special_tokens: SpecialTokens::new(["<|end|>".to_owned()]),
        ..Model::default()
    };
    let messages = vec![
        message(0, "Ann", "the <|end|>"),
        message(1, "Me", "<|end|><|end|>"),
    ];
    let settings = Settings {
        system_prompt: Some("<|end|>".to_owned()),
        message_delimiter: "<|end|>".to_owned(),
        ..settings()
    };
    let done = run_modeled(messages, &settings, &model).unwrap();
    assert!(!done.train.contains("<|end|>") && !done.processed.contains("<|end|>"));
    assert!(done.raw.contains("<|end|>"));
    // Three in messages, one in the prompt, one in the delimiter.
    assert_eq!(done.statistics.special_token_text, 5);
}

#[test]
fn a_length_for_any_tokenizer_is_told_where_the_blocks_are_for_a_consumer() {
    let export = chat(
        "Ann",
        vec![message(0, "Ann", "გამარჯობა"), message(1, "Me", "hello 42")],
    );
    let lengths = |consumer| {
        let settings = Settings {
            consumer,
            message_delimiter: String::new(),
            ..settings()
        };
        let done = run(export.to_string(), &settings).unwrap();
        done.statistics.estimated_lengths
    };
    // Each byte of Georgian and each digit, half of the letters and the space, 16 for each of two turns.
    let for_trl = lengths(Some(Consumer::Trl));
    assert_eq!(for_trl.in_any_tokenizer, 27 + 2 + 3 + 32);
    assert_eq!(for_trl.padded, 1 + 2 + 32);
    assert_eq!(lengths(None).in_any_tokenizer, 0);
}
