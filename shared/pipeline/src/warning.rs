//! What to think about before blocks are trained on.
//!
//! A warning has a name that stays, its numbers, and words for people. The words name no person and no
//! chat, and settings as those who show them spell them.

use resonare_consumers::{Consumer, Rule};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::advice::{Advice, Setting};
use crate::words::{counted, grouped};

/// Something that spoils a set of blocks, or may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The consumer doesn't take so few rows.
    TooFewRows {
        /// The consumer.
        consumer: Consumer,
        /// The rows that there are.
        rows: u64,
        /// The fewest that it takes.
        least: u64,
        /// What brings more.
        advice: Option<Advice>,
    },
    /// The rows are few to learn from.
    FewRows {
        /// The consumer that recommends more, if there is one.
        consumer: Option<Consumer>,
        /// The rows that there are.
        rows: u64,
        /// As many as there should be.
        recommended: u64,
        /// What brings more.
        advice: Option<Advice>,
    },
    /// The consumer doesn't take so many rows.
    TooManyRows {
        /// The consumer.
        consumer: Consumer,
        /// The rows that there are.
        rows: u64,
        /// The most that it takes.
        most: u64,
    },
    /// The consumer doesn't take so many rows for validation.
    TooManyValidationRows {
        /// The consumer.
        consumer: Consumer,
        /// The rows that there are.
        rows: u64,
        /// The most that it takes.
        most: u64,
    },
    /// A part of the blocks was to be for validation, and nothing is.
    NoValidation {
        /// Blocks that were dropped, since they or others of their conversations resemble some of the other side.
        leaking_blocks: u64,
    },
    /// The consumer doesn't take so large a file.
    FileTooLarge {
        /// The consumer.
        consumer: Consumer,
        /// The size of the file.
        bytes: u64,
        /// The largest that it takes.
        most_bytes: u64,
    },
    /// The consumer doesn't take so long a row.
    RowOverLimit {
        /// The consumer.
        consumer: Consumer,
        /// The tokens of the longest row, about.
        tokens: u64,
        /// The most that it takes.
        most: u64,
    },
    /// There is a system prompt, and it is not written.
    PromptNotWritten,
    /// Entries of the chats to leave out name none.
    UnmatchedExclusions {
        /// How many.
        entries: u64,
    },
    /// No message has one of the words for which messages are to be left out.
    NoExcludedWords,
    /// The system prompt, which is left as it is, has a name that is replaced everywhere else.
    NameInSystemPrompt,
    /// The consumer learns the other side's turns as well, since nothing at hand marks the target's.
    LearnsEverything {
        /// The consumer.
        consumer: Consumer,
    },
    /// Chats whose messages nearly all carry one moment.
    OneMoment {
        /// The chats.
        chats: u64,
        /// Their messages of that moment.
        messages: u64,
    },
    /// Most messages name no sender.
    NoSenders {
        /// The messages without one.
        messages: u64,
        /// All that were read, but for service messages.
        read: u64,
    },
    /// One chat has more than half of the blocks.
    OneChatOutweighs {
        /// Its blocks.
        blocks: u64,
        /// All blocks.
        all: u64,
    },
    /// The target says little of what is in the blocks.
    TargetHardlySpeaks {
        /// The tokens of what the target says.
        tokens: u64,
        /// The tokens of what everybody says.
        all: u64,
    },
    /// Saved messages were asked for, and can't be used.
    SavedMessages,
    /// The target doesn't speak in some of the blocks.
    BlocksWithoutTarget {
        /// These blocks.
        blocks: u64,
        /// All blocks.
        all: u64,
    },
}

