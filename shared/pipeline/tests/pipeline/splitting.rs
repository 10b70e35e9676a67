//! What holds for every split and every removal of duplicates.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;
use resonare_pipeline::{Deduplicate, Fraction, Settings, TokenLimits};
use resonare_similarity::{Signature, Signer, SimilarTexts};
use serde_json::Value;

use crate::support::{Done, Words, blocks_of, chat, message, run_with, settings, source};

/// Seconds from the beginning of a conversation to that of the next.
const PACE: u64 = 4000;

/// Forty words, or what looks like them: many texts are equal or nearly so.
fn any_text() -> impl Strategy<Value = String> {
    let similar = (0..4_u32, prop::option::of(0..20_u32)).prop_map(|(text, changed)| {
        let word = |place| match changed {
            Some(changed) if changed == place => format!("other{place}"),
            _ => format!("text{text}word{place}"),
        };
        (0..40).map(word).collect::<Vec<_>>().join(" ")
    });
    let different = any::<u32>().prop_map(|text| format!("text{text} ").repeat(40));
    let wordless = prop_oneof![Just("! ".repeat(40)), Just("? ".repeat(40))];
    prop_oneof![6 => similar, 6 => different, 1 => wordless]
}

/// Conversations of messages, each of which is a block.
fn any_chat() -> impl Strategy<Value = Value> {
    let conversation = prop::collection::vec(any_text(), 1..5);
    prop::collection::vec(conversation, 1..7).prop_map(|conversations| {
        let mut messages = Vec::new();
        for (number, texts) in (0..).zip(conversations) {
            for (second, text) in (0..).zip(texts) {
                messages.push(message(PACE * number + second, "Me", &text));
            }
        }
        chat("Ann", messages)
    })
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let deduplicate = [Deduplicate::None, Deduplicate::Exact, Deduplicate::Near];
    let deduplicate = prop::sample::select(deduplicate.to_vec());
    (deduplicate, 0_u32..95).prop_map(|(deduplicate, percent)| Settings {
        deduplicate,
        validation_fraction: Fraction::parse(&format!("0.{percent:02}")).unwrap(),
        limits: TokenLimits::new(1, 79).unwrap(),
        message_delimiter: String::new(),
        ..settings()
    })
}

/// A block of `processed.json`.
#[derive(Debug)]
struct Emitted {
    /// The numbers of its chat and, in the chat, of its conversation.
    conversation: (usize, u64),
    text: String,
    is_validation: bool,
}

impl Emitted {
    fn signature(&self) -> Option<Signature> {
        Signer::default().sign([&*self.text])
    }

    fn resembles(&self, other: &Self, least: f64) -> bool {
        match (self.signature(), other.signature()) {
            (Some(one), Some(other)) => {
                let mut texts = SimilarTexts::default();
                texts.insert(one);
                texts.similar(&other, least).next().is_some()
            }
            _ => self.text == other.text,
        }
    }
}

fn emitted(done: &Done) -> Vec<Emitted> {
    let mut blocks = Vec::new();
    for (number, chat) in done.processed().as_array().unwrap().iter().enumerate() {
        for block in chat["blocks"].as_array().unwrap() {
            let message = &block["messages"][0];
            let (_, time) = message["timestamp"]
                .as_str()
                .unwrap()
                .split_once('T')
                .unwrap();
            let seconds = time
                .split(':')
                .fold(0, |sum, part| sum * 60 + part.parse::<u64>().unwrap());
            blocks.push(Emitted {
                conversation: (number, seconds / PACE),
                text: message["content"].as_str().unwrap().to_owned(),
                is_validation: block.get("split").is_some(),
            });
        }
    }
    blocks
}

fn run(chats: &[Value], settings: &Settings, threads: usize) -> Done {
    let export = Value::from(chats.to_vec()).to_string();
    run_with(&Words, vec![source(export)], settings, threads).unwrap()
}

