//! Explanations for people: why an input is not an export, and why a run that read all of it has
//! nothing to show. They name no person, and settings only as [`Advice`].

use std::collections::BTreeMap;
use std::fmt;

use resonare_consumers::{Consumer, Rule};

use crate::advice::Advice;
use crate::funnel::{ChatDrop, Funnel, MessageDrop};
use crate::position::Position;
use crate::salvage::LastMessage;
use crate::settings::{SAVED_MESSAGES, TokenLimits};
use crate::short_blocks::ShortBlock;
use crate::words::{counted, grouped};

/// What an input holds instead of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnexpectedContent {
    /// Nothing but white space.
    Nothing,
    /// HTML or XML.
    Markup,
    /// A ZIP archive.
    Archive,
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

impl fmt::Display for UnexpectedContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "is empty",
            Self::Markup => {
                "is HTML, not JSON (in Telegram Desktop choose the format \"Machine-readable JSON\" \
                 when exporting)"
            }
            Self::Archive => "is a ZIP archive (unpack it, and take the result.json that is in it)",
            Self::NotText => "is not UTF-8 text (Telegram writes result.json in UTF-8)",
            Self::PlainValue => "is a single JSON value",
            Self::ChatsWithoutList => "has an object `chats` without a `list`",
            Self::OtherObject { .. } => {
                "is a JSON object without a list of chats or messages (were chats selected when it \
                 was exported?)"
            }
        })
    }
}

/// Why no target could be inferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetProblem {
    /// Several inputs name different owners.
    DifferentOwners,
    /// The export doesn't name its owner, and no sender could be it.
    OnlyContacts,
    /// The export doesn't name its owner, and several senders could be it.
    SeveralCandidates,
}

impl fmt::Display for TargetProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DifferentOwners => "the exports have different owners",
            Self::OnlyContacts => {
                "the export does not name its owner, and every sender is a contact"
            }
            Self::SeveralCandidates => {
                "the export does not name its owner, and several senders could be the owner"
            }
        })
    }
}

/// Why no message of any chat could be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NothingUsable {
    /// Where chats and messages went.
    pub funnel: Funnel,
    /// How many chats of each type were passed over because of it.
    pub passed_over_types: BTreeMap<&'static str, u64>,
    /// The types that are selected.
    pub selected_types: Vec<String>,
}

impl NothingUsable {
    /// Chats that were passed over whole.
    fn passed_over(&self) -> u64 {
        let dropped = &self.funnel.chats.dropped;
        dropped.sum() - dropped.get(ChatDrop::NoBlocks)
    }

    fn all_are_passed_over(&self) -> bool {
        self.funnel.chats.read <= self.passed_over()
    }

    pub(crate) fn advice(&self) -> Option<Advice> {
        let messages = &self.funnel.messages;
        let chats = &self.funnel.chats.dropped;
        if self.all_are_passed_over() {
            if chats.get(ChatDrop::SmallChat) > 0 {
                return Some(Advice::KeepSmallChats);
            }
            if chats.get(ChatDrop::ExcludedChat) > 0 {
                return Some(Advice::ExcludeFewerChats);
            }
            if self
                .selected_types
                .iter()
                .all(|name| name == SAVED_MESSAGES)
            {
                return Some(Advice::SelectOtherThanSavedMessages);
            }
            (!self.passed_over_types.is_empty()).then_some(Advice::SelectOtherChatTypes)
        } else {
            let without_sender = messages.dropped.get(MessageDrop::NoSender);
            if without_sender * 2 > messages.read {
                return Some(Advice::ExportWithSenders);
            }
            (messages.dropped.get(MessageDrop::BeforeDateLimit) > 0)
                .then_some(Advice::SetEarlierDateLimit)
        }
    }
}

