//! Why a run fails, said so that its owner knows what to do.

use std::fmt;
use std::io;

use crate::chunk::LastMessage;
use crate::input::position::Position;

/// What stood where an export was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Not one byte but white space.
    Nothing,
    /// HTML or XML.
    Markup,
    /// Bytes that are not UTF-8 text from the first on.
    NotText,
    /// A JSON string, number, boolean or null.
    PlainValue,
    /// An object whose `chats` has no `list`.
    ChatsWithoutList,
    /// An object with neither `chats` nor `messages`.
    OtherObject {
        /// Its first keys.
        keys: Vec<String>,
    },
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "is empty",
            Self::Markup => {
                "is HTML, not JSON (in Telegram Desktop choose the format \"Machine-readable JSON\" \
                 when exporting)"
            }
            Self::NotText => "is not UTF-8 text (Telegram writes result.json in UTF-8)",
            Self::PlainValue => "holds a plain JSON value",
            Self::ChatsWithoutList => "has an object `chats` without a `list`",
            Self::OtherObject { .. } => {
                "holds a JSON object without a list of chats or messages (were chats ticked when it \
                 was exported?)"
            }
        })
    }
}

/// A sender with the number of kept messages.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SenderCount {
    /// The full name, with the id where it is known.
    pub sender: String,
    /// Kept messages; among very many senders, those that were counted.
    pub messages: u64,
}

/// Why a run fails. The texts name no chat and no person; [`PipelineError::private_details`] does.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The input could not be read.
    #[error("failed to read {source_name}")]
    Read {
        /// The input.
        source_name: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// An output could not be written.
    #[error("failed to write {output}")]
    Write {
        /// The output.
        output: &'static str,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The run was cancelled.
    #[error("the run was cancelled")]
    Cancelled,
    /// The input is not JSON.
    #[error("{source_name} is not valid JSON: {problem} at {position}")]
    NotJson {
        /// The input.
        source_name: String,
        /// Where.
        position: Position,
        /// What is wrong there.
        problem: &'static str,
    },
    /// The input has more bytes than are taken.
    #[error("{source_name} has more than {largest} bytes after decompression")]
    TooLarge {
        /// The input.
        source_name: String,
        /// How many are taken.
        largest: u64,
    },
    /// The input ends in the middle of the export.
    #[error("{}", ends_early(source_name, *position, *last_message, *compressed))]
    EndsEarly {
        /// The input.
        source_name: String,
        /// Where it ends.
        position: Position,
        /// The last message that is whole.
        last_message: Option<LastMessage>,
        /// Whether it is the gzip stream that was cut.
        compressed: bool,
    },
    /// The input is JSON, but no export.
    #[error(
        "{source_name} {found}; expected a full export (an object with `chats.list`), a list of \
         chats, or one chat (an object with `messages`)"
    )]
    Structure {
        /// The input.
        source_name: String,
        /// What it is.
        found: Found,
    },
    /// A list of chats or messages stands twice in one object.
    #[error("{source_name} has a second `{key}` in one object, at {position}")]
    SecondList {
        /// The input.
        source_name: String,
        /// The key.
        key: &'static str,
        /// Where the second begins.
        position: Position,
    },
    /// A chat's `name` or `type` stands twice, and its messages were passed over on the strength of
    /// the first.
    #[error(
        "{source_name} has a chat whose `name` or `type` changes behind its messages, before \
         {position}"
    )]
    LateChange {
        /// The input.
        source_name: String,
        /// Where.
        position: Position,
    },
    /// Not one chat is kept.
    #[error("{0}")]
    NoUsableChat(String),
    /// No target is configured, and none can be inferred.
    #[error(
        "cannot tell whose style to learn: {why}; choose one of the senders with target_name \
         (--target-name)"
    )]
    UnknownTarget {
        /// Why.
        why: &'static str,
        /// The most frequent senders.
        senders: Vec<SenderCount>,
    },
    /// Not one kept message is the target's.
    #[error(
        "none of the {kept} kept messages is from the target; target_name (--target-name) must be \
         the full name in the messages' `from`, or an id such as user123456789"
    )]
    NoTargetMessages {
        /// Kept messages.
        kept: u64,
        /// The target.
        target: String,
        /// The most frequent senders.
        senders: Vec<SenderCount>,
    },
    /// Not one block is kept.
    #[error("{0}")]
    NoBlocks(String),
    /// The tokenizer could not count a message.
    #[error("the tokenizer cannot encode one of the messages: {0}")]
    Tokenizer(String),
    /// Temporary storage failed.
    #[error("failed to use temporary storage")]
    Scratch(#[source] io::Error),
}

fn ends_early(
    source_name: &str,
    position: Position,
    last_message: Option<LastMessage>,
    compressed: bool,
) -> String {
    let what = if compressed {
        "is a gzip file that was cut off"
    } else {
        "ends early"
    };
    let last = match last_message {
        Some(LastMessage {
            id: Some(id),
            number,
            chat,
        }) => format!(
            "the last complete message has the id {id} (number {number} of chat {chat} in the list)"
        ),
        Some(LastMessage {
            id: None,
            number,
            chat,
        }) => {
            format!("the last complete message is number {number} of chat {chat} in the list")
        }
        None => "no message is complete".to_owned(),
    };
    format!(
        "{source_name} {what}, at {position}: {last}; export again, or use what is complete with \
         salvage (--salvage)"
    )
}

impl PipelineError {
    /// Whether trying again, with the same input and settings, may succeed.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Read { .. } | Self::Write { .. } | Self::Cancelled | Self::Scratch(_) => true,
            Self::NotJson { .. }
            | Self::EndsEarly { .. }
            | Self::TooLarge { .. }
            | Self::Structure { .. }
            | Self::SecondList { .. }
            | Self::LateChange { .. }
            | Self::NoUsableChat(_)
            | Self::UnknownTarget { .. }
            | Self::NoTargetMessages { .. }
            | Self::NoBlocks(_)
            | Self::Tokenizer(_) => false,
        }
    }

    /// Whether the whole input was read before, so that the statistics explain the error.
    pub fn is_about_the_whole(&self) -> bool {
        matches!(
            self,
            Self::NoUsableChat(_)
                | Self::UnknownTarget { .. }
                | Self::NoTargetMessages { .. }
                | Self::NoBlocks(_)
        )
    }

    /// What the owner of the export needs to see beside the text and nobody else may: names of
    /// people and keys, a line each.
    pub fn private_details(&self) -> Vec<String> {
        match self {
            Self::Structure {
                found: Found::OtherObject { keys },
                ..
            } if !keys.is_empty() => {
                vec![format!("keys found: {}", keys.join(", "))]
            }
            Self::UnknownTarget { senders, .. } => sender_lines(senders),
            Self::NoTargetMessages {
                target, senders, ..
            } => {
                let mut lines = vec![format!("target: {target}")];
                lines.extend(sender_lines(senders));
                lines
            }
            _ => Vec::new(),
        }
    }
}

fn sender_lines(senders: &[SenderCount]) -> Vec<String> {
    let line = |sender: &SenderCount| format!("{:>9} messages  {}", sender.messages, sender.sender);
    let mut lines = vec!["senders by kept messages:".to_owned()];
    lines.extend(senders.iter().map(line));
    lines
}
