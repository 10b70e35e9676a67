//! The window and the scanner together: attempts that get more bytes until they succeed.

use std::borrow::Cow;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use super::capture::RawCopy;
use super::stretch::Stretch;
use super::window::Window;
use crate::json::cursor::{Cursor, Stop};
use crate::json::mend::MendLog;
use crate::json::span::StringSpan;
use crate::json::value::ValueScanner;
use crate::json::walk;
use crate::position::Position;

/// The largest element that is read whole. Telegram's longest messages have some 100 KB of JSON.
const LARGEST_ELEMENT: usize = 16 << 20;

/// Why reading stopped.
#[derive(Debug)]
pub(crate) enum ReadError {
    Io(io::Error),
    /// Writing the raw copy failed.
    RawCopy(io::Error),
    Cancelled,
    Syntax {
        position: Position,
        problem: &'static str,
    },
    /// The input ended inside a value.
    EndsEarly {
        position: Position,
    },
    /// An element that has to be read whole is larger than [`LARGEST_ELEMENT`].
    TooLarge {
        position: Position,
    },
}

/// Reads one input, with its mends and its raw copy.
pub(crate) struct Reader<'r, 'o> {
    window: Window<'r>,
    pub(crate) log: MendLog,
    raw: Option<&'r mut RawCopy<'o>>,
    cancelled: &'r AtomicBool,
}

impl<'r, 'o> Reader<'r, 'o> {
    pub(crate) fn new(
        window: Window<'r>,
        raw: Option<&'r mut RawCopy<'o>>,
        cancelled: &'r AtomicBool,
    ) -> Self {
        let log = MendLog {
            keep_edits: raw.is_some(),
            ..MendLog::default()
        };
        Self {
            window,
            log,
            raw,
            cancelled,
        }
    }

    /// Whether messages are read ahead.
    pub(crate) fn reads_ahead(&self) -> bool {
        self.window.is_read_ahead()
    }

    /// Whether messages were read ahead from where the unread part begins.
    pub(super) fn is_at_stretch(&mut self) -> bool {
        self.window.is_at_stretch()
    }

    /// Moves past the messages that were read ahead from here on.
    pub(super) fn take_stretch(&mut self) -> Stretch {
        self.window.take_stretch()
    }

    /// Runs `attempt` on the unread bytes, with more of them each time that it was incomplete, and
    /// moves past what the successful attempt read.
    pub(crate) fn attempt<T>(
        &mut self,
        mut attempt: impl FnMut(&mut Cursor<'_, '_>) -> Result<T, Stop>,
    ) -> Result<T, ReadError> {
        loop {
            let mark = self.log.mark();
            let unread = self.window.unread();
            let visible = &unread[..unread.len().min(LARGEST_ELEMENT)];
            let last = self.at_last_bytes() && visible.len() == unread.len();
            let offset = self.window.offset();
            let mut cursor = Cursor::new(visible, offset, last, &mut self.log);
            match attempt(&mut cursor) {
                Ok(value) => {
                    let passed = cursor.at;
                    self.window.consume(passed);
                    return Ok(value);
                }
                Err(Stop::Incomplete) => {
                    self.log.roll_back(&mark);
                    let unread = self.window.unread().len();
                    if unread >= LARGEST_ELEMENT {
                        return Err(ReadError::TooLarge {
                            position: self.window.position(0),
                        });
                    }
                    self.more(unread)?;
                }
                Err(Stop::Syntax { at, problem }) => return Err(self.syntax(at, problem)),
            }
        }
    }