impl fmt::Display for NothingUsable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no usable chat: ")?;
        let Funnel {
            chats, messages, ..
        } = &self.funnel;
        if chats.read == 0 {
            return f.write_str("the list of chats is empty");
        }
        if !self.all_are_passed_over() {
            if messages.read == 0 {
                return match chats.read {
                    1 => f.write_str("the only chat has no message"),
                    read => write!(f, "none of the {} chats has a message", grouped(read)),
                };
            }
            let reasons = MessageDrop::ALL
                .iter()
                .map(|&reason| (reason.name(), messages.dropped.get(reason)));
            match messages.read {
                1 => f.write_str("the only message was not kept"),
                read => write!(f, "none of the {} messages was kept", grouped(read)),
            }?;
            return write!(
                f,
                " ({}); a message is kept if it has a sender, text and a date",
                counts(reasons)
            );
        }
        let reasons = ChatDrop::ALL
            .iter()
            .map(|&reason| (reason.name(), chats.dropped.get(reason)));
        match chats.read {
            1 => f.write_str("the only chat was passed over"),
            read => write!(f, "all {} chats were passed over", grouped(read)),
        }?;
        write!(f, " ({})", counts(reasons))?;
        if self.passed_over_types.is_empty() {
            return Ok(());
        }
        let types = self.passed_over_types.iter();
        write!(
            f,
            "; types other than {}: {}",
            self.selected_types.join(", "),
            counts(types.map(|(name, count)| (*name, *count)))
        )
    }
}

/// Lists those that occurred, with their number.
fn counts(named: impl Iterator<Item = (&'static str, u64)>) -> String {
    let occurred: Vec<String> = named
        .filter(|&(_, count)| count > 0)
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    occurred.join(", ")
}

/// What became of the blocks of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockTally {
    /// Blocks with fewer tokens than the minimum.
    pub too_short: u64,
    /// Blocks with more tokens than the maximum: a single message each.
    pub too_long: u64,
    /// Blocks of which no exchange was left.
    pub no_exchange: u64,
    /// Blocks that the model's chat template refused.
    pub template_refused: u64,
    /// Blocks that the consumer would refuse.
    pub refused_by_consumer: u64,
    /// The tokens of the largest block.
    pub largest_tokens: u64,
}

/// Why a block is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BlockDrop {
    /// As it would be kept with a lower minimum, if it would.
    TooShort(Option<ShortBlock>),
    TooLong,
    NoExchange,
    /// With the template's own words.
    TemplateRefused(String),
    RefusedByConsumer(Rule),
}

impl BlockDrop {
    /// The reason under which its messages are counted.
    pub(crate) fn of_messages(&self) -> MessageDrop {
        match self {
            Self::TooShort(_) => MessageDrop::BlockTooShort,
            Self::TooLong => MessageDrop::MessageTooLong,
            Self::NoExchange => MessageDrop::NoExchange,
            Self::TemplateRefused(_) => MessageDrop::TemplateRefused,
            Self::RefusedByConsumer(_) => MessageDrop::RefusedByConsumer,
        }
    }
}

impl BlockTally {
    pub(crate) fn add(&mut self, reason: &BlockDrop) {
        *match reason {
            BlockDrop::TooShort(_) => &mut self.too_short,
            BlockDrop::TooLong => &mut self.too_long,
            BlockDrop::NoExchange => &mut self.no_exchange,
            BlockDrop::TemplateRefused(_) => &mut self.template_refused,
            BlockDrop::RefusedByConsumer(_) => &mut self.refused_by_consumer,
        } += 1;
    }

    /// What would keep more blocks: what suits the rule that took the most. `None` if no rule took any.
    pub(crate) fn advice(&self, consumer: Option<Consumer>) -> Option<Advice> {
        let needs_order = consumer.is_some_and(Consumer::demands_user_first);
        let of_order = if needs_order {
            Advice::JoinConversations
        } else {
            Advice::KeepOtherRoleOrders
        };
        let reasons = [
            (self.too_short, Advice::KeepShorterBlocks),
            (self.too_long, Advice::AllowLongerBlocks),
            (self.no_exchange, of_order),
            (self.template_refused, Advice::SuitTheTemplate),
            (self.refused_by_consumer, Advice::SuitTheConsumer),
        ];
        // Of equals, the first.
        let most = reasons.into_iter().rev().max_by_key(|(blocks, _)| *blocks);
        most.filter(|(blocks, _)| *blocks > 0)
            .map(|(_, advice)| advice)
    }
}

/// Why no block was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoBlockKept {
    /// How many blocks each rule dropped.
    pub tally: BlockTally,
    /// What a block may have.
    pub limits: TokenLimits,
    /// Whom the blocks are for.
    pub consumer: Option<Consumer>,
}

impl NoBlockKept {
    pub(crate) fn advice(&self) -> Advice {
        let advice = self.tally.advice(self.consumer);
        advice.unwrap_or(Advice::KeepShorterBlocks)
    }
}

