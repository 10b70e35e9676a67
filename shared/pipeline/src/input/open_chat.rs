//! A chat that is being read: its head, and whether it is kept.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::read_message::{ReadMessage, TopicTitle};
use super::senders::Senders;
use crate::chunk::{ChatEnd, ChatHead};
use crate::funnel::{ChatDrop, DroppedMessages};
use crate::json::scalar::Scalar;
use crate::sender::Target;
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
    pub(super) topics: BTreeMap<i64, String>,
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

    /// Takes what became of its next message.
    #[inline]
    pub(super) fn count(&mut self, message: ReadMessage) {
        self.read += 1;
        if let Some(reason) = message.dropped {
            self.dropped.add(reason, 1);
        }
        if let Some(topic) = message.topic {
            self.name_topic(topic);
        }
    }

    /// Notes the title of a topic; only one that began is renamed.
    pub(super) fn name_topic(&mut self, topic: TopicTitle) {
        let TopicTitle { id, title, is_new } = topic;
        if is_new {
            self.topics.insert(id, title);
        } else if let Some(known) = self.topics.get_mut(&id) {
            *known = title;
        }
    }

    /// Why the chat is dropped, as far as is known now; a head that is incomplete is no reason.
    pub(super) fn known_drop(&self, settings: &Settings) -> Option<ChatDrop> {
        match &self.name {
            PlainValue::Text(name) if !name.is_empty() => {}
            PlainValue::Absent => {}
            _ => return Some(ChatDrop::WithoutName),
        }
        if self.excluded_by(settings).is_some() {
            return Some(ChatDrop::ExcludedChat);
        }
        match &self.chat_type {
            PlainValue::Absent => None,
            PlainValue::Text(chat_type) if settings.selects(chat_type) => None,
            _ => Some(ChatDrop::ChatType),
        }
    }

    /// The entry of the excluded chats that has its name or id; a contact's id also as senders are listed.
    fn excluded_by(&self, settings: &Settings) -> Option<usize> {
        let is_this = |excluded: &String| {
            let is_named = matches!(&self.name, PlainValue::Text(name) if name == excluded);
            is_named
                || self.id_number().is_some_and(|id| {
                    id.to_string() == *excluded || Target::parse(excluded) == Target::User(id)
                })
        };
        settings.exclude_chats.iter().position(is_this)
    }

    fn id_number(&self) -> Option<u64> {
        match self.id {
            PlainValue::Number(id) => Some(id),
            _ => None,
        }
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
        Ok(ChatHead {
            name,
            chat_type,
            id: self.id_number(),
            senders: std::mem::take(&mut self.senders).into_list(),
            topics: std::mem::take(&mut self.topics),
        })
    }

    /// The end of the chat.
    pub(super) fn end(mut self, settings: &Settings) -> ChatEnd {
        let excluded_by = self.excluded_by(settings);
        let verdict = self.verdict(settings);
        let chat_type = self.type_name();
        let id = self.id_number();
        let dropped_name = match self.name {
            PlainValue::Text(name) if verdict.is_err() => Some(name),
            _ => None,
        };
        ChatEnd {
            records_end: 0,
            notes_end: 0,
            verdict,
            id,
            excluded_by,
            dropped_name,
            chat_type,
            read: self.read,
            dropped: self.dropped,
        }
    }
}
