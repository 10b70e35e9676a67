//! What holds for every export and every configuration.

use std::time::Duration;

use crate::support::{
    Model, Pairs, Slow, Turns, Words, chat, full, message, pretty, run_for, run_with, settings,
    source,
};
use proptest::prelude::*;
use resonare_consumers::{Consumer, Loss, MessageRef, SystemAs};
use resonare_pipeline::{
    ChatTemplate as _, Deduplicate, Forwarded, Fraction, PersonalData, RepeatedMessages, RoleOrder,
    Settings, Source, TokenBudget, TokenCounter, TokenLimits,
};
use serde_json::{Value, json};

fn any_message() -> impl Strategy<Value = Value> {
    let usual = (0_u64..20_000, prop::bool::ANY, "[a-c \n]{0,12}|\\PC{0,8}")
        .prop_map(|(second, mine, text)| message(second, if mine { "Me" } else { "Ann" }, &text));
    let odd = prop_oneof![
        Just(json!({"id": 1, "type": "unsupported"})),
        Just(json!({"id": 2, "type": "service", "actor": "Ann", "action": "phone_call"})),
        Just(json!({"from": null, "text": "x", "date": "2024-01-01T00:00:00"})),
        Just(json!({"from": "Me", "text": "x", "date": "never"})),
        Just(json!({"from": "Me", "text": "zoned", "date": "2024-01-01T01:00:00+01:00"})),
        Just(json!({"from": "Me", "text": 5})),
        Just(json!(null)),
        Just(json!([["x"]])),
    ];
    prop_oneof![6 => usual, 1 => odd]
}

fn any_chat() -> impl Strategy<Value = Value> {
    let messages = prop::collection::vec(any_message(), 0..24).boxed();
    prop_oneof![
        8 => ("[A-C]", messages.clone()).prop_map(|(name, messages)| chat(&name, messages)),
        1 => messages.clone().prop_map(|messages| json!({"name": "G", "type": "private_group", "messages": messages})),
        1 => messages.clone().prop_map(|messages| json!({"messages": messages, "name": "late"})),
        1 => messages.prop_map(|messages| json!({"name": null, "messages": messages})),
        1 => Just(json!({"name": "x"})),
        1 => Just(json!("x")),
    ]
}

fn any_settings() -> impl Strategy<Value = Settings> {
    (
        1_u32..30,
        1_u32..60,
        0_u64..8000,
        any::<[bool; 3]>(),
        prop::option::of("[a-b ]{1,6}"),
        any_splitting(),
    )
        .prop_map(
            |(
                min,
                above,
                threshold,
                [rendered, user_first, delimited],
                system_prompt,
                splitting,
            )| Settings {
                limits: TokenLimits::new(min, min + above).unwrap(),
                threshold: Duration::from_secs(threshold),
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
                message_delimiter: if delimited {
                    ">>>".to_owned()
                } else {
                    String::new()
                },
                system_prompt,
                ..splitting
            },
        )
}

/// Settings about duplicates and validation, mostly as they are by default.
fn any_splitting() -> impl Strategy<Value = Settings> {
    let deduplicate = [Deduplicate::None, Deduplicate::Exact, Deduplicate::Near];
    let fractions = ["0", "0", "0.1", "0.3", "0.75"];
    (
        prop::sample::select(deduplicate.to_vec()),
        prop::sample::select(fractions.to_vec()),
    )
        .prop_map(|(deduplicate, fraction)| Settings {
            deduplicate,
            validation_fraction: Fraction::parse(fraction).unwrap(),
            ..settings()
        })
}

/// Settings for a trainer, some of whose budgets are measured by a template.
fn any_trainers_settings() -> impl Strategy<Value = Settings> {
    let ways = [SystemAs::System, SystemAs::FirstUser, SystemAs::None];
    (
        any_settings(),
        prop::sample::select(ways.to_vec()),
        any::<[bool; 2]>(),
        0_u32..30,
    )
        .prop_map(
            |(settings, system_as, [template, all], context_tokens)| Settings {
                consumer: Some(Consumer::Axolotl),
                system_as,
                context_tokens,
                loss: if all { Loss::All } else { Loss::Assistant },
                token_budget: if template {
                    TokenBudget::Template
                } else {
                    settings.token_budget
                },
                ..settings
            },
        )
}

