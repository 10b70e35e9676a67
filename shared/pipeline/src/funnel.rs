//! Where every chat and every message of the input went.

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::json::mend::Mends;

/// Makes an enum of reasons with the names that `stats.json` gives them.
macro_rules! reasons {
    ($(#[$meta:meta])* $type:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $type { $($(#[$doc])* $variant,)* }

        impl $type {
            /// All reasons, in the order of the statistics.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The reason's name in `stats.json`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

reasons! {
    /// Why a chat is not in the output.
    ChatDrop {
        /// It is in `left_chats`, which holds only the export owner's messages.
        LeftChat = "left_chat",
        /// The element of the list is not an object.
        NotAnObject = "not_an_object",
        /// The object lacks `name` or `messages`.
        MissingNameOrMessages = "missing_name_or_messages",
        /// `messages` is not a list.
        MessagesNotAList = "messages_not_a_list",
        /// `name` is null, empty or not a string: a deleted account, for example.
        WithoutName = "without_name",
        /// Its `type` is not among `chat_types`.
        ChatType = "chat_type",
        /// `exclude_chats` names it.
        ExcludedChat = "excluded_chat",
        /// It has fewer usable messages than `min_chat_messages`.
        SmallChat = "small_chat",
        /// An earlier input had it: what is new in it counts there.
        RepeatedChat = "repeated_chat",
        /// The run failed because no target was found.
        NoTarget = "no_target",
        /// Not one of its blocks was kept.
        NoBlocks = "no_blocks",
        /// It had blocks, and the run failed later.
        RunFailed = "run_failed",
    }
}

reasons! {
    /// Why a message is not in a block of the output.
    MessageDrop {
        /// `type: "service"`: a call, a new group photo.
        Service = "service",
        /// `type: "unsupported"`: the exporter did not know it.
        Unsupported = "unsupported",
        /// It is not an object, or a field that is needed has a wrong type.
        Malformed = "malformed",
        /// It takes more than 16 MiB.
        TooLarge = "too_large",
        /// `from` is absent, null or empty.
        NoSender = "no_sender",
        /// Nothing but white space.
        NoText = "no_text",
        /// Its date is absent or can't be read.
        UnreadableDate = "unreadable_date",
        /// It is older than `date_limit`.
        BeforeDateLimit = "before_date_limit",
        /// Its chat has no `name` key.
        MissingNameOrMessages = "missing_name_or_messages",
        /// Its chat's name is null, empty or not a string.
        WithoutName = "without_name",
        /// Its chat's type is not among `chat_types`.
        ChatType = "chat_type",
        /// `exclude_chats` names its chat.
        ExcludedChat = "excluded_chat",
        /// It has one of the `exclude_words`.
        ExcludedWord = "excluded_word",
        /// It was forwarded, and `forwarded` is `drop`.
        Forwarded = "forwarded",
        /// An earlier input had it.
        RepeatedMessage = "repeated_message",
        /// Its chat has fewer usable messages than `min_chat_messages`.
        SmallChat = "small_chat",
        /// The run failed because no target was found.
        NoTarget = "no_target",
        /// Its block has fewer tokens than `min_tokens_per_block`.
        BlockTooShort = "block_too_short",
        /// It alone has more tokens than `max_tokens_per_block`.
        MessageTooLong = "message_too_long",
        /// `role_order: user_first` cut it from an end of its block.
        RoleOrder = "role_order",
        /// `role_order: user_first` left nothing of its block.
        NoExchange = "no_exchange",
        /// The model's chat template refuses its block.
        TemplateRefused = "template_refused",
        /// Its block breaks a rule of the consumer.
        RefusedByConsumer = "refused_by_consumer",
        /// Its block has the contents of an earlier one.
        DuplicateBlock = "duplicate_block",
        /// Its block has nearly the words of an earlier one.
        NearDuplicateBlock = "near_duplicate_block",
        /// A block of its conversation resembles one in the other split.
        SplitLeak = "split_leak",
        /// It was in a block, and the run failed later.
        RunFailed = "run_failed",
    }
}

impl ChatDrop {
    /// The reason under which the messages of such a chat are counted.
    pub(crate) fn of_messages(self) -> Option<MessageDrop> {
        match self {
            Self::MissingNameOrMessages => Some(MessageDrop::MissingNameOrMessages),
            Self::WithoutName => Some(MessageDrop::WithoutName),
            Self::ChatType => Some(MessageDrop::ChatType),
            Self::ExcludedChat => Some(MessageDrop::ExcludedChat),
            // They have no messages that were read, or each has its own reason.
            Self::LeftChat
            | Self::NotAnObject
            | Self::MessagesNotAList
            | Self::SmallChat
            | Self::RepeatedChat
            | Self::NoTarget
            | Self::NoBlocks
            | Self::RunFailed => None,
        }
    }
}

/// Counts by reason; only what occurred is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DropCounts<const N: usize>([u64; N]);

impl<const N: usize> Default for DropCounts<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> DropCounts<N> {
    pub(crate) fn sum(&self) -> u64 {
        self.0.iter().sum()
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
    }
}

/// Chats by the reason they were dropped for.
pub type DroppedChats = DropCounts<{ ChatDrop::ALL.len() }>;
/// Messages by the reason they were dropped for.
pub type DroppedMessages = DropCounts<{ MessageDrop::ALL.len() }>;

macro_rules! counted_by {
    ($counts:ty, $reason:ty) => {
        impl $counts {
            /// How many were dropped for that reason.
            pub fn get(&self, reason: $reason) -> u64 {
                self.0[reason as usize]
            }

            pub(crate) fn add(&mut self, reason: $reason, count: u64) {
                self.0[reason as usize] += count;
            }
        }

        impl Serialize for $counts {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(None)?;
                for &reason in <$reason>::ALL {
                    if self.get(reason) > 0 {
                        map.serialize_entry(reason.name(), &self.get(reason))?;
                    }
                }
                map.end()
            }
        }
    };
}

counted_by!(DroppedChats, ChatDrop);
counted_by!(DroppedMessages, MessageDrop);

/// The funnel's chats: `read = kept + the sum of dropped`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ChatFunnel {
    /// Chats in the input.
    pub read: u64,
    /// Chats in the output.
    pub kept: u64,
    /// The others, by reason.
    pub dropped: DroppedChats,
}

/// The funnel's messages: `read = in_blocks + the sum of dropped`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MessageFunnel {
    /// Messages of the chats in the list, service messages included.
    pub read: u64,
    /// Messages whose text is in the output.
    pub in_blocks: u64,
    /// The others, by reason.
    pub dropped: DroppedMessages,
}

/// The path of all chats and messages through the pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Funnel {
    /// Chats read, kept and dropped.
    pub chats: ChatFunnel,
    /// Messages read, in blocks and dropped.
    pub messages: MessageFunnel,
    /// Defects of the export that were read as meant.
    pub mended: Mends,
}

