//! What flows from the reader to the blocks: kept messages, many at a time and compactly.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use resonare_redaction::{Counts, Region};
use serde::{Deserialize, Serialize};

use crate::date::{self, Micros};
use crate::funnel::{ChatDrop, DroppedMessages};
use crate::json::mend::Mends;
use crate::line_extra::LineExtra;
use crate::marks::Mark;
use crate::notes::MessageNote;
use crate::salvage::Salvage;
use crate::sender::Sender;
use crate::tokens::{LineTokens, TextTokens};

/// A kept message. Its text is in the arena (one string for many texts) of the chunk or chat that
/// holds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    /// The moment that orders messages.
    pub(crate) time: Micros,
    /// The emitted timestamp: the wall clock's time for one in plain form, else the moment.
    pub(crate) stamp: Micros,
    /// Where the text begins in the arena.
    pub(crate) text_start: u64,
    pub(crate) text_len: u32,
    pub(crate) tokens: u32,
    /// Index among the chat's senders.
    pub(crate) sender: u32,
    /// Length of the timestamp as written, which is before the text in the arena; 0 where it
    /// has the plain form and can be written from `stamp`.
    pub(crate) written_len: u16,
    /// What the tokens of its line have beyond `tokens`.
    pub(crate) line_extra: LineExtra,
}

impl Record {
    /// Length of [`Self::to_bytes`].
    pub(crate) const BYTES: usize = 40;

    /// Where the arena holds the first byte that belongs to the message.
    pub(crate) fn arena_start(&self) -> usize {
        index(self.text_start) - usize::from(self.written_len)
    }

    /// Where the arena holds the byte after its last.
    pub(crate) fn arena_end(&self) -> usize {
        index(self.text_start) + self.text_len as usize
    }

    /// The record for an arena that begins at `base` of this one's.
    pub(crate) fn to_bytes(self, base: usize) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.time.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.stamp.to_le_bytes());
        bytes[16..24].copy_from_slice(&(self.text_start - base as u64).to_le_bytes());
        bytes[24..28].copy_from_slice(&self.text_len.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.tokens.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.sender.to_le_bytes());
        bytes[36..38].copy_from_slice(&self.written_len.to_le_bytes());
        bytes[38..].copy_from_slice(&self.line_extra.to_bytes());
        bytes
    }

    /// The record that [`Self::to_bytes`] wrote.
    pub(crate) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        fn part<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
            bytes[at..at + N]
                .try_into()
                .expect("the part has its length")
        }
        Self {
            time: i64::from_le_bytes(part(bytes, 0)),
            stamp: i64::from_le_bytes(part(bytes, 8)),
            text_start: u64::from_le_bytes(part(bytes, 16)),
            text_len: u32::from_le_bytes(part(bytes, 24)),
            tokens: u32::from_le_bytes(part(bytes, 28)),
            sender: u32::from_le_bytes(part(bytes, 32)),
            written_len: u16::from_le_bytes(part(bytes, 36)),
            line_extra: LineExtra::from_bytes(part(bytes, 38)),
        }
    }

    pub(crate) fn text<'a>(&self, arena: &'a str) -> &'a str {
        &arena[self.text_range()]
    }

    /// Where the text is in the arena.
    pub(crate) fn text_range(&self) -> Range<usize> {
        index(self.text_start)..self.arena_end()
    }

    /// The text is there now, in whatever arena.
    pub(crate) fn set_text(&mut self, range: Range<usize>) {
        self.text_start = range.start as u64;
        // A message has at most 16 MiB, and nothing makes it much longer.
        self.text_len = u32::try_from(range.len()).expect("a message is far below 4 GiB");
    }

    /// Takes the tokens of its text.
    pub(crate) fn set_tokens(&mut self, tokens: TextTokens) {
        self.tokens = tokens.text;
        self.line_extra = LineExtra::new(tokens);
    }

    /// The tokens of its line, where they are known.
    pub(crate) fn line_tokens(&self) -> Option<LineTokens> {
        self.line_extra.line(self.tokens)
    }

    /// The timestamp as written, where it has to be kept.
    pub(crate) fn written_date<'a>(&self, arena: &'a str) -> &'a str {
        &arena[self.arena_start()..index(self.text_start)]
    }

    /// What the clock on the wall showed, as far as the export says.
    pub(crate) fn wall(&self, arena: &str) -> Micros {
        let written = date::parse(self.written_date(arena));
        written.map_or(self.stamp, |date| date.wall)
    }

    /// Appends the timestamp that the message is emitted with.
    pub(crate) fn write_timestamp(&self, arena: &str, out: &mut String) {
        if self.written_len == 0 {
            date::write_plain(self.stamp, out);
        } else {
            out.push_str(self.written_date(arena));
        }
    }
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).expect("the arena is in memory")
}

/// What is known of a chat when it ends.
#[derive(Debug)]
pub(crate) struct ChatEnd {
    /// Where its records end in the chunk.
    pub(crate) records_end: usize,
    /// Where its notes end.
    pub(crate) notes_end: usize,
    pub(crate) verdict: Result<ChatHead, ChatDrop>,
    /// Its `id`, where that is a number.
    pub(crate) id: Option<u64>,
    /// The entry of `exclude_chats` that names it.
    pub(crate) excluded_by: Option<usize>,
    /// The name of a chat that is dropped, where it has one.
    pub(crate) dropped_name: Option<String>,
    /// Its `type`, for the report of what was passed over.
    pub(crate) chat_type: Cow<'static, str>,
    /// Messages read.
    pub(crate) read: u64,
    /// Those of them that were not kept, each with its own reason.
    pub(crate) dropped: DroppedMessages,
}