    /// Moves into an object, to the value of its first member, and gives that member's key; to its
    /// end if it has none.
    pub(crate) fn first_key(&mut self) -> Result<Option<Cow<'static, str>>, ReadError> {
        self.key_after(walk::open_object)
    }

    /// Moves from the end of a member to the value of the next, and gives that member's key; to the
    /// end of the object if there is none.
    pub(crate) fn next_key(&mut self) -> Result<Option<Cow<'static, str>>, ReadError> {
        self.key_after(walk::after_member)
    }

    fn key_after(
        &mut self,
        step: impl Fn(&mut Cursor<'_, '_>) -> Result<bool, Stop>,
    ) -> Result<Option<Cow<'static, str>>, ReadError> {
        self.attempt(|cursor| {
            if !step(cursor)? {
                return Ok(None);
            }
            let key = owned_key(walk::key(cursor)?);
            // The value's first byte, so that it can be peeked at.
            cursor.peek()?;
            Ok(Some(key))
        })
    }

    /// Passes over a value of any size, keeping nothing of it.
    pub(crate) fn skip_value(&mut self) -> Result<(), ReadError> {
        let mut scanner = ValueScanner::new();
        loop {
            let last = self.at_last_bytes();
            let offset = self.window.offset();
            let mut cursor = Cursor::new(self.window.unread(), offset, last, &mut self.log);
            let result = scanner.advance(&mut cursor);
            let passed = cursor.at;
            match result {
                Ok(()) => {
                    self.window.consume(passed);
                    return Ok(());
                }
                Err(Stop::Incomplete) => {
                    self.window.consume(passed);
                    let unread = self.window.unread().len();
                    self.more(unread)?;
                }
                Err(Stop::Syntax { at, problem }) => return Err(self.syntax(at, problem)),
            }
        }
    }

    /// The next byte that is not white space; `None` at the end of the input.
    pub(crate) fn peek(&mut self) -> Result<Option<u8>, ReadError> {
        loop {
            let offset = self.window.offset();
            let mut cursor = Cursor::new(self.window.unread(), offset, true, &mut self.log);
            let next = cursor.peek();
            let passed = cursor.at;
            self.window.consume(passed);
            match next {
                Ok(byte) => return Ok(Some(byte)),
                Err(_) if self.window.meets_invalid_utf8() => return Err(self.invalid_utf8()),
                Err(_) if self.window.ended() => return Ok(None),
                Err(_) => self.more(0)?,
            }
        }
    }

    /// The first byte of the value that comes next; a space at the end of the input.
    pub(crate) fn peek_value(&mut self) -> Result<u8, ReadError> {
        Ok(self.peek()?.unwrap_or(b' '))
    }

    fn at_last_bytes(&self) -> bool {
        self.window.ended() && !self.window.meets_invalid_utf8()
    }

    fn more(&mut self, unread: usize) -> Result<(), ReadError> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(ReadError::Cancelled);
        }
        if self.window.meets_invalid_utf8() {
            return Err(self.invalid_utf8());
        }
        if let Some(raw) = &mut self.raw {
            raw.take(&self.window, &mut self.log)
                .map_err(ReadError::RawCopy)?;
        }
        if self.window.fill().map_err(ReadError::Io)? {
            Ok(())
        } else {
            Err(ReadError::EndsEarly {
                position: self.window.position(unread),
            })
        }
    }

    fn invalid_utf8(&self) -> ReadError {
        self.syntax(self.window.unread().len(), "bytes that are not UTF-8")
    }

    /// A syntax error `ahead` bytes after what was consumed.
    pub(crate) fn syntax(&self, ahead: usize, problem: &'static str) -> ReadError {
        ReadError::Syntax {
            position: self.window.position(ahead),
            problem,
        }
    }

    /// Where the unread part begins.
    pub(crate) fn position(&self) -> Position {
        self.window.position(0)
    }

    pub(crate) fn cut_short(&self) -> bool {
        self.window.cut_short()
    }

    /// The first bytes of the input, to say what it is if it is not an export.
    pub(crate) fn unread(&self) -> &[u8] {
        self.window.unread()
    }

    pub(crate) fn consume(&mut self, count: usize) {
        self.window.consume(count);
    }

    pub(crate) fn raw_begin(&mut self) -> Result<(), ReadError> {
        self.raw_do(|raw, window, log| {
            // Edits of what lies before the object belong to no chat.
            log.edits.clear();
            raw.begin(window.offset())
        })
    }

    pub(crate) fn raw_admit(&mut self) -> Result<(), ReadError> {
        self.raw_do(|raw, _, _| raw.admit())
    }

    #[inline]
    pub(crate) fn raw_commit(&mut self) {
        if let Some(raw) = &mut self.raw {
            raw.commit(self.window.offset());
        }
    }

    pub(crate) fn raw_cancel(&mut self) -> Result<(), ReadError> {
        self.raw_do(|raw, _, _| raw.cancel())
    }

    pub(crate) fn raw_end(&mut self, closers: &str) -> Result<(), ReadError> {
        self.raw_do(|raw, window, log| raw.end(window, log, closers))
    }

    fn raw_do(
        &mut self,
        action: impl FnOnce(&mut RawCopy<'o>, &Window<'r>, &mut MendLog) -> io::Result<()>,
    ) -> Result<(), ReadError> {
        match &mut self.raw {
            Some(raw) => action(raw, &self.window, &mut self.log).map_err(ReadError::RawCopy),
            None => Ok(()),
        }
    }
}

/// A key; those that every chat has cost no memory.
fn owned_key(span: StringSpan<'_>) -> Cow<'static, str> {
    const OF_CHATS: [&str; 4] = ["name", "type", "id", "messages"];
    match OF_CHATS.iter().find(|key| key.as_bytes() == span.bytes) {
        Some(key) => Cow::Borrowed(key),
        None => Cow::Owned(span.decode()),
    }
}
