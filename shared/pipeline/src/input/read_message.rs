//! What became of a message that was read.

use crate::funnel::MessageDrop;

/// What became of a message that was read.
pub(super) struct ReadMessage {
    pub(super) id: Option<i64>,
    /// Why it is not kept.
    pub(super) dropped: Option<MessageDrop>,
    /// The topic that it begins or renames, where topics are wanted.
    pub(super) topic: Option<TopicTitle>,
}

impl ReadMessage {
    /// A message that was passed over.
    pub(super) fn unread(reason: MessageDrop) -> Self {
        Self {
            id: None,
            dropped: Some(reason),
            topic: None,
        }
    }
}

/// The title that a group's topic gets.
pub(super) struct TopicTitle {
    /// Of the message that began the topic.
    pub(super) id: i64,
    pub(super) title: String,
    /// Whether the topic begins with it; else it is renamed.
    pub(super) is_new: bool,
}
