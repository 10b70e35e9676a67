//! The part of an input that is in memory: a buffer that slides over the stream.

use std::collections::VecDeque;
use std::io::{self, Read};

use super::segment::{Segment, Segments};
use super::stretch::Stretch;
use crate::position::Position;

/// Bytes that one read asks for.
const STEP: usize = 512 << 10;

/// Opens a window on a stream.
pub(crate) type OpenWindow<'a> = dyn Fn(Box<dyn Read + Send>) -> Window<'a> + 'a;

/// Where the bytes of a window come from.
enum Bytes<'r> {
    Stream(Box<dyn Read + 'r>),
    /// From a stream of which messages are read ahead.
    Segments(Box<dyn Segments + 'r>),
}

/// A buffer over a stream. Its unread part is always whole UTF-8 characters.
pub(crate) struct Window<'r> {
    bytes: Bytes<'r>,
    /// What was read ahead of the bytes in the buffer, and is not taken yet.
    stretches: VecDeque<Stretch>,
    buffer: Vec<u8>,
    /// Where the unread part begins.
    start: usize,
    /// Where the checked part ends; after it there may be the first bytes of a character.
    checked: usize,
    filled: usize,
    ended: bool,
    /// Why nothing could be read after the buffer, until that is said.
    failed: Option<io::Error>,
    /// Set where the stream ended in the middle of compressed data.
    cut_short: bool,
    invalid_utf8: bool,
    /// The position of `buffer[0]`.
    origin: Position,
}

impl<'r> Window<'r> {
    pub(crate) fn new(reader: Box<dyn Read + 'r>) -> Self {
        Self::of(Bytes::Stream(reader))
    }

    /// A window on an input of which messages are read ahead.
    pub(crate) fn read_ahead(segments: impl Segments + 'r) -> Self {
        Self::of(Bytes::Segments(Box::new(segments)))
    }

    fn of(bytes: Bytes<'r>) -> Self {
        Self {
            bytes,
            stretches: VecDeque::new(),
            buffer: Vec::new(),
            start: 0,
            checked: 0,
            filled: 0,
            ended: false,
            failed: None,
            cut_short: false,
            invalid_utf8: false,
            origin: Position::START,
        }
    }

    /// What is read but not consumed yet.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.buffer[self.start..self.checked]
    }

    /// The bytes from an offset of the input on that were consumed; they are there until the next
    /// [`Self::fill`].
    pub(crate) fn consumed(&self, from_offset: u64) -> &[u8] {
        &self.buffer[self.index(from_offset)..self.start]
    }

    fn index(&self, offset: u64) -> usize {
        usize::try_from(offset - self.origin.byte_offset).expect("the range is in the buffer")
    }

    /// Offset in the input of the first unread byte.
    pub(crate) fn offset(&self) -> u64 {
        self.origin.byte_offset + self.start as u64
    }

    /// The position `ahead` bytes after the first unread byte.
    pub(crate) fn position(&self, ahead: usize) -> Position {
        self.origin.after(&self.buffer[..self.start + ahead])
    }

    pub(crate) fn consume(&mut self, count: usize) {
        debug_assert!(self.start + count <= self.checked);
        self.start += count;
    }

    /// Whether messages are read ahead.
    pub(crate) fn is_read_ahead(&self) -> bool {
        matches!(self.bytes, Bytes::Segments(_))
    }

    /// Whether messages were read ahead from where the unread part begins.
    pub(super) fn is_at_stretch(&mut self) -> bool {
        self.forget_passed();
        let offset = self.offset();
        self.stretches
            .front()
            .is_some_and(|stretch| stretch.start == offset)
    }

    /// Lets go of stretches that began before the unread part: they were read otherwise, or passed over.
    fn forget_passed(&mut self) {
        let offset = self.offset();
        let passed = self
            .stretches
            .iter()
            .take_while(|stretch| stretch.start < offset);
        self.stretches.drain(..passed.count());
    }

    /// Consumes the messages that were read ahead from here on.
    pub(super) fn take_stretch(&mut self) -> Stretch {
        let stretch = self.stretches.pop_front();
        let stretch = stretch.expect("the unread part begins with messages that were read ahead");
        self.consume(self.index(stretch.end) - self.start);
        stretch
    }

    /// Whether nothing will come after the unread part.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Whether the unread part is followed by bytes that are not UTF-8.
    pub(crate) fn meets_invalid_utf8(&self) -> bool {
        self.invalid_utf8
    }

    /// Whether the stream itself was cut off, as a half-downloaded gzip is.
    pub(crate) fn cut_short(&self) -> bool {
        self.cut_short
    }

    /// Reads more after the unread part, letting go of what was consumed. `false` if there is
    /// nothing more to read.
    pub(crate) fn fill(&mut self) -> io::Result<bool> {
        if self.ended || self.invalid_utf8 {
            return Ok(false);
        }
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.forget_passed();
        self.origin = self.origin.after(&self.buffer[..self.start]);
        self.buffer.copy_within(self.start..self.filled, 0);
        self.filled -= self.start;
        self.checked -= self.start;
        self.start = 0;
        let before = self.filled;
        let twice = self.filled * 2;
        let enough = match self.bytes {
            Bytes::Stream(_) => twice.max(STEP),
            Bytes::Segments(_) => twice,
        };
        loop {
            match self.read(enough) {
                Ok(0) => self.ended = true,
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    self.ended = true;
                    self.cut_short = true;
                }
                Err(error) if self.filled == before => return Err(error),
                // What came before it comes first.
                Err(error) => self.failed = Some(error),
            }
            if self.ended || self.failed.is_some() || self.filled >= enough {
                self.check_utf8();
                return Ok(true);
            }
        }
    }

    /// Reads once: from a stream until at most `most` bytes are filled, or else the next segment. Gives the number of bytes
    /// that came; 0 at the end.
    fn read(&mut self, most: usize) -> io::Result<usize> {
        let segments = match &mut self.bytes {
            Bytes::Stream(reader) => {
                if self.buffer.len() < most {
                    self.buffer.resize(most, 0);
                }
                return reader.read(&mut self.buffer[self.filled..most]);
            }
            Bytes::Segments(segments) => segments,
        };
        let spent = if self.filled == 0 {
            std::mem::take(&mut self.buffer)
        } else {
            Vec::new()
        };
        let Some(segment) = segments.next(spent)? else {
            return Ok(0);
        };
        let Segment {
            bytes,
            is_text,
            stretches,
            ..
        } = segment;
        let count = bytes.len();
        if is_text && self.checked == self.filled {
            self.checked += count;
        }
        if self.filled == 0 {
            self.buffer = bytes;
        } else {
            self.buffer.truncate(self.filled);
            self.buffer.extend_from_slice(&bytes);
        }
        self.stretches.extend(stretches);
        Ok(count)
    }

    fn check_utf8(&mut self) {
        let unchecked = &self.buffer[self.checked..self.filled];
        if simdutf8::basic::from_utf8(unchecked).is_ok() {
            self.checked = self.filled;
        } else if let Err(error) = std::str::from_utf8(unchecked) {
            self.checked += error.valid_up_to();
            // Without a length the error is a character that the next bytes complete, or would have.
            self.invalid_utf8 = error.error_len().is_some();
        }
    }
}