/// The head of a kept chat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChatHead {
    pub(crate) name: String,
    pub(crate) chat_type: Cow<'static, str>,
    /// The chat's `id` as written, where it is a number.
    pub(crate) id: Option<u64>,
    pub(crate) senders: Vec<Sender>,
    /// The titles of a group's topics by the ids of the messages that began them, where they are wanted.
    pub(crate) topics: BTreeMap<i64, String>,
}

/// The messages of a chat that has ended, in the order in which they were read.
pub(crate) struct ReadChat<'a> {
    pub(crate) records: &'a mut [Record],
    /// Of every message, kept or not, where messages are noted.
    pub(crate) notes: &'a [MessageNote],
    pub(crate) arena: &'a str,
}

/// A chat whose messages are ordered by time.
#[derive(Clone, Copy)]
pub(crate) struct WholeChat<'a> {
    /// What the chat is called in the outputs.
    pub(crate) name: &'a str,
    /// For each sender of the chat, whether it is the target.
    pub(crate) targets: &'a [bool],
    pub(crate) records: &'a [Record],
    /// Of each record, where messages are noted.
    pub(crate) notes: &'a [MessageNote],
    pub(crate) arena: &'a str,
}

/// A run of kept messages with the ends of chats among them.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) text: String,
    pub(crate) records: Vec<Record>,
    /// Of every message, where messages are noted.
    pub(crate) notes: Vec<MessageNote>,
    pub(crate) ends: Vec<ChatEnd>,
    /// Owners that the inputs name.
    pub(crate) owners: Vec<u64>,
    /// Places in the texts that the export marks as personal data, in the order of the records.
    pub(crate) marks: Vec<Mark>,
    /// Where phone numbers without a country's code are dialed, as far as the input has said.
    pub(crate) region: Option<Region>,
    /// What was replaced.
    pub(crate) redacted: Counts,
    /// Places in the texts that read as a special token, and were broken.
    pub(crate) special_token_text: u64,
    /// The place of the input that it comes from.
    pub(crate) input: usize,
    /// Set in the last chunk of an input.
    pub(crate) mended: Mends,
    pub(crate) salvaged: Option<Salvage>,
}

impl Chunk {
    /// Large enough that handing it on costs nothing, small enough to stay in a processor's cache.
    const TEXT_BYTES: usize = 256 << 10;
    const ITEMS: usize = 8192;

    /// Empty, but with the memory that it has, unless a very long message made that large.
    pub(crate) fn cleared(mut self) -> Self {
        if self.text.capacity() > 4 * Self::TEXT_BYTES {
            return Self::default();
        }
        self.text.clear();
        self.records.clear();
        self.notes.clear();
        self.marks.clear();
        self.ends.clear();
        self.owners.clear();
        Self {
            special_token_text: 0,
            region: None,
            redacted: Counts::default(),
            mended: Mends::default(),
            salvaged: None,
            ..self
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.text.len() >= Self::TEXT_BYTES
            || self.records.len() >= Self::ITEMS
            || self.notes.len() >= Self::ITEMS
            || self.ends.len() >= Self::ITEMS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            time: 0,
            stamp: 0,
            text_start: 0,
            text_len: 0,
            tokens: 0,
            sender: 0,
            written_len: 0,
            line_extra: LineExtra::default(),
        }
    }

    #[test]
    fn a_chunk_is_used_again_with_its_memory_unless_that_is_very_large() {
        for (capacity, is_kept) in [
            (Chunk::TEXT_BYTES, true),
            (4 * Chunk::TEXT_BYTES, true),
            (4 * Chunk::TEXT_BYTES + 1, false),
        ] {
            let mut text = String::with_capacity(capacity);
            text.push_str("of a message");
            let chunk = Chunk {
                text,
                records: vec![record()],
                owners: vec![1],
                ..Chunk::default()
            };
            let cleared = chunk.cleared();
            assert_eq!(cleared.text.capacity() > 0, is_kept, "{capacity}");
            assert!(cleared.text.is_empty() && cleared.records.is_empty());
            assert!(cleared.owners.is_empty() && cleared.ends.is_empty());
        }
    }

    #[test]
    fn what_an_input_ended_with_is_not_said_again_of_the_next() {
        let mut last = Chunk::default();
        last.mended.hex_escape = 1;
        last.region = Region::of_number("+41791234567");
        assert!(last.region.is_some());
        last.salvaged = Some(Salvage {
            byte_offset: 5,
            last_message: None,
        });
        let next = last.cleared();
        assert_eq!((next.mended, next.salvaged), (Mends::default(), None));
        assert_eq!(next.region, None);
    }

    #[test]
    fn a_chunk_is_full_of_text_or_of_messages() {
        let of = |bytes, messages| Chunk {
            text: "x".repeat(bytes),
            records: vec![record(); messages],
            ..Chunk::default()
        };
        assert!(of(Chunk::TEXT_BYTES, 0).is_full());
        assert!(of(0, Chunk::ITEMS).is_full());
        assert!(!of(Chunk::TEXT_BYTES - 1, Chunk::ITEMS - 1).is_full());
    }
}
