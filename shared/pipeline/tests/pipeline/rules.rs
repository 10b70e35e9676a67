//! The pipeline's rules, each by an export that shows it.

use crate::support::{
    Broken, Done, Model, Pairs, Panicking, Squares, Turns, Words, blocks_of, chat, error_of, full,
    message, pretty, run, run_for, run_over, run_with, settings, source,
};
use resonare_pipeline::{
    ChatDrop, DateLimit, Deduplicate, Forwarded, Fraction, MessageDrop, OutputName, PersonalData,
    PipelineError, RepeatedMessages, RoleOrder, Settings, Source, SourceProblem, SpecialTokens,
    Target, TokenBudget, TokenLimits,
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

mod blocks;
mod contents;
mod duplicates;
mod input;
mod outputs;
mod overlaps;
mod redaction;
mod split;
mod target;
mod training;
mod warnings;