#[cfg(test)]
mod tests {
    use resonare_consumers::SpecialTokens;

    use super::*;
    use crate::input::ahead::AheadReader;
    use crate::input::failing::Failing;
    use crate::input::rules::ReadingRules;
    use crate::settings::Settings;

    /// Gives one byte a read, as a slow pipe does.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = buffer.len().min(1);
            self.0.read(&mut buffer[..count])
        }
    }

    #[test]
    fn a_character_is_never_cut() {
        let text = "пр".repeat(STEP);
        let mut window = Window::new(Box::new(Trickle(text.as_bytes())));
        let mut seen = String::new();
        while window.fill().unwrap() {
            let unread = window.unread().len();
            seen.push_str(std::str::from_utf8(window.unread()).unwrap());
            window.consume(unread);
        }
        assert!(seen == text && !window.meets_invalid_utf8());
        assert_eq!(window.position(0).byte_offset, text.len() as u64);
    }

    #[test]
    fn what_was_read_ahead_of_bytes_that_were_passed_is_let_go() {
        struct Same(usize);
        impl Segments for Same {
            fn next(&mut self, spent: Vec<u8>) -> io::Result<Option<Segment>> {
                assert!(spent.capacity() > 0 || self.0 == 0);
                let settings = Settings::default();
                let none = SpecialTokens::default();
                let rules = ReadingRules::new(&settings, &none, false);
                let text = br#"[{"id": 1}], [{"id": 2}], "#;
                let mut segment = Segment::new((self.0 * text.len()) as u64, text.to_vec());
                AheadReader::new(&rules, false).read(&mut segment);
                self.0 += 1;
                Ok(Some(segment))
            }
        }
        let mut window = Window::read_ahead(Same(0));
        for _ in 0..5 {
            assert!(window.fill().unwrap());
            assert_eq!(window.stretches.len(), 2);
            window.consume(window.unread().len());
        }
    }

    #[test]
    fn what_came_before_an_error_comes_first() {
        let stream = b"[1, ".chain(Failing(io::ErrorKind::ConnectionReset));
        let mut window = Window::new(Box::new(stream));
        assert!(window.fill().unwrap());
        assert_eq!(window.unread(), b"[1, ");
        assert!(!window.ended());
        let error = window.fill().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[test]
    fn invalid_utf8_is_met_where_it_stands() {
        let mut window = Window::new(Box::new(&b"[\"ab\n\xff\"]"[..]));
        assert!(window.fill().unwrap());
        assert_eq!(window.unread(), b"[\"ab\n");
        assert!(window.meets_invalid_utf8());
        assert_eq!(
            window.position(5),
            Position {
                line: 2,
                column: 1,
                byte_offset: 5
            }
        );
    }
}
