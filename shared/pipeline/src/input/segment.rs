//! Parts of an input that are read ahead of their turn.

use std::io::{self, Read};

use memchr::memmem;

use super::stretch::Stretch;

/// Bytes of most segments: large enough that handing one on costs nothing, small enough for a processor's cache.
const SIZE: usize = 512 << 10;

/// A part of an input that is read ahead.
pub(crate) struct Segment {
    /// Offset in the input of its first byte.
    pub(super) offset: u64,
    pub(super) bytes: Vec<u8>,
    /// Whether it is known to be UTF-8.
    pub(super) is_text: bool,
    /// What was read of it, in the order of the bytes.
    pub(super) stretches: Vec<Stretch>,
}

impl Segment {
    /// A segment of which nothing is read yet.
    pub(super) fn new(offset: u64, bytes: Vec<u8>) -> Self {
        Self {
            offset,
            bytes,
            is_text: false,
            stretches: Vec::new(),
        }
    }
}

/// Gives the segments of an input in their order.
pub(crate) trait Segments {
    /// The next segment; `None` at the end of the input. `spent` has memory for another one.
    ///
    /// # Errors
    /// Those of the input's reader, after all bytes that came before.
    fn next(&mut self, spent: Vec<u8>) -> io::Result<Option<Segment>>;
}

/// Cuts a stream into segments, where a message seems to begin.
pub(crate) struct Segmenter {
    reader: Box<dyn Read + Send>,
    offset: u64,
    /// What the next segment begins with.
    rest: Vec<u8>,
    /// How the stream ended, if it has.
    end: Option<io::Result<()>>,
}

impl Segmenter {
    pub(crate) fn new(reader: Box<dyn Read + Send>) -> Self {
        Self {
            reader,
            offset: 0,
            rest: Vec::new(),
            end: None,
        }
    }

    /// The next segment, of which nothing is read yet; `None` where the stream ended. `spent` has memory for it.
    pub(crate) fn next(&mut self, mut spent: Vec<u8>) -> Option<Segment> {
        // Nothing is left then.
        if self.end.is_some() {
            return None;
        }
        let mut filled = self.rest.len();
        spent.resize(filled.max(SIZE), 0);
        spent[..filled].copy_from_slice(&self.rest);
        self.rest.clear();
        while self.end.is_none() && filled < spent.len() {
            match self.reader.read(&mut spent[filled..]) {
                Ok(0) => self.end = Some(Ok(())),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.end = Some(Err(error)),
            }
        }
        spent.truncate(filled);
        if self.end.is_none()
            && let Some(start) = last_message(&spent)
        {
            self.rest.extend_from_slice(&spent[start..]);
            spent.truncate(start);
        }
        let offset = self.offset;
        self.offset += spent.len() as u64;
        (!spent.is_empty()).then(|| Segment::new(offset, spent))
    }

    /// How the stream ended, where that was not said before.
    ///
    /// # Errors
    /// That of the reader.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        self.end.replace(Ok(())).unwrap_or(Ok(()))
    }
}

/// The first key of a message, as Telegram writes them.
const FIRST_KEY: &[u8] = b"\"id\":";

/// Where the last message seems to begin, unless it is the beginning.
fn last_message(bytes: &[u8]) -> Option<usize> {
    let mut keys = memmem::rfind_iter(bytes, FIRST_KEY);
    keys.find_map(|key| opening(&bytes[..key]))
        .filter(|start| *start > 0)
}

/// Where the first message from an index on seems to begin.
pub(super) fn next_message(bytes: &[u8], from: usize) -> Option<usize> {
    let mut keys = memmem::find_iter(&bytes[from..], FIRST_KEY);
    keys.find_map(|key| opening(&bytes[from..from + key]))
        .map(|start| from + start)
}

/// The place of the bracket that a slice ends with, after which there may be white space.
fn opening(bytes: &[u8]) -> Option<usize> {
    let before = bytes.trim_ascii_end();
    before.ends_with(b"{").then(|| before.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::failing::Failing;

    /// The segments of a stream, and what comes after them.
    fn segments(stream: impl Read + Send + 'static) -> (Vec<String>, io::Result<()>) {
        let (mut segmenter, mut texts) = (Segmenter::new(Box::new(stream)), Vec::new());
        let mut length = 0;
        while let Some(segment) = segmenter.next(vec![b'x'; 3]) {
            assert_eq!(segment.offset, length);
            length += segment.bytes.len() as u64;
            texts.push(String::from_utf8(segment.bytes).unwrap());
        }
        (texts, segmenter.end())
    }

    #[test]
    fn a_stream_is_cut_where_messages_begin() {
        let message = format!("{{\n \"id\": 1,\n \"text\": {:?}\n}},\n", "a".repeat(1000));
        let stream = message.repeat(2 * SIZE / message.len());
        let (texts, end) = segments(io::Cursor::new(stream.clone()));
        assert!(end.is_ok());
        assert_eq!(texts.concat(), stream);
        assert_eq!(texts.len(), 3);
        for text in &texts[..2] {
            assert!(text.len() > SIZE - message.len() && text.ends_with("},\n"));
        }
    }

    #[test]
    fn a_stream_without_messages_is_cut_all_the_same() {
        let stream = "\"id\": ".repeat(SIZE / 4);
        let (texts, end) = segments(io::Cursor::new(stream.clone()));
        assert!(end.is_ok());
        assert_eq!(texts.concat(), stream);
        assert!(
            texts[..texts.len() - 1]
                .iter()
                .all(|text| text.len() == SIZE)
        );
    }

    #[test]
    fn what_came_before_an_error_is_there() {
        let (texts, end) = segments(b"[1, ".chain(Failing(io::ErrorKind::ConnectionReset)));
        assert_eq!(texts, ["[1, "]);
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }

    #[test]
    fn messages_seem_to_begin_where_an_object_begins_with_an_id() {
        let text = r#"[{"id": 1}, {  "id":2, "x": {"type": "id"}}, {"type": 1, "id": 3}]"#;
        assert_eq!(next_message(text.as_bytes(), 0), Some(1));
        assert_eq!(next_message(text.as_bytes(), 2), Some(12));
        assert_eq!(next_message(text.as_bytes(), 13), None);
        assert_eq!(last_message(text.as_bytes()), Some(12));
        assert_eq!(last_message(&text.as_bytes()[1..11]), None);
    }
}