impl DroppedMessages {
    /// One that was counted under one reason belongs under another.
    pub(crate) fn recount(&mut self, from: MessageDrop, to: MessageDrop) {
        self.0[from as usize] -= 1;
        self.add(to, 1);
    }
}

impl Funnel {
    /// Whether every chat and message is accounted for.
    pub fn balances(&self) -> bool {
        self.chats.read == self.chats.kept + self.chats.dropped.sum()
            && self.messages.read == self.messages.in_blocks + self.messages.dropped.sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_funnel_balances_if_each_chat_and_each_message_is_accounted_for() {
        let mut funnel = Funnel::default();
        assert!(funnel.balances());
        (funnel.chats.read, funnel.chats.kept) = (3, 1);
        funnel.chats.dropped.add(ChatDrop::ChatType, 2);
        (funnel.messages.read, funnel.messages.in_blocks) = (9, 4);
        funnel.messages.dropped.add(MessageDrop::NoText, 3);
        funnel.messages.dropped.add(MessageDrop::Service, 2);
        assert!(funnel.balances());
        let mut lost_chat = funnel.clone();
        lost_chat.chats.kept = 0;
        assert!(!lost_chat.balances());
        let mut lost_message = funnel;
        lost_message.messages.read = 10;
        assert!(!lost_message.balances());
    }

    #[test]
    fn counts_are_merged_reason_by_reason_and_written_where_there_are_any() {
        let (mut one, mut other) = (DroppedMessages::default(), DroppedMessages::default());
        one.add(MessageDrop::NoText, 1);
        other.add(MessageDrop::NoText, 2);
        other.add(MessageDrop::Service, 4);
        one.merge(&other);
        assert_eq!(one.sum(), 7);
        assert_eq!(
            serde_json::to_string(&one).unwrap(),
            r#"{"service":4,"no_text":3}"#
        );
    }
}
