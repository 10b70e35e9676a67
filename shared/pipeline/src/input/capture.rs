//! The copy of the chats for `raw.json`: their bytes as they were, but for the mends.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use tempfile::SpooledTempFile;

use super::window::Window;
use crate::json::mend::MendLog;

/// Bytes that wait in memory before a temporary file takes them.
const IN_MEMORY: usize = 1 << 20;

/// A JSON array of chat objects in the making.
pub(crate) struct RawCopy<'o> {
    out: &'o mut (dyn Write + Send),
    chats: u64,
    /// What is not certain to belong in the copy: the head of a chat whose `name` and `messages` have
    /// not both been seen, or bytes after the last complete element.
    pending: SpooledTempFile,
    pending_bytes: u64,
    active: bool,
    admitted: bool,
    /// Up to which offset of the input bytes were taken from the window.
    taken: u64,
    /// Up to which offset they are whole elements.
    committed: u64,
}

impl<'o> RawCopy<'o> {
    pub(crate) fn new(out: &'o mut (dyn Write + Send), scratch_dir: &Path) -> Self {
        Self {
            out,
            chats: 0,
            pending: tempfile::spooled_tempfile_in(IN_MEMORY, scratch_dir),
            pending_bytes: 0,
            active: false,
            admitted: false,
            taken: 0,
            committed: 0,
        }
    }

    /// A chat object may begin at `offset`.
    pub(crate) fn begin(&mut self, offset: u64) -> io::Result<()> {
        self.drop_pending()?;
        self.active = true;
        self.admitted = false;
        self.taken = offset;
        self.committed = offset;
        Ok(())
    }

    /// The object is a chat: what was and will be captured belongs in the copy.
    pub(crate) fn admit(&mut self) -> io::Result<()> {
        if self.active && !self.admitted {
            self.admitted = true;
            self.out
                .write_all(if self.chats == 0 { b"[\n" } else { b",\n" })?;
            self.chats += 1;
        }
        Ok(())
    }

    /// Everything that was consumed so far is whole.
    pub(crate) fn commit(&mut self, offset: u64) {
        self.committed = offset;
    }

    /// The object is not a chat.
    pub(crate) fn cancel(&mut self) -> io::Result<()> {
        self.active = false;
        self.drop_pending()
    }

    /// Takes what was consumed out of the window, before it slides on.
    pub(crate) fn take(&mut self, window: &Window<'_>, log: &mut MendLog) -> io::Result<()> {
        if !self.active {
            log.edits.clear();
            return Ok(());
        }
        let consumed = window.consumed(self.taken);
        let whole = usize::try_from(self.committed.saturating_sub(self.taken))
            .expect("what was committed is in the window");
        let (whole, rest) = consumed.split_at(whole);
        let mut from = self.taken;
        if self.admitted && (!whole.is_empty() || self.committed == self.taken) {
            self.release_pending()?;
            write_mended(&mut *self.out, whole, from, log)?;
        } else {
            self.pending_bytes += write_mended(&mut self.pending, whole, from, log)?;
        }
        from += whole.len() as u64;
        self.pending_bytes += write_mended(&mut self.pending, rest, from, log)?;
        self.taken = from + rest.len() as u64;
        Ok(())
    }

    /// The object ended, or the input did inside it: then `closers` end it instead.
    pub(crate) fn end(
        &mut self,
        window: &Window<'_>,
        log: &mut MendLog,
        closers: &str,
    ) -> io::Result<()> {
        if self.active && self.admitted {
            self.take(window, log)?;
            self.out.write_all(closers.as_bytes())?;
        }
        self.cancel()
    }

    /// Ends the array.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.out
            .write_all(if self.chats == 0 { b"[]\n" } else { b"\n]\n" })
    }

    fn release_pending(&mut self) -> io::Result<()> {
        if self.pending_bytes > 0 {
            self.pending.seek(SeekFrom::Start(0))?;
            io::copy(
                &mut (&mut self.pending).take(self.pending_bytes),
                &mut *self.out,
            )?;
            self.drop_pending()?;
        }
        Ok(())
    }

    fn drop_pending(&mut self) -> io::Result<()> {
        if self.pending_bytes > 0 {
            self.pending.seek(SeekFrom::Start(0))?;
            self.pending.set_len(0)?;
            self.pending_bytes = 0;
        }
        Ok(())
    }
}

/// Writes `bytes`, which are at `from` in the input, with their edits. Returns how many it wrote.
fn write_mended(
    out: &mut dyn Write,
    bytes: &[u8],
    from: u64,
    log: &mut MendLog,
) -> io::Result<u64> {
    let end = from + bytes.len() as u64;
    let here = log.edits.partition_point(|edit| edit.at < end);
    let mut written = 0;
    let mut at = 0;
    for edit in log.edits.drain(..here) {
        // Edits before `from` belong to bytes that were passed over outside a chat.
        let Some(index) = edit.at.checked_sub(from) else {
            continue;
        };
        let index = usize::try_from(index).expect("an index into the slice");
        out.write_all(&bytes[at..index])?;
        out.write_all(edit.insert.as_bytes())?;
        written += index - at + edit.insert.len();
        at = index + edit.remove;
    }
    out.write_all(&bytes[at..])?;
    Ok((written + bytes.len() - at) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::mend::Edit;

    /// A log with edits that replace two bytes at each of these offsets by `+`.
    fn log(offsets: &[u64]) -> MendLog {
        let edit = |&at| Edit {
            at,
            remove: 2,
            insert: "+".to_owned(),
        };
        MendLog {
            edits: offsets.iter().map(edit).collect(),
            ..MendLog::default()
        }
    }

    #[test]
    fn each_edit_replaces_what_is_at_its_offset() {
        let (mut out, mut log) = (Vec::new(), log(&[101, 104]));
        let written = write_mended(&mut out, b"abcdefgh", 100, &mut log).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "a+d+gh");
        assert_eq!(written, 6);
        assert!(log.edits.is_empty());
    }

    #[test]
    fn edits_after_the_bytes_wait_for_what_follows_and_those_before_are_over() {
        let (mut out, mut log) = (Vec::new(), log(&[90, 100, 108]));
        let written = write_mended(&mut out, b"abcdefgh", 100, &mut log).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "+cdefgh");
        assert_eq!(written, 7);
        let left: Vec<u64> = log.edits.iter().map(|edit| edit.at).collect();
        assert_eq!(left, [108]);
    }
}
