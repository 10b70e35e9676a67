//! What can be done about an error, in types: how settings are spelled is for those who show it.

use std::fmt;

/// A setting that an error's reader may want to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Which chats are kept.
    ChatTypes,
    /// The longest gap between two messages of a block.
    ConvoBlockThresholdSecs,
    /// Which chats are left out.
    ExcludeChats,
    /// For which words messages are left out.
    ExcludeWords,
    /// The fewest usable messages of a chat.
    MinChatMessages,
    /// The date before which messages are dropped.
    DateLimit,
    /// The most tokens of a block.
    MaxTokensPerBlock,
    /// The fewest tokens of a block.
    MinTokensPerBlock,
    /// Whom the blocks are for.
    Consumer,
    /// In which order the roles of a block come.
    RoleOrder,
    /// Whether what is complete of an export that ends early is used.
    Salvage,
    /// How the system prompt is written.
    SystemAs,
    /// What is said to the model at the beginning of every block.
    SystemPrompt,
    /// Whose style is learned.
    TargetName,
    /// How many of the blocks are for validation.
    ValidationFraction,
}

impl Setting {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::ChatTypes,
        Self::Consumer,
        Self::ConvoBlockThresholdSecs,
        Self::DateLimit,
        Self::ExcludeChats,
        Self::ExcludeWords,
        Self::MinChatMessages,
        Self::MaxTokensPerBlock,
        Self::MinTokensPerBlock,
        Self::RoleOrder,
        Self::Salvage,
        Self::SystemAs,
        Self::SystemPrompt,
        Self::TargetName,
        Self::ValidationFraction,
    ];

    /// Its key in the configuration.
    pub fn key(self) -> &'static str {
        match self {
            Self::ChatTypes => "chat_types",
            Self::Consumer => "consumer",
            Self::ConvoBlockThresholdSecs => "convo_block_threshold_secs",
            Self::DateLimit => "date_limit",
            Self::ExcludeChats => "exclude_chats",
            Self::ExcludeWords => "exclude_words",
            Self::MinChatMessages => "min_chat_messages",
            Self::MaxTokensPerBlock => "max_tokens_per_block",
            Self::MinTokensPerBlock => "min_tokens_per_block",
            Self::RoleOrder => "role_order",
            Self::Salvage => "salvage",
            Self::SystemAs => "system_as",
            Self::SystemPrompt => "system_prompt",
            Self::TargetName => "target_name",
            Self::ValidationFraction => "validation_fraction",
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// What the reader of an error could do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Export once more, or use what is complete.
    ExportAgainOrSalvage,
    /// Compress once more.
    CompressAgain,
    /// Make the archive once more.
    PackAgain,
    /// Make the archive once more, or use what is complete.
    PackAgainOrSalvage,
    /// Make the archive without sparse files.
    PackWithoutSparseFiles,
    /// Put exports into the archive.
    PackExports,
    /// Choose one of the senders that the error lists.
    ChooseSender,
    /// Name the target as the messages do.
    NameTargetAsWritten,
    /// Select the types that were passed over.
    SelectOtherChatTypes,
    /// Select types in which people answer each other.
    SelectOtherThanSavedMessages,
    /// Keep older messages.
    SetEarlierDateLimit,
    /// Leave fewer chats out.
    KeepSmallChats,
    /// Leave fewer chats out.
    ExcludeFewerChats,
    /// Keep smaller blocks, or make larger ones.
    KeepShorterBlocks,
    /// Make larger blocks.
    AllowLongerBlocks,
    /// Keep blocks without an exchange, or make larger ones.
    KeepOtherRoleOrders,
    /// Make larger blocks of what longer pauses divide.
    JoinConversations,
    /// Export in a way that names senders.
    ExportWithSenders,
    /// Write blocks that the chat template takes.
    SuitTheTemplate,
    /// Write blocks that the consumer takes.
    SuitTheConsumer,
}

impl Advice {
    /// The advice as the second half of a sentence, with settings as `spell` spells them.
    ///
    /// ```
    /// use resonare_pipeline::{Advice, Setting};
    ///
    /// let words = Advice::AllowLongerBlocks.words(|setting: Setting| setting.key().to_owned());
    /// assert_eq!(words, "raise max_tokens_per_block");
    /// ```
    pub fn words(self, spell: impl Fn(Setting) -> String) -> String {
        let threshold = || spell(Setting::ConvoBlockThresholdSecs);
        match self {
            Self::ExportAgainOrSalvage => format!(
                "export again, or use what is complete with {}",
                spell(Setting::Salvage)
            ),
            Self::CompressAgain => "compress the export again, and send it whole".to_owned(),
            Self::PackAgain => "make the archive again, and send it whole".to_owned(),
            Self::PackAgainOrSalvage => format!(
                "make the archive again and send it whole, or use what is complete with {}",
                spell(Setting::Salvage)
            ),
            Self::PackWithoutSparseFiles => "make the archive without `-S`".to_owned(),
            Self::PackExports => "pack the result.json of each export".to_owned(),
            Self::ChooseSender => {
                format!(
                    "choose one of the senders with {}",
                    spell(Setting::TargetName)
                )
            }
            Self::NameTargetAsWritten => format!(
                "{} must be a sender's full name, as in the messages' `from`, or an id such as \
                 user123456789",
                spell(Setting::TargetName)
            ),
            Self::SelectOtherChatTypes => {
                format!("select other types with {}", spell(Setting::ChatTypes))
            }
            Self::SelectOtherThanSavedMessages => format!(
                "saved_messages can't be used, since Telegram exports them without a name and nobody answers \
                 there; select other types with {}",
                spell(Setting::ChatTypes)
            ),
            Self::SetEarlierDateLimit => format!("set an earlier {}", spell(Setting::DateLimit)),
            Self::KeepSmallChats => format!("lower {}", spell(Setting::MinChatMessages)),
            Self::ExcludeFewerChats => {
                format!(
                    "leave out fewer chats with {}",
                    spell(Setting::ExcludeChats)
                )
            }
            Self::KeepShorterBlocks => {
                let min = spell(Setting::MinTokensPerBlock);
                format!("lower {min} or raise {}", threshold())
            }
            Self::AllowLongerBlocks => format!("raise {}", spell(Setting::MaxTokensPerBlock)),
            Self::KeepOtherRoleOrders => {
                let order = spell(Setting::RoleOrder);
                format!("set {order} to as_is or raise {}", threshold())
            }
            Self::JoinConversations => format!("raise {}", threshold()),
            Self::ExportWithSenders => {
                "export with Telegram Desktop, or with another tool in a way that keeps \
                 senders (`from`)"
                    .to_owned()
            }
            Self::SuitTheTemplate => {
                let (order, system) = (spell(Setting::RoleOrder), spell(Setting::SystemAs));
                format!(
                    "stats.json has its words under `refusals`; {order} user_first and {system} first_user suit most \
                     templates"
                )
            }
            Self::SuitTheConsumer => {
                format!(
                    "stats.json names the rules under `refusals`; change what breaks them, or choose another {}",
                    spell(Setting::Consumer)
                )
            }
        }
    }
}