impl fmt::Display for NoBlockKept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tally, limits, .. } = self;
        write!(
            f,
            "no block was kept: {} had fewer than {}, {} had more than {}, and {} had no exchange; ",
            grouped(tally.too_short),
            counted(limits.min(), "token", "tokens"),
            grouped(tally.too_long),
            grouped(limits.max()),
            grouped(tally.no_exchange),
        )?;
        if tally.template_refused > 0 {
            let blocks = grouped(tally.template_refused);
            write!(f, "the model's chat template refused {blocks}; ")?;
        }
        if tally.refused_by_consumer > 0 {
            let blocks = grouped(tally.refused_by_consumer);
            write!(f, "{blocks} broke a rule of the consumer; ")?;
        }
        let largest = counted(tally.largest_tokens, "token", "tokens");
        write!(f, "the largest had {largest}")
    }
}

/// An input that ends in the middle of the export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlyEnd {
    /// Where it ends.
    pub position: Position,
    /// The last message that is whole.
    pub last_message: Option<LastMessage>,
    /// Whether it is the gzip stream that was cut.
    pub compressed: bool,
}

impl fmt::Display for EarlyEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.compressed {
            "is a gzip file that was cut off"
        } else {
            "ends early"
        })?;
        write!(f, " at {}: ", self.position)?;
        let Some(LastMessage { id, number, chat }) = self.last_message else {
            return f.write_str("no message is complete");
        };
        let place = format!("number {number} of chat {chat} in the list");
        match id {
            Some(id) => write!(f, "the last complete message has the id {id} ({place})"),
            None => write!(f, "the last complete message is {place}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing_usable(change: impl FnOnce(&mut NothingUsable)) -> NothingUsable {
        let mut nothing = NothingUsable {
            funnel: Funnel::default(),
            passed_over_types: BTreeMap::new(),
            selected_types: vec!["personal_chat".to_owned(), "bot_chat".to_owned()],
        };
        change(&mut nothing);
        nothing
    }

    #[test]
    fn chats_that_were_passed_over_are_listed_by_reason_and_type() {
        let mut nothing = nothing_usable(|nothing| {
            nothing.funnel.chats.read = 3;
            nothing.funnel.chats.dropped.add(ChatDrop::WithoutName, 3);
        });
        assert_eq!(
            nothing.to_string(),
            "no usable chat: all 3 chats were passed over (3 without_name)"
        );
        assert_eq!(nothing.advice(), None);

        nothing.funnel.chats.read = 5;
        nothing.funnel.chats.dropped.add(ChatDrop::ChatType, 2);
        nothing.passed_over_types.insert("private_group", 2);
        assert_eq!(
            nothing.to_string(),
            "no usable chat: all 5 chats were passed over (3 without_name, 2 chat_type); types other \
             than personal_chat, bot_chat: 2 private_group"
        );
        assert_eq!(nothing.advice(), Some(Advice::SelectOtherChatTypes));
    }

    #[test]
    fn saved_messages_alone_are_advised_against() {
        let nothing = nothing_usable(|nothing| {
            nothing.funnel.chats.read = 2;
            nothing.funnel.chats.dropped.add(ChatDrop::ChatType, 2);
            nothing.passed_over_types.insert("personal_chat", 2);
            nothing.selected_types = vec![SAVED_MESSAGES.to_owned()];
        });
        let advice = Some(Advice::SelectOtherThanSavedMessages);
        assert_eq!(nothing.advice(), advice);
    }

    #[test]
    fn chats_without_blocks_were_not_passed_over() {
        let nothing = nothing_usable(|nothing| {
            nothing.funnel.chats.read = 2;
            nothing.funnel.chats.dropped.add(ChatDrop::ChatType, 1);
            nothing.funnel.chats.dropped.add(ChatDrop::NoBlocks, 1);
            nothing.funnel.messages.read = 4;
            let dropped = &mut nothing.funnel.messages.dropped;
            dropped.add(MessageDrop::NoText, 4);
        });
        assert!(
            nothing
                .to_string()
                .starts_with("no usable chat: none of the 4 messages was kept (4 no_text)")
        );
        assert_eq!(nothing.advice(), None, "an earlier date would not help");
    }

    #[test]
    fn messages_before_the_date_limit_are_worth_an_advice() {
        let nothing = nothing_usable(|nothing| {
            nothing.funnel.chats.read = 1;
            nothing.funnel.messages.read = 1;
            let dropped = &mut nothing.funnel.messages.dropped;
            dropped.add(MessageDrop::BeforeDateLimit, 1);
        });
        assert_eq!(nothing.advice(), Some(Advice::SetEarlierDateLimit));
    }

    fn no_block_kept(reasons: &[(u64, BlockDrop)]) -> NoBlockKept {
        let mut tally = BlockTally::default();
        for (blocks, reason) in reasons {
            for _ in 0..*blocks {
                tally.add(reason);
            }
        }
        let limits = TokenLimits::new(1, 9).unwrap();
        NoBlockKept {
            tally,
            limits,
            consumer: None,
        }
    }

    #[test]
    fn an_order_that_the_consumer_demands_is_not_advised_against() {
        let none = |consumer| NoBlockKept {
            consumer,
            ..no_block_kept(&[(1, BlockDrop::NoExchange)])
        };
        for (consumer, advice) in [
            (Some(Consumer::Together), Advice::JoinConversations),
            (Some(Consumer::Axolotl), Advice::KeepOtherRoleOrders),
            (None, Advice::KeepOtherRoleOrders),
        ] {
            assert_eq!(none(consumer).advice(), advice, "{consumer:?}");
        }
    }

    #[test]
    fn the_rule_that_took_the_most_blocks_decides_what_is_advised() {
        let refused = || BlockDrop::TemplateRefused("no".to_owned());
        let broken = || BlockDrop::RefusedByConsumer(Rule::ALL[0]);
        for (reasons, advice) in [
            (
                vec![(2, BlockDrop::TooShort(None)), (1, BlockDrop::TooLong)],
                Advice::KeepShorterBlocks,
            ),
            (
                vec![(2, BlockDrop::TooShort(None)), (2, BlockDrop::TooLong)],
                Advice::KeepShorterBlocks,
            ),
            (
                vec![(1, BlockDrop::TooShort(None)), (2, BlockDrop::TooLong)],
                Advice::AllowLongerBlocks,
            ),
            (
                vec![(1, BlockDrop::TooLong), (2, BlockDrop::NoExchange)],
                Advice::KeepOtherRoleOrders,
            ),
            (
                vec![(1, BlockDrop::NoExchange), (2, refused())],
                Advice::SuitTheTemplate,
            ),
            (vec![(1, refused()), (2, broken())], Advice::SuitTheConsumer),
        ] {
            assert_eq!(no_block_kept(&reasons).advice(), advice, "{reasons:?}");
        }
    }

    #[test]
    fn what_took_no_block_is_mentioned_only_if_every_run_may_meet_it() {
        let short = no_block_kept(&[(1, BlockDrop::TooShort(None))]);
        assert_eq!(
            short.to_string(),
            "no block was kept: 1 had fewer than 1 token, 0 had more than 9, and 0 had no exchange; \
             the largest had 0 tokens"
        );
        let refused = no_block_kept(&[
            (2, BlockDrop::TemplateRefused("no".to_owned())),
            (3, BlockDrop::RefusedByConsumer(Rule::ALL[0])),
        ]);
        let text = refused.to_string();
        assert!(
            text.contains("template refused 2; 3 broke a rule of the consumer; "),
            "{text}"
        );
    }

    #[test]
    fn messages_go_with_their_block_under_its_reason() {
        for (reason, of_messages) in [
            (BlockDrop::TooShort(None), MessageDrop::BlockTooShort),
            (BlockDrop::TooLong, MessageDrop::MessageTooLong),
            (BlockDrop::NoExchange, MessageDrop::NoExchange),
        ] {
            assert_eq!(reason.of_messages(), of_messages);
        }
    }

    #[test]
    fn an_early_end_names_the_last_complete_message_as_far_as_it_is_known() {
        let end = |last_message, compressed| {
            let end = EarlyEnd {
                position: Position::START,
                last_message,
                compressed,
            };
            end.to_string()
        };
        let message = |id| LastMessage {
            id,
            number: 3,
            chat: 2,
        };
        assert_eq!(
            end(None, false),
            "ends early at line 1, column 1 (byte 0): no message is complete"
        );
        assert_eq!(
            end(Some(message(Some(7))), true),
            "is a gzip file that was cut off at line 1, column 1 (byte 0): the last complete message \
             has the id 7 (number 3 of chat 2 in the list)"
        );
        assert_eq!(
            end(Some(message(None)), false),
            "ends early at line 1, column 1 (byte 0): the last complete message is number 3 of chat 2 \
             in the list"
        );
    }
}
