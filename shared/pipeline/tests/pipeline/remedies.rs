//! What is said of other settings is what they bring.

use std::time::Duration;

use proptest::prelude::*;
use resonare_pipeline::{
    Change, DateLimit, Failure, Gain, MessageDrop, Remedy, RoleOrder, Setting, Settings,
    Statistics, TokenBudget, TokenLimits,
};
use serde_json::{Value, json};

use crate::support::{Done, Words, chat, full, message, run, run_with, settings, source};

/// The settings with a remedy's change.
fn changed(settings: &Settings, remedy: &Remedy) -> Settings {
    let mut settings = settings.clone();
    let (min, max) = (settings.limits.min(), settings.limits.max());
    let limits = |min: u64, max: u64| {
        let [min, max] = [min, max].map(|limit| u32::try_from(limit).unwrap());
        TokenLimits::new(min, max).unwrap()
    };
    match &remedy.change {
        Change::Number { setting, to, .. } => match setting {
            Setting::MinTokensPerBlock => settings.limits = limits(*to, max),
            Setting::MaxTokensPerBlock => settings.limits = limits(min, *to),
            Setting::ConvoBlockThresholdSecs => settings.threshold = Duration::from_secs(*to),
            other => panic!("{other} is no number"),
        },
        Change::ChatType { added, .. } => settings.chat_types.push((*added).to_owned()),
        Change::NoDateLimit { .. } => settings.date_limit = None,
    }
    settings
}

fn statistics_of(result: Result<Done, Failure>) -> Statistics {
    match result {
        Ok(done) => done.statistics,
        Err(failure) => *failure.statistics,
    }
}

fn any_export() -> impl Strategy<Value = String> {
    let text = prop_oneof![4 => "([a-c] ){1,12}", 1 => "([a-c] ){40,60}"];
    let message = (0_u64..80_000, prop::bool::ANY, text)
        .prop_map(|(second, mine, text)| message(second, if mine { "Me" } else { "Ann" }, &text));
    let messages = prop::collection::vec(message, 1..40);
    let group =
        |messages: &Value| json!({"name": "G", "type": "private_group", "messages": messages});
    prop::collection::vec(messages, 1..4).prop_map(move |chats| {
        let mut list: Vec<_> = chats
            .into_iter()
            .map(|messages| chat("Ann", messages))
            .collect();
        let messages = list[0]["messages"].clone();
        list.push(group(&messages));
        full(list)
    })
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let dates = [None, Some("2024-01-01T06:00:00")];
    (
        1_u32..60,
        1_u32..40,
        prop::sample::select(vec![60_u64, 900, 2000, 3600]),
        any::<[bool; 2]>(),
        prop::sample::select(dates.to_vec()),
    )
        .prop_map(
            |(min, above, threshold, [rendered, user_first], date)| Settings {
                limits: TokenLimits::new(min, min + above).unwrap(),
                threshold: Duration::from_secs(threshold),
                date_limit: date.and_then(DateLimit::parse),
                token_budget: if rendered {
                    TokenBudget::Rendered
                } else {
                    TokenBudget::Content
                },
                role_order: if user_first {
                    RoleOrder::UserFirst
                } else {
                    RoleOrder::AsIs
                },
                ..settings()
            },
        )
}

proptest! {
    #[test]
    fn what_a_remedy_promises_comes_true(export in any_export(), settings in any_settings()) {
        let before = statistics_of(run(export.as_str(), &settings));
        for remedy in &before.remedies {
            let after = statistics_of(run(export.as_str(), &changed(&settings, remedy)));
            let (was, is) = (&before.funnel.messages, &after.funnel.messages);
            match remedy.gain {
                Gain::Kept { more, is_estimate: false } => {
                    prop_assert_eq!(before.num_blocks() + more.blocks, after.num_blocks(), "{:?}", remedy);
                    prop_assert_eq!(was.in_blocks + more.messages, is.in_blocks, "{:?}", remedy);
                }
                Gain::Kept { .. } => {}
                Gain::Fit { messages } => {
                    let too_long = |messages: &resonare_pipeline::MessageFunnel| {
                        messages.dropped.get(MessageDrop::MessageTooLong)
                    };
                    prop_assert!(too_long(was) >= too_long(is) + messages, "{:?}", remedy);
                }
                Gain::Read { messages, .. } => {
                    let unread = |messages: &resonare_pipeline::MessageFunnel| {
                        messages.dropped.get(MessageDrop::BeforeDateLimit)
                            + messages.dropped.get(MessageDrop::ChatType)
                    };
                    // A group that is read may have messages before the date.
                    let reread = if matches!(remedy.change, Change::ChatType { .. }) {
                        is.dropped.get(MessageDrop::BeforeDateLimit)
                            - was.dropped.get(MessageDrop::BeforeDateLimit)
                    } else {
                        0
                    };
                    prop_assert_eq!(unread(was), unread(is) + messages - reread, "{:?}", remedy);
                }
            }
        }
    }
}

