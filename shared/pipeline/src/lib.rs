//! The pipeline of Resonare Data Prep: Telegram exports in, token-bounded conversation blocks out.
//!
//! It is synchronous and pure: bytes come from [`std::io::Read`], outputs go to
//! [`std::io::Write`], tokens are counted by whatever implements [`Tokenizer`]. There is no
//! network, environment or clock in it. An export is read once, as a stream; only the kept messages of
//! one chat are in memory at a time.
//!
//! [`Run`] is the entry point; [`inspect()`] lists the chats and senders of an export, and [`check()`] says
//! whether something is one. A program that uses all of it with a tokenizer of its own is in
//! `examples/own_tokenizer.rs`.
//!
//! Errors name no option and no key: [`PipelineError::advice`] says in types what can be done, and
//! the code that shows an error spells the settings.

mod advice;
mod block;
mod block_text;
mod causes;
mod chat_buffer;
mod chat_output;
mod chat_template;
mod check;
mod chunk;
mod context;
mod date;
mod digits;
mod earlier_blocks;
mod emit;
mod error;
mod explain;
mod failure;
mod finish;
mod formats;
mod funnel;
mod gaps;
mod input;
mod inspect;
mod json;
mod line_extra;
mod lines;
mod long_messages;
mod marks;
mod message_counts;
mod notes;
mod outcome;
mod output_name;
mod overlaps;
mod pack;
mod placing;
mod position;
mod prepare;
mod profile;
mod pseudonyms;
mod redact;
mod refusals;
mod release;
mod remedies;
mod remedy;
mod roles;
mod run;
mod salvage;
mod select;
mod sender;
mod senders;
mod settings;
mod short_blocks;
mod source_problem;
mod split;
mod statistics;
mod surroundings;
mod target;
mod tokens;
mod topics;
mod turns;
mod waiting;
mod warning;
mod warnings;
mod whole_chat;
mod words;
mod work;

pub use advice::{Advice, Setting};
pub use causes::causes;
pub use chat_template::{ChatTemplate, NotRendered};
pub use check::{CheckedExport, check, is_export};
pub use error::PipelineError;
pub use explain::{
    BlockTally, EarlyEnd, NoBlockKept, NothingUsable, TargetProblem, UnexpectedContent,
};
pub use failure::Failure;
pub use formats::OutputFormat;
pub use funnel::{
    ChatDrop, ChatFunnel, DropCounts, DroppedChats, DroppedMessages, Funnel, MessageDrop,
    MessageFunnel,
};
pub use gaps::{EstimatedGaps, GapRange, Gaps, ThresholdResult};
pub use input::source::{Source, decompressed};
pub use inspect::{InspectedChat, InspectedSender, Inspection, SelectedChats, inspect};
pub use json::mend::Mends;
pub use outcome::{Outcome, RunFiles, run_outputs};
pub use output_name::OutputName;
pub use position::Position;
pub use profile::{
    Calendar, Histogram, Month, Profile, Range, Ranges, Sample, SampledTurn, Samples, Voice, Voices,
};
pub use pseudonyms::PSEUDONYM_OF_TARGET;
pub use refusals::Refusals;
pub use remedy::{Change, Gain, Remedy};
pub use resonare_consumers::SpecialTokens;
pub use resonare_redaction::PersonalData;
pub use run::{FormatOutput, Outputs, Run};
pub use salvage::{LastMessage, Salvage};
pub use sender::Target;
pub use senders::SenderCount;
pub use settings::{
    CHAT_TYPES, DateLimit, Deduplicate, Forwarded, Fraction, RepeatedMessages, RoleOrder, Settings,
    TokenBudget, TokenLimits, TokenLimitsError,
};
pub use short_blocks::{BlockCount, ShortBlocks};
pub use source_problem::SourceProblem;
pub use split::{Split, SplitCounts};
pub use statistics::{
    BlockBreakdown, ChatBlocks, EstimatedLengths, SpokenTokens, Statistics, StatsFile, Summary,
    UnusedChat,
};
pub use target::TargetChoice;
pub use tokens::{LineTokens, TextTokens, TokenCounter, Tokenizer, TokenizerInfo};
pub use turns::TurnCounts;
pub use warning::Warning;
pub use words::{counted, grouped};