/// Settings with some or all of what is off by default.
fn any_further_settings() -> impl Strategy<Value = Settings> {
    let duplicates = [Deduplicate::None, Deduplicate::Exact, Deduplicate::Near];
    let kinds = prop::sample::subsequence(PersonalData::ALL.to_vec(), 0..=9);
    (
        any_settings(),
        any::<[bool; 7]>(),
        0_u32..6,
        prop::sample::select(duplicates.to_vec()),
        prop::sample::select(vec!["0", "0.1", "0.5"]),
        kinds,
    )
        .prop_map(
            |(
                settings,
                [topics, replies, names, media, drop, keep, words],
                least,
                deduplicate,
                validation,
                redact,
            )| Settings {
                deduplicate,
                validation_fraction: Fraction::parse(validation).unwrap(),
                redact,
                chat_types: vec!["personal_chat".to_owned(), "private_group".to_owned()],
                topics,
                reply_context: replies,
                speaker_names: names,
                media_placeholders: media,
                forwarded: if drop {
                    Forwarded::Drop
                } else {
                    Forwarded::Keep
                },
                repeated_messages: if keep {
                    RepeatedMessages::Keep
                } else {
                    RepeatedMessages::Drop
                },
                exclude_words: if words {
                    vec!["a".to_owned()]
                } else {
                    Vec::new()
                },
                exclude_chats: vec!["B".to_owned()],
                min_chat_messages: least,
                report_samples: 3,
                ..settings
            },
        )
}

/// Messages of which some answer others, begin topics, were forwarded or are media.
fn any_odd_message() -> impl Strategy<Value = Value> {
    let fields = prop_oneof![
        (0_i64..30).prop_map(|id| json!({"reply_to_message_id": id})),
        Just(json!({"type": "service", "action": "topic_created", "title": "T"})),
        Just(json!({"forwarded_from": null})),
        Just(json!({"photo": "x", "text_entities": []})),
        Just(json!({})),
    ];
    (any_message(), fields).prop_map(|(mut message, fields)| {
        if let (Value::Object(message), Value::Object(fields)) = (&mut message, fields) {
            message.extend(fields);
        }
        message
    })
}

/// The same messages, numbered in their order.
fn numbered(mut messages: Vec<Value>) -> Vec<Value> {
    for (id, message) in messages.iter_mut().enumerate() {
        if let Value::Object(message) = message {
            message.insert("id".to_owned(), id.into());
        }
    }
    messages
}