proptest! {
    #[test]
    fn each_block_is_in_the_file_of_its_split_and_no_conversation_in_both(
        chats in prop::collection::vec(any_chat(), 1..5),
        settings in any_settings(),
    ) {
        let done = run(&chats, &settings, 1);
        prop_assert!(done.statistics.funnel.balances());
        let blocks = emitted(&done);
        for (is_validation, file) in [(false, &done.train), (true, &done.validation)] {
            let of_split = blocks.iter().filter(|block| block.is_validation == is_validation);
            let texts: Vec<_> = of_split.map(|block| vec![format!("assistant: {}", block.text)]).collect();
            prop_assert_eq!(texts, blocks_of(file));
        }
        let mut splits = BTreeMap::new();
        for block in &blocks {
            let split = *splits.entry(block.conversation).or_insert(block.is_validation);
            prop_assert_eq!(split, block.is_validation, "{:?}", block.conversation);
        }
        for ((chat, conversation), is_validation) in &splits {
            let is_newer = |(other, _): &(&(usize, u64), &bool)| other.0 == *chat && other.1 > *conversation;
            let all = splits.iter().filter(is_newer).all(|(_, is_validation)| *is_validation);
            prop_assert!(!is_validation || all, "{:?}", splits);
        }
    }

    #[test]
    fn what_is_for_validation_is_within_one_conversation_of_its_part(
        chats in prop::collection::vec(any_chat(), 1..5),
        settings in any_settings(),
    ) {
        let done = run(&chats, &settings, 1);
        let Some(counts) = done.statistics.split else {
            prop_assert!(settings.validation_fraction.is_zero());
            return Ok(());
        };
        prop_assert_eq!(counts.train_blocks + counts.validation_blocks, done.statistics.num_blocks());
        prop_assert!(counts.train_blocks > 0);
        if counts.leaking_blocks == 0 {
            let part = settings.validation_fraction.of(done.statistics.num_blocks());
            prop_assert!(counts.validation_blocks <= part);
            prop_assert!(part - counts.validation_blocks < 4, "{part} {:?}", counts);
        }
    }

    #[test]
    fn no_block_resembles_one_in_the_other_split_or_where_duplicates_are_dropped_any_other(
        chats in prop::collection::vec(any_chat(), 1..5),
        settings in any_settings(),
    ) {
        let blocks = emitted(&run(&chats, &settings, 1));
        for (number, block) in blocks.iter().enumerate() {
            for other in &blocks[..number] {
                if block.is_validation != other.is_validation {
                    prop_assert!(!block.resembles(other, 0.7), "{:?} {:?}", block, other);
                }
                let may_resemble = match settings.deduplicate {
                    Deduplicate::None => true,
                    Deduplicate::Exact => block.text != other.text,
                    Deduplicate::Near => !block.resembles(other, 0.8),
                };
                prop_assert!(may_resemble, "{:?} {:?}", block, other);
            }
        }
    }

    #[test]
    fn what_is_dropped_resembles_something_that_was_there(
        chats in prop::collection::vec(any_chat(), 1..5),
        deduplicate in prop::sample::select(vec![Deduplicate::Exact, Deduplicate::Near]),
    ) {
        let settings = Settings { deduplicate, ..settings() };
        let settings = Settings { limits: TokenLimits::new(1, 79).unwrap(), message_delimiter: String::new(), ..settings };
        let all = emitted(&run(&chats, &Settings { deduplicate: Deduplicate::None, ..settings.clone() }, 1));
        let kept = emitted(&run(&chats, &settings, 1));
        let texts: HashSet<_> = kept.iter().map(|block| &block.text).collect();
        for block in &all {
            let is_there = texts.contains(&block.text)
                || deduplicate == Deduplicate::Near && kept.iter().any(|other| other.resembles(block, 0.8));
            prop_assert!(is_there, "{:?}", block);
        }
    }

    #[test]
    fn threads_change_nothing(
        chats in prop::collection::vec(any_chat(), 1..5),
        settings in any_settings(),
        threads in 2_usize..5,
    ) {
        let (one, other) = (run(&chats, &settings, 1), run(&chats, &settings, threads));
        prop_assert_eq!(one.train, other.train);
        prop_assert_eq!(one.validation, other.validation);
        prop_assert_eq!(one.processed, other.processed);
        prop_assert_eq!(one.sharegpt, other.sharegpt);
        prop_assert_eq!(one.validation_sharegpt, other.validation_sharegpt);
    }
}
