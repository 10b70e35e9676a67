//! A chat that is being read: its head, and whether it is kept.

use std::borrow::Cow;

use super::senders::Senders;
use crate::chunk::{ChatEnd, ChatHead, Topic};
use crate::funnel::{ChatDrop, DroppedMessages};
use crate::json::scalar::Scalar;
use crate::settings::{CHAT_TYPES, DEFAULT_CHAT_TYPE, Settings};

/// A plain value of a chat's head.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum PlainValue {
    #[default]
    Absent,
    Text(String),
    Number(u64),
    Other,
}

impl PlainValue {
    /// What a value is that was passed over.
    pub(super) fn of(value: &[u8]) -> Self {
        match Scalar::of(Some(value)) {
            Scalar::String(text) => Self::Text(text.decode()),
            Scalar::Number(number) => number.parse().map_or(Self::Other, Self::Number),
            Scalar::Null | Scalar::Other => Self::Other,
        }
    }
}

/// What is known of a chat's messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum MessagesState {
    #[default]
    Absent,
    NotAList,
    /// They were passed over for that reason, which was certain when they came.
    PassedOver(ChatDrop),
    Read,
}

/// A chat whose end is yet to come.
#[derive(Default)]
pub(super) struct OpenChat {
    pub(super) name: PlainValue,
    pub(super) chat_type: PlainValue,
    pub(super) id: PlainValue,
    pub(super) senders: Senders,
    pub(super) topics: Vec<Topic>,
    pub(super) messages: MessagesState,
    pub(super) read: u64,
    pub(super) dropped: DroppedMessages,
}

impl OpenChat {
    pub(super) fn has_messages(&self) -> bool {
        self.messages != MessagesState::Absent
    }

    /// Whether it has a name, of whatever kind, and a list of messages.
    pub(super) fn has_name_and_list(&self) -> bool {
        let has_list = matches!(
            self.messages,
            MessagesState::Read | MessagesState::PassedOver(_)
        );
        has_list && self.has_name()
    }

    pub(super) fn has_name(&self) -> bool {
        self.name != PlainValue::Absent
    }

    /// Why the chat is dropped, as far as is known now; a head that is incomplete is no reason.
    pub(super) fn known_drop(&self, settings: &Settings) -> Option<ChatDrop> {
        match &self.name {
            PlainValue::Text(name) if !name.is_empty() => {}
            PlainValue::Absent => {}
            _ => return Some(ChatDrop::WithoutName),
        }
        if self.is_excluded(settings) {
            return Some(ChatDrop::ExcludedChat);
        }
        match &self.chat_type {
            PlainValue::Absent => None,
            PlainValue::Text(chat_type) if settings.selects(chat_type) => None,
            _ => Some(ChatDrop::ChatType),
        }
    }

    fn is_excluded(&self, settings: &Settings) -> bool {
        let excluded = &settings.exclude_chats;
        let names = |text: &str| excluded.iter().any(|excluded| excluded == text);
        let is = |value: &PlainValue| match value {
            PlainValue::Text(text) => names(text),
            PlainValue::Number(number) => names(&number.to_string()),
            PlainValue::Absent | PlainValue::Other => false,
        };
        !excluded.is_empty() && (is(&self.name) || is(&self.id))
    }

    fn type_name(&self) -> Cow<'static, str> {
        match &self.chat_type {
            PlainValue::Absent => DEFAULT_CHAT_TYPE.into(),
            PlainValue::Text(chat_type) => {
                match CHAT_TYPES.iter().find(|known| *known == chat_type) {
                    Some(known) => Cow::Borrowed(known),
                    None => Cow::Owned(chat_type.clone()),
                }
            }
            _ => "unknown".into(),
        }
    }

    fn verdict(&mut self, settings: &Settings) -> Result<ChatHead, ChatDrop> {
        match self.messages {
            MessagesState::Absent => return Err(ChatDrop::MissingNameOrMessages),
            _ if !self.has_name() => return Err(ChatDrop::MissingNameOrMessages),
            MessagesState::NotAList => return Err(ChatDrop::MessagesNotAList),
            MessagesState::PassedOver(reason) => return Err(reason),
            MessagesState::Read => {}
        }
        if let Some(reason) = self.known_drop(settings) {
            return Err(reason);
        }
        let chat_type = self.type_name();
        if !settings.selects(&chat_type) {
            return Err(ChatDrop::ChatType);
        }
        let PlainValue::Text(name) = std::mem::take(&mut self.name) else {
            return Err(ChatDrop::WithoutName);
        };
        let id = match self.id {
            PlainValue::Number(id) => Some(id),
            _ => None,
        };
        Ok(ChatHead {
            name,
            chat_type,
            id,
            senders: std::mem::take(&mut self.senders).into_list(),
            topics: std::mem::take(&mut self.topics),
        })
    }

    /// The end of the chat.
    pub(super) fn end(mut self, settings: &Settings) -> ChatEnd {
        let verdict = self.verdict(settings);
        let chat_type = self.type_name();
        let dropped_name = match self.name {
            PlainValue::Text(name) if verdict.is_err() => Some(name),
            _ => None,
        };
        ChatEnd {
            records_end: 0,
            notes_end: 0,
            verdict,
            dropped_name,
            chat_type,
            read: self.read,
            dropped: self.dropped,
        }
    }
}
