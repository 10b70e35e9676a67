//! Chats that wait in temporary storage until it is known how they are written.

use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use tempfile::SpooledTempFile;

use crate::chunk::{ChatHead, ReadChat, Record};
use crate::notes::MessageNote;

/// What stays in memory before a temporary file takes it.
const IN_MEMORY: usize = 8 << 20;

/// Chats in the order in which they came.
pub(crate) struct WaitingChats {
    spool: BufWriter<SpooledTempFile>,
    written: u64,
    /// Where each begins.
    starts: Vec<u64>,
}

/// Chats that have waited, to be read again one at a time.
pub(crate) struct WaitedChats {
    spool: BufReader<SpooledTempFile>,
    at: u64,
    end: u64,
    starts: Vec<u64>,
}

/// A chat as it was stored.
#[derive(Debug)]
pub(crate) struct StoredChat {
    pub(crate) head: ChatHead,
    notes: Vec<u8>,
    arena: Vec<u8>,
    records: Vec<u8>,
}

/// A chat that has waited.
#[derive(Debug, Default)]
pub(crate) struct WaitedChat {
    pub(crate) head: ChatHead,
    pub(crate) records: Vec<Record>,
    pub(crate) notes: Vec<MessageNote>,
    pub(crate) arena: String,
}

impl WaitingChats {
    pub(crate) fn new(scratch_dir: &Path) -> Self {
        let spool = tempfile::spooled_tempfile_in(IN_MEMORY, scratch_dir);
        Self {
            spool: BufWriter::with_capacity(64 << 10, spool),
            written: 0,
            starts: Vec::new(),
        }
    }

    /// How many wait.
    pub(crate) fn count(&self) -> u64 {
        self.starts.len() as u64
    }

    /// Stores a chat; of the arena, what its records use.
    pub(crate) fn push(&mut self, head: &ChatHead, chat: &ReadChat<'_>) -> io::Result<()> {
        let ReadChat {
            records,
            notes,
            arena,
        } = chat;
        let start = records.iter().map(Record::arena_start).min().unwrap_or(0);
        let end = records.iter().map(Record::arena_end).max().unwrap_or(0);
        let head = postcard::to_stdvec(head).map_err(io::Error::other)?;
        let notes = postcard::to_stdvec(notes).map_err(io::Error::other)?;
        self.starts.push(self.written);
        for length in [head.len(), notes.len(), end - start, records.len()] {
            self.write(&(length as u64).to_le_bytes())?;
        }
        self.write(&head)?;
        self.write(&notes)?;
        self.write(&arena.as_bytes()[start..end])?;
        for record in records.iter() {
            self.write(&record.to_bytes(start))?;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        self.spool.write_all(bytes)
    }

    /// The end of the waiting.
    pub(crate) fn end(self) -> io::Result<WaitedChats> {
        let spool = self
            .spool
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        Ok(WaitedChats {
            spool: BufReader::with_capacity(64 << 10, spool),
            at: self.written,
            end: self.written,
            starts: self.starts,
        })
    }
}

impl WaitedChats {
    /// How many have waited.
    pub(crate) fn count(&self) -> usize {
        self.starts.len()
    }

    /// How many bytes some of them take.
    pub(crate) fn size(&self, indices: &[usize]) -> u64 {
        let size = |&index: &usize| {
            let end = self.starts.get(index + 1).unwrap_or(&self.end);
            end - self.starts[index]
        };
        indices.iter().map(size).sum()
    }

    /// One of them, by its place in the order in which they came.
    pub(crate) fn read(&mut self, index: usize) -> io::Result<StoredChat> {
        let start = self.starts[index];
        if self.at != start {
            self.spool.seek(SeekFrom::Start(start))?;
            self.at = start;
        }
        let mut lengths = [0; 4];
        for length in &mut lengths {
            let mut bytes = [0; 8];
            self.fill(&mut bytes)?;
            *length = usize::try_from(u64::from_le_bytes(bytes)).map_err(io::Error::other)?;
        }
        let [head_len, notes_len, arena_len, count] = lengths;
        Ok(StoredChat {
            head: postcard::from_bytes(&self.bytes(head_len)?).map_err(io::Error::other)?,
            notes: self.bytes(notes_len)?,
            arena: self.bytes(arena_len)?,
            records: self.bytes(count * Record::BYTES)?,
        })
    }

    fn bytes(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.spool.read_exact(bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}

impl StoredChat {
    /// Its messages.
    pub(crate) fn records(&self) -> Vec<Record> {
        let (records, _) = self.records.as_chunks();
        records.iter().map(Record::from_bytes).collect()
    }

    /// The chat as it was.
    pub(crate) fn decode(self) -> io::Result<WaitedChat> {
        let records = self.records();
        let notes = postcard::from_bytes(&self.notes).map_err(io::Error::other)?;
        // Much faster than the standard library's check, and a copy costs little.
        let arena = simdutf8::basic::from_utf8(&self.arena).map_err(io::Error::other)?;
        Ok(WaitedChat {
            arena: arena.to_owned(),
            head: self.head,
            records,
            notes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::funnel::MessageDrop;
    use crate::line_extra::LineExtra;

    #[test]
    fn chats_come_back_as_they_were_in_whatever_order() {
        let arena = "before hello world".to_owned();
        let record = |text_start: u64, text_len, written_len| Record {
            time: -5,
            stamp: i64::MAX,
            text_start,
            text_len,
            tokens: 7,
            sender: 3,
            written_len,
            line_extra: LineExtra::default(),
        };
        let note = MessageNote {
            id: Some(-7),
            reply_to: None,
            fingerprint: u64::MAX,
            dropped: Some(MessageDrop::NoText),
        };
        let head = ChatHead {
            name: "Ann".to_owned(),
            ..ChatHead::default()
        };
        let mut waiting = WaitingChats::new(&std::env::temp_dir());
        let chat = ReadChat {
            records: &mut [record(13, 5, 0), record(8, 4, 1)],
            notes: &[note],
            arena: &arena,
        };
        waiting.push(&head, &chat).unwrap();
        let empty = ReadChat {
            records: &mut [],
            notes: &[],
            arena: "",
        };
        waiting.push(&ChatHead::default(), &empty).unwrap();
        let mut waited = waiting.end().unwrap();
        assert_eq!(waited.count(), 2);
        assert!(waited.size(&[0]) > waited.size(&[1]) && waited.size(&[1]) > 0);
        assert_eq!(waited.size(&[0, 1]), waited.end);
        let empty = waited.read(1).unwrap().decode().unwrap();
        assert!(empty.records.is_empty() && empty.head.name.is_empty());
        let ann = waited.read(0).unwrap().decode().unwrap();
        assert_eq!((&ann.head, &ann.notes[..]), (&head, &[note][..]));
        assert_eq!(ann.arena, "hello world");
        let texts = ann.records.iter().map(|record| record.text(&ann.arena));
        assert_eq!(texts.collect::<Vec<_>>(), ["world", "ello"]);
        let back = ann.records[1];
        assert_eq!((back.time, back.stamp), (-5, i64::MAX));
        assert_eq!((back.tokens, back.sender, back.written_len), (7, 3, 1));
        assert!(waited.read(1).unwrap().records().is_empty());
    }
}