/// A remedy's sentence, with settings as keys.
fn words(done: &Done) -> Vec<String> {
    let remedies = done.statistics.remedies.iter();
    let words = remedies.map(|remedy| remedy.words(|setting| setting.key().to_owned()));
    words.collect()
}

#[test]
fn the_setting_that_keeps_most_comes_first() {
    let long = "one two three four five";
    let exchange = |second| {
        vec![
            message(second, "Ann", long),
            message(second + 10, "Me", long),
        ]
    };
    // One conversation of four messages, and two of two each.
    let messages = [
        exchange(0),
        exchange(60),
        exchange(10_000),
        exchange(20_000),
    ]
    .concat();
    let group = json!({"name": "G", "type": "private_group", "messages": exchange(0)});
    let export = full(vec![chat("Ann", messages), group]);
    let settings = Settings {
        limits: TokenLimits::new(20, 100).unwrap(),
        ..settings()
    };
    let done = run(export, &settings).unwrap();
    assert_eq!(
        words(&done),
        [
            "min_tokens_per_block 10 instead of 20 would keep 2 more blocks (4 messages)",
            "chat_types personal_chat,private_group would read 1 more chat (2 messages)",
        ]
    );
    let stats = done.stats();
    assert_eq!(stats["remedies"][0]["to"], 10);
    assert_eq!(stats["remedies"][0]["blocks"], 2);
    assert_eq!(
        stats["turns"],
        json!({"all": 4, "of_target": 2, "blocks_begun_by_target": 0,
        "blocks_ended_by_others": 0, "blocks_of_one_side": 0, "blocks_without_target": 0,
        "blocks_out_of_order": 0})
    );
    assert_eq!(stats["message_tokens"], json!({"all": 20, "of_target": 10}));
}

#[test]
fn longer_pauses_join_what_is_too_short() {
    let messages = (0..8).map(|hour| {
        message(
            hour * 7200,
            if hour % 2 == 0 { "Ann" } else { "Me" },
            "a b c",
        )
    });
    let export = full(vec![chat("Ann", messages.collect())]);
    let settings = Settings {
        limits: TokenLimits::new(20, 100).unwrap(),
        ..settings()
    };
    let failure = run(export.as_str(), &settings).unwrap_err();
    let remedies = &failure.statistics.remedies;
    assert_eq!(
        remedies[0].words(|setting| setting.key().to_owned()),
        "convo_block_threshold_secs 14400 instead of 3600 would keep 1 more block (8 messages)"
    );
}

#[test]
fn a_run_that_fails_has_no_blocks_to_show() {
    let export = full(vec![chat("Ann", vec![message(0, "Ann", "hi")])]);
    let broken = r#"{"name": "Ben", "messages": [{]}"#;
    let sources = vec![source(export), source(broken)];
    let settings = Settings {
        repeated_messages: resonare_pipeline::RepeatedMessages::Keep,
        ..settings()
    };
    let failure = run_with(&Words, sources, &settings, 1).unwrap_err();
    let statistics = json!(failure.statistics);
    assert_eq!(statistics["num_blocks"], 0);
    assert_eq!(statistics["max_tokens_per_block"], Value::Null);
    assert_eq!(statistics["funnel"]["messages"]["in_blocks"], 0);
    assert_eq!(statistics["funnel"]["messages"]["dropped"]["run_failed"], 1);
    assert!(failure.statistics.funnel.balances());
}
