//! Messages that are read before it is known that they are messages.
//!
//! What looks like a message of an export nearly always is one. So threads read what comes later in an input at once, as
//! if it were the elements of a list of messages, while the reader of the export is still at what comes before. When it
//! arrives where a stretch begins, in a list and at an element, it takes what was read. Where it does not, as with a text
//! that looks like a message, the stretch is forgotten, and the bytes are read in their turn.

use super::fields::KeyOrders;
use super::message;
use super::open_chat::OpenChat;
use super::read_message::TopicTitle;
use super::rules::ReadingRules;
use super::senders::Senders;
use crate::chunk::{Chunk, Record};
use crate::funnel::{DroppedMessages, MessageDrop};
use crate::json::cursor::{Cursor, Stop};
use crate::json::mend::{MendLog, Mends};
use crate::json::walk;
use crate::marks::Mark;

/// Consecutive elements of what seems to be a list of messages.
pub(super) struct Stretch {
    /// Offset in the input of the first element.
    pub(super) start: u64,
    /// Offset after the last one.
    pub(super) end: u64,
    /// The id of the last one.
    pub(super) last_id: Option<i64>,
    read: u64,
    dropped: DroppedMessages,
    /// What is kept, with senders by their numbers among `senders`.
    chunk: Chunk,
    senders: Senders,
    topics: Vec<TopicTitle>,
    log: MendLog,
}

impl Stretch {
    /// Reads elements of a list while they can be read, from an index of a part of an input on. Gives them, unless not
    /// even the first one can be read, and the index at which it stopped.
    pub(super) fn read(
        part: PartAhead<'_>,
        start: usize,
        rules: &ReadingRules<'_>,
        orders: &mut KeyOrders,
    ) -> (Option<Self>, usize) {
        let PartAhead {
            bytes,
            offset,
            keep_edits,
        } = part;
        let mut stretch = Self {
            start: offset + start as u64,
            end: offset + start as u64,
            last_id: None,
            read: 0,
            dropped: DroppedMessages::default(),
            chunk: Chunk::default(),
            senders: Senders::default(),
            topics: Vec::new(),
            log: MendLog {
                keep_edits,
                ..MendLog::default()
            },
        };
        let mut cursor = Cursor::new(bytes, offset, false, &mut stretch.log);
        cursor.at = start;
        let stopped = loop {
            let mark = cursor.log.mark();
            let read = message::read(
                &mut cursor,
                rules,
                orders,
                &mut stretch.senders,
                &mut stretch.chunk,
            );
            let message = match read {
                Ok(message) => message,
                Err(stop) => {
                    cursor.log.roll_back(&mark);
                    break match stop {
                        Stop::Incomplete => bytes.len(),
                        Stop::Syntax { at, .. } => at,
                    };
                }
            };
            stretch.end = offset + cursor.at as u64;
            stretch.last_id = message.id;
            stretch.read += 1;
            if let Some(reason) = message.dropped {
                stretch.dropped.add(reason, 1);
            }
            stretch.topics.extend(message.topic);
            if !next_element(&mut cursor).unwrap_or(false) {
                break cursor.at;
            }
        };
        let is_of_use = stretch.read > 0;
        (is_of_use.then_some(stretch), stopped)
    }

    /// Counts the messages as those of a chat that is passed over.
    pub(super) fn pass_over(self, chat: &mut OpenChat, log: &mut MendLog) {
        chat.read += self.read;
        chat.dropped.add(MessageDrop::ChatType, self.read);
        log.counts.add(&Mends {
            // Nobody looks for them there.
            duplicate_key: 0,
            ..self.log.counts
        });
        log.edits.extend(self.log.edits);
    }

    /// Adds the messages to those of their chat, as if they were read now.
    pub(super) fn append(self, chat: &mut OpenChat, chunk: &mut Chunk, log: &mut MendLog) {
        chat.read += self.read;
        chat.dropped.merge(&self.dropped);
        for topic in self.topics {
            chat.name_topic(topic);
        }
        log.counts.add(&self.log.counts);
        log.edits.extend(self.log.edits);
        let senders = chat.senders.merge(self.senders);
        let arena_start = chunk.text.len() as u64;
        let first = chunk.records.len();
        chunk.text.push_str(&self.chunk.text);
        chunk
            .records
            .extend(self.chunk.records.iter().map(|record| Record {
                text_start: arena_start + record.text_start,
                sender: senders[record.sender as usize],
                ..*record
            }));
        chunk.notes.extend_from_slice(&self.chunk.notes);
        chunk.marks.extend(self.chunk.marks.iter().map(|mark| Mark {
            record: first + mark.record,
            ..*mark
        }));
        chunk.special_token_text += self.chunk.special_token_text;
    }
}

/// What a stretch is read from.
#[derive(Clone, Copy)]
pub(super) struct PartAhead<'a> {
    pub(super) bytes: &'a [u8],
    /// Offset in the input of the first byte.
    pub(super) offset: u64,
    /// Whether a raw copy is made.
    pub(super) keep_edits: bool,
}

/// Moves to the element that follows another, and says whether one does.
fn next_element(cursor: &mut Cursor<'_, '_>) -> Result<bool, Stop> {
    let more = walk::after_element(cursor)?;
    cursor.peek()?;
    Ok(more)
}
