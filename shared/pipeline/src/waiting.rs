//! Chats that wait, in temporary storage, for the target to be known.

use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use tempfile::SpooledTempFile;

use crate::chunk::{ChatHead, Record, WholeChat};

/// What stays in memory before a temporary file takes it.
const IN_MEMORY: usize = 8 << 20;

/// Chats in the order in which they came.
pub(crate) struct WaitingChats {
    spool: BufWriter<SpooledTempFile>,
    chats: u64,
}

/// A chat that has waited.
pub(crate) struct WaitingChat {
    head: ChatHead,
    records: Vec<Record>,
    arena: String,
}

impl WaitingChat {
    pub(crate) fn whole(&self) -> WholeChat<'_> {
        WholeChat {
            head: &self.head,
            records: &self.records,
            arena: &self.arena,
        }
    }
}

impl WaitingChats {
    pub(crate) fn new(scratch_dir: &Path) -> Self {
        let spool = tempfile::spooled_tempfile_in(IN_MEMORY, scratch_dir);
        Self {
            spool: BufWriter::with_capacity(64 << 10, spool),
            chats: 0,
        }
    }

    /// How many wait.
    pub(crate) fn count(&self) -> u64 {
        self.chats
    }

    /// Stores a chat; of the arena, what its records use.
    pub(crate) fn push(&mut self, chat: WholeChat<'_>) -> io::Result<()> {
        let WholeChat {
            head,
            records,
            arena,
        } = chat;
        let start = records.iter().map(Record::arena_start).min().unwrap_or(0);
        let end = records.iter().map(Record::arena_end).max().unwrap_or(0);
        let head = postcard::to_stdvec(head).map_err(io::Error::other)?;
        let out = &mut self.spool;
        for length in [head.len(), end - start, records.len()] {
            out.write_all(&(length as u64).to_le_bytes())?;
        }
        out.write_all(&head)?;
        out.write_all(&arena.as_bytes()[start..end])?;
        for record in records {
            out.write_all(&record.to_bytes(start))?;
        }
        self.chats += 1;
        Ok(())
    }

    /// Gives the chats back, one at a time.
    pub(crate) fn into_chats(self) -> io::Result<impl Iterator<Item = io::Result<WaitingChat>>> {
        let mut spool = self
            .spool
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        spool.seek(SeekFrom::Start(0))?;
        let mut source = BufReader::with_capacity(64 << 10, spool);
        Ok((0..self.chats).map(move |_| read_chat(&mut source)))
    }
}

fn read_chat(source: &mut impl Read) -> io::Result<WaitingChat> {
    let mut lengths = [0; 3];
    for length in &mut lengths {
        let mut bytes = [0; 8];
        source.read_exact(&mut bytes)?;
        *length = usize::try_from(u64::from_le_bytes(bytes)).map_err(io::Error::other)?;
    }
    let [head_len, arena_len, count] = lengths;
    let mut head = vec![0; head_len];
    source.read_exact(&mut head)?;
    let head = postcard::from_bytes(&head).map_err(io::Error::other)?;
    let mut arena = vec![0; arena_len];
    source.read_exact(&mut arena)?;
    let arena = String::from_utf8(arena).map_err(io::Error::other)?;
    let mut records = Vec::with_capacity(count);
    let mut bytes = [0; Record::BYTES];
    for _ in 0..count {
        source.read_exact(&mut bytes)?;
        records.push(Record::from_bytes(&bytes));
    }
    Ok(WaitingChat {
        head,
        records,
        arena,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chats_come_back_as_they_were() {
        let arena = "before hello world".to_owned();
        let record = |text_start: u64, text_len, written_len| Record {
            time: -5,
            stamp: i64::MAX,
            text_start,
            text_len,
            tokens: 7,
            sender: 3,
            written_len,
        };
        let records = [record(13, 5, 0), record(8, 4, 1)];
        let head = ChatHead {
            name: "Ann".to_owned(),
            ..ChatHead::default()
        };
        let mut waiting = WaitingChats::new(&std::env::temp_dir());
        let chat = WholeChat {
            head: &head,
            records: &records,
            arena: &arena,
        };
        waiting.push(chat).unwrap();
        let empty = WholeChat {
            head: &ChatHead::default(),
            records: &[],
            arena: "",
        };
        waiting.push(empty).unwrap();
        let chats: Vec<_> = waiting.into_chats().unwrap().map(Result::unwrap).collect();
        assert_eq!((chats.len(), &chats[0].head), (2, &head));
        assert_eq!(chats[0].arena, "hello world");
        let texts: Vec<_> = chats[0]
            .records
            .iter()
            .map(|record| record.text(&chats[0].arena))
            .collect();
        assert_eq!(texts, ["world", "ello"]);
        let back = chats[0].records[1];
        assert_eq!(
            (
                back.time,
                back.stamp,
                back.tokens,
                back.sender,
                back.written_len
            ),
            (-5, i64::MAX, 7, 3, 1)
        );
    }
}