impl Warning {
    /// Its name, which stays.
    pub fn name(&self) -> &'static str {
        match self {
            Self::TooFewRows { .. } => "too_few_rows",
            Self::FewRows { .. } => "few_rows",
            Self::TooManyRows { .. } => "too_many_rows",
            Self::TooManyValidationRows { .. } => "too_many_validation_rows",
            Self::NoValidation { .. } => "no_validation",
            Self::FileTooLarge { .. } => "file_too_large",
            Self::RowOverLimit { .. } => "row_over_limit",
            Self::PromptNotWritten => "prompt_not_written",
            Self::UnmatchedExclusions { .. } => "unmatched_exclusions",
            Self::NoExcludedWords => "no_excluded_words",
            Self::NameInSystemPrompt => "name_in_system_prompt",
            Self::LearnsEverything { .. } => "learns_everything",
            Self::OneMoment { .. } => "one_moment",
            Self::NoSenders { .. } => "no_senders",
            Self::OneChatOutweighs { .. } => "one_chat_outweighs",
            Self::TargetHardlySpeaks { .. } => "target_hardly_speaks",
            Self::SavedMessages => "saved_messages",
            Self::BlocksWithoutTarget { .. } => "blocks_without_target",
        }
    }

    /// Its numbers, each with a name.
    pub fn numbers(&self) -> Vec<(&'static str, u64)> {
        match *self {
            Self::TooFewRows { rows, least, .. } => vec![("rows", rows), ("least", least)],
            Self::FewRows {
                rows, recommended, ..
            } => vec![("rows", rows), ("recommended", recommended)],
            Self::TooManyRows { rows, most, .. }
            | Self::TooManyValidationRows { rows, most, .. } => {
                vec![("rows", rows), ("most", most)]
            }
            Self::NoValidation { leaking_blocks } => vec![("leaking_blocks", leaking_blocks)],
            Self::FileTooLarge {
                bytes, most_bytes, ..
            } => vec![("bytes", bytes), ("most_bytes", most_bytes)],
            Self::RowOverLimit { tokens, most, .. } => vec![("tokens", tokens), ("most", most)],
            Self::UnmatchedExclusions { entries } => vec![("entries", entries)],
            Self::PromptNotWritten
            | Self::NoExcludedWords
            | Self::NameInSystemPrompt
            | Self::SavedMessages
            | Self::LearnsEverything { .. } => Vec::new(),
            Self::OneMoment { chats, messages } => vec![("chats", chats), ("messages", messages)],
            Self::NoSenders { messages, read } => vec![("messages", messages), ("read", read)],
            Self::OneChatOutweighs { blocks, all } | Self::BlocksWithoutTarget { blocks, all } => {
                vec![("blocks", blocks), ("all", all)]
            }
            Self::TargetHardlySpeaks { tokens, all } => vec![("tokens", tokens), ("all", all)],
        }
    }

    fn consumer(&self) -> Option<Consumer> {
        match *self {
            Self::TooFewRows { consumer, .. }
            | Self::TooManyRows { consumer, .. }
            | Self::TooManyValidationRows { consumer, .. }
            | Self::FileTooLarge { consumer, .. }
            | Self::RowOverLimit { consumer, .. }
            | Self::LearnsEverything { consumer } => Some(consumer),
            Self::FewRows { consumer, .. } => consumer,
            Self::NoValidation { .. }
            | Self::PromptNotWritten
            | Self::UnmatchedExclusions { .. }
            | Self::NoExcludedWords
            | Self::NameInSystemPrompt
            | Self::OneMoment { .. }
            | Self::NoSenders { .. }
            | Self::OneChatOutweighs { .. }
            | Self::TargetHardlySpeaks { .. }
            | Self::SavedMessages
            | Self::BlocksWithoutTarget { .. } => None,
        }
    }

    /// The rule by which the consumer refuses the file that the warning is about, and what to do about it, with settings
    /// as `spell` spells them; `None` where the file is taken in spite of the warning, as far as is known.
    pub fn refusal(&self, spell: impl Fn(Setting) -> String) -> Option<(Rule, String)> {
        match *self {
            Self::TooFewRows { advice, .. } => Some((Rule::TooFewRows, more(advice, spell))),
            Self::TooManyRows { .. } => Some((
                Rule::TooManyRows,
                format!(
                    "raise {}, or set a later {}",
                    spell(Setting::MaxTokensPerBlock),
                    spell(Setting::DateLimit)
                ),
            )),
            Self::TooManyValidationRows { .. } => Some((
                Rule::TooManyRows,
                format!("lower {}", spell(Setting::ValidationFraction)),
            )),
            Self::FileTooLarge { .. } => Some((
                Rule::FileTooLarge,
                format!("set a later {}", spell(Setting::DateLimit)),
            )),
            Self::FewRows { .. }
            | Self::NoValidation { .. }
            // Its tokens are estimated.
            | Self::RowOverLimit { .. }
            | Self::PromptNotWritten
            | Self::UnmatchedExclusions { .. }
            | Self::NoExcludedWords
            | Self::NameInSystemPrompt
            | Self::LearnsEverything { .. }
            | Self::OneMoment { .. }
            | Self::NoSenders { .. }
            | Self::OneChatOutweighs { .. }
            | Self::TargetHardlySpeaks { .. }
            | Self::SavedMessages
            | Self::BlocksWithoutTarget { .. } => None,
        }
    }

    /// What comes before anything else that is done with the files, where the consumer refuses one; with settings
    /// as `spell` spells them.
    pub fn first_step(&self, spell: impl Fn(Setting) -> String) -> Option<String> {
        let (rule, remedy) = self.refusal(spell)?;
        let title = self.consumer().map_or("", Consumer::title);
        let rule = rule.name();
        Some(format!(
            "{title} refuses the files as they are ({rule}): {remedy}, and prepare them again"
        ))
    }

    /// What is wrong and what to do about it, with settings as `spell` spells them.
    #[expect(clippy::too_many_lines, reason = "one sentence for each warning")]
    pub fn words(&self, spell: impl Fn(Setting) -> String) -> String {
        let title = self.consumer().map_or("", Consumer::title);
        let (rule, remedy) = self
            .refusal(&spell)
            .map_or(("", String::new()), |(rule, remedy)| (rule.name(), remedy));
        match *self {
            Self::TooFewRows { rows, least, .. } => format!(
                "{title} takes no fewer than {} ({rule}), and {}; {remedy}",
                counted(least, "block", "blocks"),
                there_are(rows),
            ),
            Self::FewRows {
                consumer: Some(_),
                rows,
                recommended,
                advice,
            } => format!(
                "{title} recommends at least {} ({}), and {}; {}",
                counted(recommended, "block", "blocks"),
                Rule::FewRows.name(),
                there_are(rows),
                more(advice, &spell)
            ),
            Self::FewRows {
                consumer: None,
                rows,
                recommended,
                advice,
            } => format!(
                "there is little to learn from {} (at least {recommended} are a good start); {}",
                counted(rows, "block", "blocks"),
                more(advice, &spell)
            ),
            Self::TooManyRows { rows, most, .. } => format!(
                "{title} takes no more than {} ({rule}), and {}; {remedy}",
                counted(most, "block", "blocks"),
                there_are(rows),
            ),
            Self::TooManyValidationRows { rows, most, .. } => format!(
                "{title} takes no more than {} for validation ({rule}), and {}; {remedy}",
                counted(most, "block", "blocks"),
                there_are(rows),
            ),
            Self::NoValidation { .. } => format!(
                "no block is for validation: the newest conversations have more blocks than {} allows, or \
                 resemble what is learned; raise it, or export more chats",
                spell(Setting::ValidationFraction)
            ),
            Self::FileTooLarge {
                bytes, most_bytes, ..
            } => format!(
                "{title} takes no file of more than {} bytes ({rule}), and there are {}; {remedy}",
                grouped(most_bytes),
                grouped(bytes),
            ),
            Self::RowOverLimit { tokens, most, .. } => format!(
                "{title} takes no more than {} tokens a block, and the longest may have {}; lower {}",
                grouped(most),
                grouped(tokens),
                spell(Setting::MaxTokensPerBlock)
            ),
            Self::PromptNotWritten => format!(
                "the system prompt is not written, since {} is none",
                spell(Setting::SystemAs)
            ),
            Self::UnmatchedExclusions { entries } => format!(
                "{entries} of what {} names {} no chat's name or id; inspect shows both",
                spell(Setting::ExcludeChats),
                if entries == 1 { "is" } else { "are" }
            ),
            Self::NoExcludedWords => format!(
                "no message has one of the words of {}; whole words are compared",
                spell(Setting::ExcludeWords)
            ),
            Self::NameInSystemPrompt => format!(
                "the system prompt has a name that is replaced everywhere else; change {}",
                spell(Setting::SystemPrompt)
            ),
            Self::LearnsEverything { .. } => format!(
                "{title} will learn the other side's turns too: no chat template at hand marks the \
                 target's; one beside the model's tokenizer would"
            ),
            Self::OneMoment { chats, messages } => format!(
                "nearly all messages in {} ({}) share one timestamp a chat, as after an import from another service; \
                 where conversations end can't be told there, so leave such chats out of the export",
                counted(chats, "chat", "chats"),
                counted(messages, "message", "messages")
            ),
            Self::NoSenders { messages, read } => format!(
                "{} of {} {} no sender, and can't be used; {}",
                grouped(messages),
                counted(read, "message", "messages"),
                if messages == 1 { "names" } else { "name" },
                Advice::ExportWithSenders.words(&spell)
            ),
            Self::OneChatOutweighs { blocks, all } => format!(
                "one chat has {} of {}, so that the model will mostly learn how the target speaks there; add other \
                 chats",
                grouped(blocks),
                counted(all, "block", "blocks")
            ),
            Self::TargetHardlySpeaks { tokens, all } => format!(
                "the target says {} of {} in the blocks, and only those are to be learned; check {}",
                grouped(tokens),
                counted(all, "token", "tokens"),
                spell(Setting::TargetName)
            ),
            Self::SavedMessages => Advice::SelectOtherThanSavedMessages.words(&spell),
            Self::BlocksWithoutTarget { blocks, all } => format!(
                "the target says nothing in {} of {}, and there is nothing to learn from them; {} user_first \
                 drops them",
                grouped(blocks),
                counted(all, "block", "blocks"),
                spell(Setting::RoleOrder)
            ),
        }
    }
}

/// What brings more rows.
fn more(advice: Option<Advice>, spell: impl Fn(Setting) -> String) -> String {
    match advice {
        Some(advice) => format!("{}, or export more chats", advice.words(spell)),
        None => "export more chats".to_owned(),
    }
}

fn there_are(rows: u64) -> String {
    let verb = if rows == 1 { "is" } else { "are" };
    format!("there {verb} {}", grouped(rows))
}

impl Serialize for Warning {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", self.name())?;
        map.serialize_entry("message", &self.words(|setting| setting.key().to_owned()))?;
        if let Some(consumer) = self.consumer() {
            map.serialize_entry("consumer", &consumer)?;
        }
        for (name, number) in self.numbers() {
            map.serialize_entry(name, &number)?;
        }
        map.end()
    }
}
