//! Why a run fails, said so that the owner of the export knows what to do.

use std::io;

use crate::advice::{Advice, Setting};
use crate::explain::{EarlyEnd, NoBlockKept, NothingUsable, TargetProblem, UnexpectedContent};
use crate::position::Position;
use crate::senders::SenderCount;
use crate::source_problem::SourceProblem;
use crate::words::grouped;

/// Why a run fails.
///
/// The texts name no chat and no person, which [`PipelineError::private_details`] does, and no
/// setting, which [`PipelineError::explained`] does.
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
    /// The input's bytes are not what they are said to be.
    #[error("{source_name}: {problem}")]
    UnusableSource {
        /// The input.
        source_name: String,
        /// What is wrong with them.
        problem: SourceProblem,
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
    #[error("{source_name} {end}")]
    EndsEarly {
        /// The input.
        source_name: String,
        /// Where, and what was complete until there.
        end: EarlyEnd,
    },
    /// The input is not an export.
    #[error(
        "{source_name} {found}; expected a full export (an object with `chats.list`), a list of \
         chats, or one chat (an object with `messages`)"
    )]
    Structure {
        /// The input.
        source_name: String,
        /// What it is.
        found: UnexpectedContent,
    },
    /// A list of chats or messages occurs twice in one object.
    #[error("{source_name} has a second `{key}` in one object, at {position}")]
    SecondList {
        /// The input.
        source_name: String,
        /// The key.
        key: &'static str,
        /// Where the second begins.
        position: Position,
    },
    /// A chat's `name` or `type` occurs twice, and its messages were passed over because of the
    /// first.
    #[error(
        "{source_name} has a chat whose `name` or `type` changes after its messages, before \
         {position}"
    )]
    LateChange {
        /// The input.
        source_name: String,
        /// Where.
        position: Position,
    },
    /// Not one message of any chat is kept.
    #[error("{0}")]
    NoUsableChat(Box<NothingUsable>),
    /// No target is configured, and none can be inferred.
    #[error("cannot tell whose style to learn: {why}")]
    UnknownTarget {
        /// Why.
        why: TargetProblem,
        /// The most frequent senders.
        senders: Vec<SenderCount>,
    },
    /// Not one kept message is the target's.
    #[error("{}", not_from_the_target(*kept))]
    NoTargetMessages {
        /// Kept messages.
        kept: u64,
        /// The target.
        target: String,
        /// The contact of a chat that is called what the target was said to be, as a target.
        namesake: Option<String>,
        /// The most frequent senders.
        senders: Vec<SenderCount>,
    },
    /// Not one block is kept.
    #[error("{0}")]
    NoBlocks(NoBlockKept),
    /// The tokenizer could not count a message.
    #[error("the tokenizer cannot encode one of the messages: {0}")]
    Tokenizer(String),
    /// The model's chat template was given up over a block: what it would have said is not known.
    #[error("the model's chat template took too long to render a block")]
    TemplateTimedOut,
    /// Temporary storage failed.
    #[error("failed to use temporary storage")]
    Scratch(#[source] io::Error),
}

impl PipelineError {
    /// An error of reading an input: a fault of its own, or of where it is.
    pub(crate) fn reading(source_name: &str, cause: io::Error) -> Self {
        let source_name = source_name.to_owned();
        let inner = cause.get_ref();
        match inner.and_then(|inner| inner.downcast_ref::<SourceProblem>()) {
            Some(&problem) => Self::UnusableSource {
                source_name,
                problem,
            },
            None => Self::Read { source_name, cause },
        }
    }

    /// Whether trying again, with the same input and settings, may succeed.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Read { .. }
            | Self::Write { .. }
            | Self::Cancelled
            | Self::TemplateTimedOut
            | Self::Scratch(_) => true,
            Self::UnusableSource { .. }
            | Self::NotJson { .. }
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

    /// What its reader could do about it.
    pub fn advice(&self) -> Option<Advice> {
        match self {
            Self::EndsEarly { .. } => Some(Advice::ExportAgainOrSalvage),
            Self::UnusableSource { problem, .. } => Some(match problem {
                SourceProblem::Gzip => Advice::CompressAgain,
                SourceProblem::DamagedArchive { .. } => Advice::PackAgain,
                SourceProblem::ArchiveCutOff { .. } => Advice::PackAgainOrSalvage,
                SourceProblem::SparseFile => Advice::PackWithoutSparseFiles,
                SourceProblem::NoJsonFile | SourceProblem::NoExport { .. } => Advice::PackExports,
            }),
            Self::NoUsableChat(nothing) => nothing.advice(),
            Self::UnknownTarget { .. } => Some(Advice::ChooseSender),
            Self::NoTargetMessages { .. } => Some(Advice::NameTargetAsWritten),
            Self::NoBlocks(none) => Some(none.advice()),
            Self::Read { .. }
            | Self::Write { .. }
            | Self::Cancelled
            | Self::NotJson { .. }
            | Self::TooLarge { .. }
            | Self::Structure { .. }
            | Self::SecondList { .. }
            | Self::LateChange { .. }
            | Self::Tokenizer(_)
            | Self::TemplateTimedOut
            | Self::Scratch(_) => None,
        }
    }

    /// The error's own text, without its causes, and the advice, with settings as `spell` spells
    /// them.
    pub fn explained(&self, spell: impl Fn(Setting) -> String) -> String {
        match self.advice() {
            Some(advice) => format!("{self}; {}", advice.words(spell)),
            None => self.to_string(),
        }
    }

    /// Whether the whole input had been read, so that the statistics explain the error.
    pub fn is_about_the_whole(&self) -> bool {
        matches!(
            self,
            Self::NoUsableChat(_)
                | Self::UnknownTarget { .. }
                | Self::NoTargetMessages { .. }
                | Self::NoBlocks(_)
        )
    }

    /// The senders among whom a target can be chosen, the most frequent first.
    pub fn senders(&self) -> &[SenderCount] {
        match self {
            Self::UnknownTarget { senders, .. } | Self::NoTargetMessages { senders, .. } => senders,
            _ => &[],
        }
    }

    /// What only the owner of the export may see in addition to the text: names of people and keys, one
    /// per line.
    pub fn private_details(&self) -> Vec<String> {
        match self {
            Self::Structure {
                found: UnexpectedContent::OtherObject { keys },
                ..
            } if !keys.is_empty() => {
                vec![format!("keys found: {}", keys.join(", "))]
            }
            Self::UnknownTarget { senders, .. } => sender_lines(senders),
            Self::NoTargetMessages {
                target,
                namesake,
                senders,
                ..
            } => {
                let mut lines = vec![format!("target: {target}")];
                lines.extend(namesake.as_ref().map(|contact| {
                    format!(
                        "that is the name of a chat; the messages of its contact have: {contact}"
                    )
                }));
                lines.extend(sender_lines(senders));
                lines
            }
            _ => Vec::new(),
        }
    }
}

fn not_from_the_target(kept: u64) -> String {
    match kept {
        1 => "the only kept message is not from the target".to_owned(),
        kept => format!(
            "none of the {} kept messages is from the target",
            grouped(kept)
        ),
    }
}

fn sender_lines(senders: &[SenderCount]) -> Vec<String> {
    let line = |sender: &SenderCount| {
        let noun = if sender.messages == 1 {
            "message"
        } else {
            "messages"
        };
        format!("{:>9} {noun:<8}  {}", sender.messages, sender.sender)
    };
    let mut lines = vec!["senders by kept messages:".to_owned()];
    lines.extend(senders.iter().map(line));
    lines
}
