//! Cutting a file into rows: the lines of a JSON Lines file, or the elements of a JSON array. One
//! row is in memory at a time, and no row beyond a bound.

use std::io::{self, BufRead};

use memchr::{memchr, memchr2};

/// Far beyond what any model takes.
const LONGEST_ROW: usize = 8 << 20;

/// A row as it stands in the file.
pub(crate) struct RawRow<'a> {
    /// The line that it begins on, from 1.
    pub(crate) line: u64,
    pub(crate) text: RawText<'a>,
}

pub(crate) enum RawText<'a> {
    /// Without the line feed that ends a line.
    Complete(&'a [u8]),
    /// Longer than the bound.
    TooLong,
    /// The array is not valid: its end or an element is missing, or something follows it.
    Broken,
}

/// Whether the file is a JSON array, as far as its beginning tells.
pub(crate) fn is_array(reader: &mut impl BufRead) -> io::Result<bool> {
    let beginning = reader.fill_buf()?;
    let beginning = without_mark(beginning);
    Ok(beginning.trim_ascii_start().first() == Some(&b'['))
}

/// The bytes after a byte order mark, if there is one.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

/// The part of a row that has been read.
#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    too_long: bool,
}

impl Pending {
    fn push(&mut self, bytes: &[u8]) {
        if self.too_long || self.bytes.len() + bytes.len() > LONGEST_ROW {
            self.too_long = true;
            self.bytes.clear();
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn is_empty(&self) -> bool {
        self.bytes.is_empty() && !self.too_long
    }

    /// Hands the row on and begins another.
    fn finish(&mut self, line: u64, each: &mut impl FnMut(RawRow<'_>)) {
        let text = if self.too_long {
            RawText::TooLong
        } else {
            RawText::Complete(&self.bytes)
        };
        each(RawRow { line, text });
        self.bytes.clear();
        self.too_long = false;
    }
}

/// Calls `each` with every line; the number of bytes read.
pub(crate) fn for_each_line(
    mut reader: impl BufRead,
    mut each: impl FnMut(RawRow<'_>),
) -> io::Result<u64> {
    let mut pending = Pending::default();
    let (mut line, mut read) = (1, 0);
    loop {
        let chunk = reader.fill_buf()?;
        if chunk.is_empty() {
            break;
        }
        let length = chunk.len();
        let mut rest = chunk;
        while let Some(end) = memchr(b'\n', rest) {
            if pending.is_empty() && end <= LONGEST_ROW {
                let text = RawText::Complete(&rest[..end]);
                each(RawRow { line, text });
            } else {
                pending.push(&rest[..end]);
                pending.finish(line, &mut each);
            }
            line += 1;
            rest = &rest[end + 1..];
        }
        pending.push(rest);
        read += length as u64;
        reader.consume(length);
    }
    if !pending.is_empty() {
        pending.finish(line, &mut each);
    }
    Ok(read)
}

/// Calls `each` with every element of the array that the file is; the number of bytes read.
pub(crate) fn for_each_element(
    mut reader: impl BufRead,
    mut each: impl FnMut(RawRow<'_>),
) -> io::Result<u64> {
    let mut cutter = Cutter::default();
    let mut read = 0;
    loop {
        let chunk = reader.fill_buf()?;
        if chunk.is_empty() {
            break;
        }
        let length = chunk.len();
        cutter.take(chunk, &mut each);
        read += length as u64;
        reader.consume(length);
    }
    cutter.end(&mut each);
    Ok(read)
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// Before the array.
    #[default]
    Before,
    /// Before an element.
    Between,
    /// In an element, outside its strings.
    Element,
    String,
    /// After the backslash of a string.
    Escape,
    /// After the array.
    After,
}

/// Cuts an array into its elements at the commas of its own level.
#[derive(Default)]
struct Cutter {
    place: Place,
    /// The brackets and braces that are open, the array's included.
    depth: usize,
    lines_before: u64,
    row_line: u64,
    pending: Pending,
    has_elements: bool,
    broken: bool,
}

impl Cutter {
    fn take(&mut self, chunk: &[u8], each: &mut impl FnMut(RawRow<'_>)) {
        // Where the part of the chunk begins that belongs to the row and is not in `pending`.
        let (mut from, mut at) = (0, 0);
        while at < chunk.len() {
            if self.place == Place::String {
                let Some(end) = memchr2(b'"', b'\\', &chunk[at..]) else {
                    break;
                };
                at += end;
            }
            let was_between = self.place == Place::Between;
            let cuts = self.step(chunk[at]);
            if was_between {
                from = at;
            }
            if cuts {
                self.pending.push(&chunk[from..at]);
                if self.pending.is_empty() {
                    self.broken = true;
                } else {
                    self.pending.finish(self.row_line, each);
                }
            }
            at += 1;
        }
        if matches!(self.place, Place::Element | Place::String | Place::Escape) {
            self.pending.push(&chunk[from..]);
        }
    }

    /// Takes a byte; whether it ends an element.
    fn step(&mut self, byte: u8) -> bool {
        self.lines_before += u64::from(byte == b'\n');
        match self.place {
            Place::Before => {
                if byte == b'[' {
                    self.place = Place::Between;
                    self.depth = 1;
                }
                false
            }
            Place::Between => self.begin(byte),
            Place::Element => self.inside(byte),
            Place::String => {
                self.place = if byte == b'"' {
                    Place::Element
                } else {
                    Place::Escape
                };
                false
            }
            Place::Escape => {
                self.place = Place::String;
                false
            }
            Place::After => {
                self.broken |= !byte.is_ascii_whitespace();
                false
            }
        }
    }

    /// Takes a byte before an element, which is empty where a comma or the end follows.
    fn begin(&mut self, byte: u8) -> bool {
        if byte.is_ascii_whitespace() {
            return false;
        }
        self.row_line = self.lines_before + 1;
        if byte == b']' && !self.has_elements {
            self.place = Place::After;
            return false;
        }
        self.has_elements = true;
        self.place = Place::Element;
        self.inside(byte)
    }

    fn inside(&mut self, byte: u8) -> bool {
        match byte {
            b'"' => self.place = Place::String,
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' => {
                self.depth -= 1;
                if self.depth == 0 {
                    self.broken |= byte == b'}';
                    self.place = Place::After;
                    return true;
                }
            }
            b',' if self.depth == 1 => {
                self.place = Place::Between;
                return true;
            }
            _ => {}
        }
        false
    }

    fn end(&mut self, each: &mut impl FnMut(RawRow<'_>)) {
        if self.place != Place::After || self.broken {
            each(RawRow {
                line: self.lines_before + 1,
                text: RawText::Broken,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    /// Each element with its line; what is broken as `!`.
    fn elements(text: &str, buffer: usize) -> Vec<String> {
        let mut found = Vec::new();
        let reader = BufReader::with_capacity(buffer, text.as_bytes());
        for_each_element(reader, |row| {
            let text = match row.text {
                RawText::Complete(bytes) => String::from_utf8_lossy(bytes).trim().to_owned(),
                RawText::TooLong => "?".to_owned(),
                RawText::Broken => "!".to_owned(),
            };
            found.push(format!("{} {text}", row.line));
        })
        .unwrap();
        found
    }

    #[test]
    fn an_array_is_cut_into_its_elements_wherever_the_buffer_ends() {
        let text = "[\n {\"a\": \"x,]\\\"\"},\n\n [1, 2] , 3\n]\n";
        for buffer in 1..text.len() {
            assert_eq!(
                elements(text, buffer),
                [r#"2 {"a": "x,]\""}"#, "4 [1, 2]", "4 3"],
                "{buffer}"
            );
        }
    }

    #[test]
    fn an_empty_array_has_no_elements() {
        assert!(elements(" [ ] ", 8).is_empty());
    }

    #[test]
    fn nothing_between_two_commas_breaks_the_array() {
        assert_eq!(elements("[1,,2,]", 3), ["1 1", "1 2", "1 !"]);
    }

    #[test]
    fn an_array_without_an_end_or_with_more_after_it_is_broken() {
        assert_eq!(elements("[1,2", 8), ["1 1", "1 !"]);
        assert_eq!(elements("[1] 2", 8), ["1 1", "1 !"]);
        assert_eq!(elements("[1}", 8), ["1 1", "1 !"]);
    }

    #[test]
    fn a_row_beyond_the_bound_is_passed_over_and_the_next_is_read() {
        let text = format!("{}\n{{}}\n", "x".repeat(LONGEST_ROW + 1));
        let mut rows = Vec::new();
        let reader = BufReader::new(text.as_bytes());
        for_each_line(reader, |row| {
            rows.push((row.line, matches!(row.text, RawText::TooLong)));
        })
        .unwrap();
        assert_eq!(rows, [(1, true), (2, false)]);
    }

    proptest! {
        #[test]
        fn elements_are_those_that_serde_json_reads(texts in prop::collection::vec(".{0,12}", 0..6), buffer in 1usize..40) {
            let written = serde_json::to_string(&texts).unwrap();
            let read: Vec<String> = elements(&written, buffer)
                .iter()
                .map(|element| serde_json::from_str(&element[2..]).unwrap())
                .collect();
            prop_assert_eq!(read, texts);
        }
    }
}
