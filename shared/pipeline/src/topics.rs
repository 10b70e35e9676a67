//! The topics of a group, each as a chat of its own.

use std::collections::HashMap;

use crate::chunk::{ChatHead, Record};
use crate::notes::MessageNote;

/// The messages of one topic, in the order in which they were read.
pub(crate) struct TopicMessages {
    /// What the topic is called in the outputs.
    pub(crate) name: String,
    pub(crate) records: Vec<Record>,
    pub(crate) notes: Vec<MessageNote>,
}

/// The topics of a chat that have messages, in the order of their first ones; none if it is not divided into topics.
///
/// Telegram's exports don't say which topic a message belongs to: one that begins a thread answers the
/// message that began the topic, and others answer one another. What answers nothing is in the general
/// topic, which has the chat's own name.
pub(crate) fn topics(
    head: &ChatHead,
    records: &[Record],
    notes: &[MessageNote],
) -> Vec<TopicMessages> {
    if head.topics.is_empty() {
        return Vec::new();
    }
    let titles = &head.topics;
    let mut topic_of: HashMap<i64, Option<i64>> = HashMap::new();
    let mut places: HashMap<Option<i64>, usize> = HashMap::new();
    let mut topics: Vec<TopicMessages> = Vec::new();
    let mut records = records.iter();
    for note in notes {
        let topic = note.id.filter(|id| titles.contains_key(id)).or_else(|| {
            let answered = note.reply_to?;
            let begins_thread = titles.contains_key(&answered).then_some(answered);
            begins_thread.or_else(|| topic_of.get(&answered).copied().flatten())
        });
        if let Some(id) = note.id {
            topic_of.insert(id, topic);
        }
        if note.dropped.is_some() {
            continue;
        }
        let record = records.next().expect("each kept message has its note");
        let place = *places.entry(topic).or_insert_with(|| {
            let title = topic.and_then(|topic| titles.get(&topic));
            topics.push(TopicMessages {
                name: match title {
                    Some(title) => format!("{} / {title}", head.name),
                    None => head.name.clone(),
                },
                records: Vec::new(),
                notes: Vec::new(),
            });
            topics.len() - 1
        });
        topics[place].records.push(*record);
        topics[place].notes.push(*note);
    }
    topics
}
