//! A chat whose messages come in more than one chunk.

use std::ops::Range;

use crate::chunk::{Chunk, Record};
use crate::notes::MessageNote;

/// What of a chunk belongs to one chat.
#[derive(Clone, Debug)]
pub(crate) struct ChunkPart {
    pub(crate) records: Range<usize>,
    pub(crate) notes: Range<usize>,
}

/// The records of a chat that has not ended yet, with an arena of their own.
#[derive(Default)]
pub(crate) struct ChatBuffer {
    pub(crate) arena: String,
    pub(crate) records: Vec<Record>,
    pub(crate) notes: Vec<MessageNote>,
}

impl ChatBuffer {
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.notes.is_empty()
    }

    /// Appends those records and notes of a chunk, and of its arena what they use.
    pub(crate) fn append(&mut self, chunk: &Chunk, part: ChunkPart) {
        self.notes.extend_from_slice(&chunk.notes[part.notes]);
        let records = &chunk.records[part.records];
        let Some((first, last)) = records.first().zip(records.last()) else {
            return;
        };
        let used = first.arena_start()..last.arena_end();
        let (from, to) = (used.start as u64, self.arena.len() as u64);
        self.arena.push_str(&chunk.text[used]);
        self.records.extend(records.iter().map(|record| Record {
            text_start: record.text_start - from + to,
            ..*record
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line_extra::LineExtra;

    /// A chunk whose arena has some text before that of its records; each has a written date of one
    /// character before its own text.
    fn chunk(before: &str, texts: &[&str]) -> Chunk {
        let mut chunk = Chunk {
            text: before.to_owned(),
            ..Chunk::default()
        };
        for text in texts {
            chunk.text.push('D');
            chunk.records.push(Record {
                time: 0,
                stamp: 0,
                text_start: chunk.text.len() as u64,
                text_len: u32::try_from(text.len()).unwrap(),
                tokens: 0,
                sender: 0,
                written_len: 1,
                line_extra: LineExtra::default(),
            });
            chunk.text.push_str(text);
        }
        chunk
    }

    #[test]
    fn records_keep_their_texts_when_they_move_to_the_buffer() {
        let mut buffer = ChatBuffer::default();
        let part = |records| ChunkPart {
            records,
            notes: 0..0,
        };
        buffer.append(
            &chunk("another chat's", &["one", "two", "next chat's"]),
            part(0..2),
        );
        buffer.append(&chunk("", &[]), part(0..0));
        buffer.append(&chunk("", &["skipped", "three", "four"]), part(1..3));
        assert_eq!(buffer.arena, "DoneDtwoDthreeDfour");
        let texts: Vec<_> = buffer
            .records
            .iter()
            .map(|record| record.text(&buffer.arena))
            .collect();
        assert_eq!(texts, ["one", "two", "three", "four"]);
        let mut written = String::new();
        for record in &buffer.records {
            record.write_timestamp(&buffer.arena, &mut written);
        }
        assert_eq!(written, "DDDD");
    }
}
