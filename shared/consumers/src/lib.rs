//! What each consumer of training data demands, and what it is given: presets, rules, text formats
//! and the files that a trainer needs before its first run.
//!
//! Synchronous and pure: bytes in, findings or bytes out. Tokenizers, chat templates, files and the
//! configuration are left to others.

mod checker;
mod consumer;
mod content;
mod demands;
mod elements;
mod family;
mod kit;
mod lengths;
mod loss;
mod message;
mod phrases;
mod preset;
mod render;
mod report;
mod row;
mod rule;
mod shell;
mod special_tokens;
mod system;
mod value;

pub use checker::Checker;
pub use consumer::{Consumer, Limits, UnknownConsumer};
pub use content::ContentRules;
pub use demands::Severity;
pub use family::TemplateFamily;
pub use kit::{Kit, KitFile, LengthSource, NextStep, Training};
pub use lengths::Lengths;
pub use loss::Loss;
pub use message::{Flag, MessageRef};
pub use preset::Setting;
pub use render::{bedrock_line, messages_line, sharegpt_element};
pub use report::{Finding, Report, RuleCount};
pub use rule::Rule;
pub use shell::shell_word;
pub use special_tokens::SpecialTokens;
pub use system::SystemAs;