/// What the blocks of a run hold, as (role, content) pairs.
fn emitted(train: &str) -> Vec<Vec<(String, String)>> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    train
        .lines()
        .map(|line| {
            let block: Value = serde_json::from_str(line).unwrap();
            let messages = block["messages"].as_array().unwrap();
            messages
                .iter()
                .map(|message| (text(&message["role"]), text(&message["content"])))
                .collect()
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_chat_and_message_is_accounted_for(
        chats in prop::collection::vec(any_chat(), 0..5),
        settings in any_settings(),
    ) {
        let list = Value::from(chats.clone());
        let funnel = match run_with(&Pairs, vec![source(list.to_string())], &settings, 1) {
            Ok(done) => {
                let lines: usize = [&done.train, &done.validation]
                    .into_iter()
                    .flat_map(|file| emitted(file))
                    .flatten()
                    .filter(|(role, _)| role != "system")
                    .map(|(_, content)| content.split('\n').count())
                    .sum();
                prop_assert_eq!(lines as u64, done.statistics.funnel.messages.in_blocks);
                done.statistics.funnel
            }
            Err(failure) => failure.statistics.funnel,
        };
        prop_assert!(funnel.balances(), "{:?}", funnel);
        prop_assert_eq!(funnel.chats.read, chats.len() as u64);
        let messages = |chat: &Value| chat["messages"].as_array().map_or(0, Vec::len);
        prop_assert_eq!(funnel.messages.read, chats.iter().map(messages).sum::<usize>() as u64);
    }

    #[test]
    fn no_block_leaves_its_budget(
        chats in prop::collection::vec(any_chat(), 1..4),
        settings in any_settings(),
    ) {
        let list = Value::from(chats);
        let Ok(done) = run_with(&Pairs, vec![source(list.to_string())], &settings, 1) else {
            return Ok(());
        };
        let delimiter = settings.message_delimiter.as_str();
        for block in emitted(&done.train) {
            let tokens: u32 = block
                .iter()
                .filter(|(role, _)| role != "system" || settings.token_budget == TokenBudget::Rendered)
                .map(|(_, content)| match settings.token_budget {
                    TokenBudget::Rendered | TokenBudget::Template => Pairs.count(content),
                    TokenBudget::Content => content
                        .split('\n')
                        .map(|line| Pairs.count(line.strip_prefix(delimiter).unwrap().trim_start()))
                        .sum(),
                })
                .sum();
            let tokens = u64::from(tokens);
            prop_assert!((settings.limits.min()..=settings.limits.max()).contains(&tokens), "{} {:?}", tokens, block);
            if settings.role_order == RoleOrder::UserFirst {
                let roles: Vec<&str> = block.iter().map(|(role, _)| &**role).filter(|role| *role != "system").collect();
                prop_assert!(roles.len().is_multiple_of(2));
                prop_assert!(roles.chunks(2).all(|pair| pair == ["user", "assistant"]));
            }
        }
    }

    #[test]
    fn for_a_trainer_too_no_block_leaves_its_budget_and_everything_is_accounted_for(
        chats in prop::collection::vec(any_chat(), 1..4),
        settings in any_trainers_settings(),
    ) {
        let list = Value::from(chats);
        let model = Model { chat_template: Some(Turns), ..Model::default() };
        let run = run_for(&Pairs, vec![source(list.to_string())], &settings, &model, 1);
        let funnel = match &run {
            Ok(done) => &done.statistics.funnel,
            Err(failure) => &failure.statistics.funnel,
        };
        prop_assert!(funnel.balances(), "{:?}", funnel);
        let Ok(done) = run else {
            return Ok(());
        };
        for block in emitted(&done.train) {
            let messages: Vec<_> = block
                .iter()
                .map(|(role, content)| MessageRef::new(role, content))
                .collect();
            // What it refuses is not there.
            let rendered = Turns.count(&messages).unwrap();
            let contents: u32 = block.iter().map(|(_, content)| Pairs.count(content)).sum();
            let tokens = match settings.token_budget {
                TokenBudget::Content => continue,
                TokenBudget::Rendered => contents.into(),
                TokenBudget::Template => rendered,
            };
            prop_assert!(tokens <= settings.limits.max(), "{} {:?}", tokens, block);
        }
        prop_assert_eq!(done.statistics.train_blocks(), done.bedrock.lines().count() as u64);
    }

    #[test]
    fn two_exports_of_one_account_are_like_the_later_one(
        messages in prop::collection::vec(prop::collection::vec(any_message(), 0..24), 1..4),
        earlier in any::<prop::sample::Index>(),
        settings in any_settings(),
        threads in 1_usize..4,
    ) {
        let messages: Vec<_> = messages.into_iter().map(numbered).collect();
        let export = |share: &dyn Fn(usize) -> usize| {
            let chats = messages.iter().enumerate().map(|(id, messages)| json!({
                "name": "A", "type": "personal_chat", "id": id + 2, "messages": messages[..share(messages.len())],
            }));
            full(chats.collect())
        };
        let later = export(&|all| all);
        let earlier = export(&|all| earlier.index(all + 1));
        let alone = run_with(&Words, vec![source(&*later)], &settings, 1);
        let both = run_with(&Words, vec![source(earlier), source(later)], &settings, threads);
        match (alone, both) {
            (Ok(alone), Ok(both)) => {
                prop_assert_eq!(alone.train, both.train);
                prop_assert_eq!(alone.processed, both.processed);
                prop_assert!(both.statistics.funnel.balances());
            }
            (Err(_), Err(both)) => prop_assert!(both.statistics.funnel.balances()),
            (alone, both) => prop_assert!(false, "{:?} {:?}", alone, both),
        }
    }

    #[test]
    fn with_everything_on_too_all_is_accounted_for_and_nothing_depends_on_threads(
        chats in prop::collection::vec(
            (prop::collection::vec(any_odd_message(), 0..24), any::<bool>(), 0_u64..4), 1..4),
        earlier in any::<prop::sample::Index>(),
        settings in any_further_settings(),
        threads in 2_usize..4,
    ) {
        let chat = |(messages, is_group, id): (Vec<Value>, bool, u64)| json!({
            "name": if id == 3 { "B" } else { "A" },
            "type": if is_group { "private_group" } else { "personal_chat" },
            "id": id,
            "messages": numbered(messages),
        });
        let chats: Vec<_> = chats.into_iter().map(chat).collect();
        let inputs = || {
            let first = chats[..earlier.index(chats.len() + 1)].to_vec();
            vec![source(full(first)), source(full(chats.clone()))]
        };
        let one = run_with(&Words, inputs(), &settings, 1);
        let other = run_with(&Words, inputs(), &settings, threads);
        match (one, other) {
            (Ok(one), Ok(other)) => {
                prop_assert!(one.statistics.funnel.balances(), "{:?}", one.statistics.funnel);
                prop_assert_eq!(one.stats(), other.stats());
                let (profile, blocks) = (&one.statistics.profile, one.statistics.num_blocks());
                prop_assert_eq!(profile, &other.statistics.profile);
                prop_assert_eq!(profile.emitted_tokens.total(), blocks);
                prop_assert_eq!(profile.messages.iter().map(|range| range.count).sum::<u64>(), blocks);
                prop_assert_eq!(profile.seconds.iter().map(|range| range.count).sum::<u64>(), blocks);
                prop_assert_eq!(profile.samples.iter().len() as u64, blocks.min(3));
                let said = profile.voices.target.messages + profile.voices.others.messages;
                prop_assert_eq!(said, one.statistics.funnel.messages.in_blocks);
                prop_assert_eq!(one.train, other.train);
                prop_assert_eq!(one.processed, other.processed);
            }
            (Err(one), Err(other)) => {
                prop_assert!(one.statistics.funnel.balances(), "{:?}", one.statistics.funnel);
                prop_assert_eq!(one.to_string(), other.to_string());
            }
            (one, other) => prop_assert!(false, "{:?} {:?}", one, other),
        }
    }

    #[test]
    fn threads_and_the_size_of_reads_change_nothing(
        chats in prop::collection::vec(any_chat(), 1..4),
        settings in any_settings(),
        threads in 1_usize..5,
        step in 1_usize..40,
        salvage_at in any::<prop::sample::Index>(),
    ) {
        let export = pretty(&Value::from(chats)).into_bytes();
        let cut = salvage_at.index(export.len() + 1);
        let settings = Settings { salvage: true, ..settings };
        let slow = Slow { inner: std::io::Cursor::new(export[..cut].to_vec()), step };
        let slow = Source { name: "the export".to_owned(), reader: Box::new(slow) };
        let plain = run_with(&Words, vec![source(&export[..cut])], &settings, 1);
        let other = run_with(&Words, vec![slow], &settings, threads);
        match (plain, other) {
            (Ok(plain), Ok(other)) => {
                prop_assert_eq!(plain.stats(), other.stats());
                prop_assert_eq!(plain.train, other.train);
                prop_assert_eq!(plain.validation, other.validation);
                prop_assert_eq!(plain.processed, other.processed);
                prop_assert_eq!(plain.raw, other.raw);
            }
            (Err(plain), Err(other)) => prop_assert_eq!(plain.to_string(), other.to_string()),
            (plain, other) => prop_assert!(false, "{:?} {:?}", plain, other),
        }
    }

    #[test]
    fn raw_json_as_input_gives_the_same_result(
        chats in prop::collection::vec(any_chat(), 1..4),
        settings in any_settings(),
    ) {
        let export = pretty(&Value::from(chats));
        let Ok(first) = run_with(&Words, vec![source(export)], &settings, 1) else { return Ok(()) };
        let second = run_with(&Words, vec![source(first.raw.clone())], &settings, 1).unwrap();
        prop_assert_eq!(first.train, second.train);
        prop_assert_eq!(first.processed, second.processed);
        prop_assert_eq!(first.raw, second.raw);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), salvage in any::<bool>()) {
        let settings = Settings { salvage, ..settings() };
        prop_assert!(run_with(&Words, vec![source(bytes)], &settings, 1).is_err());
    }
}
