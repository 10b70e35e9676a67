//! Where in an input something is, as an editor shows it.

use std::fmt;

use serde::Serialize;

/// A place in one input, after decompression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Position {
    /// From 1.
    pub line: u64,
    /// In characters, from 1.
    pub column: u64,
    /// In bytes, from 0.
    pub byte_offset: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            column,
            byte_offset,
        } = self;
        write!(f, "line {line}, column {column} (byte {byte_offset})")
    }
}

impl Position {
    pub(crate) const START: Self = Self {
        line: 1,
        column: 1,
        byte_offset: 0,
    };

    /// The position that many bytes further on.
    pub(crate) fn after(mut self, bytes: &[u8]) -> Self {
        let newlines = memchr::memchr_iter(b'\n', bytes).count() as u64;
        let last_line = match memchr::memrchr(b'\n', bytes) {
            Some(newline) => {
                self.line += newlines;
                self.column = 1;
                &bytes[newline + 1..]
            }
            None => bytes,
        };
        self.column += characters(last_line);
        self.byte_offset += bytes.len() as u64;
        self
    }
}

/// The number of characters in UTF-8, which may be cut anywhere: continuation bytes begin none.
fn characters(text: &[u8]) -> u64 {
    // So few that they are counted in bytes, many at once.
    let parts = text.chunks(255);
    let in_part = |part: &[u8]| {
        part.iter()
            .map(|byte| u8::from(byte & 0xC0 != 0x80))
            .sum::<u8>()
    };
    parts.map(|part| u64::from(in_part(part))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_characters_of_a_long_line_are_counted() {
        for length in [254, 255, 256, 1000] {
            assert_eq!(characters("a".repeat(length).as_bytes()), length as u64);
            assert_eq!(characters("й".repeat(length).as_bytes()), length as u64);
        }
    }

    #[test]
    fn columns_count_characters_and_offsets_bytes() {
        let position = Position::START.after("ab\nпри".as_bytes());
        assert_eq!(
            position,
            Position {
                line: 2,
                column: 4,
                byte_offset: 9
            }
        );
        assert_eq!(
            position.after(b"\n\n").to_string(),
            "line 4, column 1 (byte 11)"
        );
    }
}
