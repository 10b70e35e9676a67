//! What became of the messages that are in no block, in words.

use resonare_pipeline::{Funnel, MessageDrop, Profile};

use crate::amounts::number;

/// Messages that went in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    /// The reason's name in the statistics.
    pub(crate) name: &'static str,
    /// What they were, after "were".
    pub(crate) words: String,
    pub(crate) messages: u64,
}

/// Where all messages went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) read: u64,
    /// What could not be used, the most first.
    pub(crate) unusable: Vec<Loss>,
    /// What could be, and is in no block.
    pub(crate) unplaced: Vec<Loss>,
    pub(crate) in_blocks: u64,
}

/// When a message is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// As it is read.
    Reading,
    /// Because of the block that it is in.
    Packing,
}

impl Path {
    pub(crate) fn of(funnel: &Funnel, profile: &Profile) -> Self {
        let losses = |stage| {
            let reasons = MessageDrop::ALL.iter().copied();
            let mut losses: Vec<_> = reasons
                .filter(|reason| stage_of(*reason) == stage)
                .map(|reason| Loss {
                    name: reason.name(),
                    words: words(reason, profile),
                    messages: funnel.messages.dropped.get(reason),
                })
                .filter(|loss| loss.messages > 0)
                .collect();
            losses.sort_by_key(|loss| std::cmp::Reverse(loss.messages));
            losses
        };
        Self {
            read: funnel.messages.read,
            unusable: losses(Stage::Reading),
            unplaced: losses(Stage::Packing),
            in_blocks: funnel.messages.in_blocks,
        }
    }

    /// The reason that took the most, and how many it and all took.
    pub(crate) fn largest_loss(&self) -> Option<(&Loss, u64)> {
        let losses = || self.unusable.iter().chain(&self.unplaced);
        let all = losses().map(|loss| loss.messages).sum();
        let largest = losses().max_by_key(|loss| loss.messages)?;
        Some((largest, all))
    }
}

fn stage_of(reason: MessageDrop) -> Stage {
    use MessageDrop as Drop;
    match reason {
        Drop::Service
        | Drop::Unsupported
        | Drop::Malformed
        | Drop::TooLarge
        | Drop::NoSender
        | Drop::NoText
        | Drop::UnreadableDate
        | Drop::BeforeDateLimit
        | Drop::MissingNameOrMessages
        | Drop::WithoutName
        | Drop::ChatType
        | Drop::ExcludedChat
        | Drop::ExcludedWord
        | Drop::Forwarded
        | Drop::RepeatedMessage
        | Drop::SmallChat
        | Drop::NoTarget => Stage::Reading,
        Drop::BlockTooShort
        | Drop::MessageTooLong
        | Drop::RoleOrder
        | Drop::NoExchange
        | Drop::TemplateRefused
        | Drop::RefusedByConsumer
        | Drop::DuplicateBlock
        | Drop::NearDuplicateBlock
        | Drop::SplitLeak
        | Drop::RunFailed => Stage::Packing,
    }
}

fn words(reason: MessageDrop, profile: &Profile) -> String {
    use MessageDrop as Drop;
    let words = match reason {
        Drop::Service => "service messages, such as calls",
        Drop::Unsupported => "of a kind that the exporter doesn't support",
        Drop::Malformed => "malformed",
        Drop::TooLarge => "larger than 16 MiB",
        Drop::NoSender => "without a sender",
        Drop::NoText => "without text",
        Drop::UnreadableDate => "without a date that can be read",
        Drop::BeforeDateLimit => "sent before the date limit",
        Drop::MissingNameOrMessages => "in chats without a name field",
        Drop::WithoutName => "in chats without a name, such as deleted accounts",
        Drop::ChatType => "in chats of types that were not asked for",
        Drop::ExcludedChat => "in chats that are excluded",
        Drop::ExcludedWord => "excluded by a word in them",
        Drop::Forwarded => "forwarded",
        Drop::RepeatedMessage => "in an earlier input as well",
        Drop::SmallChat => "in chats with too few messages",
        Drop::NoTarget => "of no use without a target",
        Drop::BlockTooShort => {
            let least = number(profile.limits.min());
            return format!("in blocks under {least} tokens");
        }
        Drop::MessageTooLong => {
            let most = number(profile.limits.max());
            return format!("longer than {most} tokens on their own");
        }
        Drop::RoleOrder => "before the first user turn or after the last assistant turn of a block",
        Drop::NoExchange => "in blocks without an exchange between the target and somebody else",
        Drop::TemplateRefused => "in blocks that the chat template refuses",
        Drop::RefusedByConsumer => "in blocks that the consumer refuses",
        Drop::DuplicateBlock => "in blocks that repeat an earlier one",
        Drop::NearDuplicateBlock => "in blocks that nearly repeat an earlier one",
        Drop::SplitLeak => "in conversations that resemble one in the other split",
        Drop::RunFailed => "in blocks that were lost when the run failed",
    };
    words.to_owned()
}
