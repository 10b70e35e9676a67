//! A position in a slice of JSON, with the scans of single tokens.

use super::marks::Marks;
use super::mend::MendLog;
use super::spaces;
use super::span::{self, StringSpan};

/// Why a scan could not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The slice ended, the input did not: try again with more bytes.
    Incomplete,
    /// The bytes are not JSON.
    Syntax {
        /// Index in the slice of the first byte that does not fit.
        at: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// A position in a slice of JSON.
pub(crate) struct Cursor<'a, 'm> {
    bytes: &'a [u8],
    /// Index of the next byte.
    pub(crate) at: usize,
    /// Offset in the input of the slice's first byte.
    base: u64,
    /// Whether the input ends where the slice ends.
    last: bool,
    marks: Marks,
    pub(crate) log: &'m mut MendLog,
}

impl<'a, 'm> Cursor<'a, 'm> {
    pub(crate) fn new(bytes: &'a [u8], base: u64, last: bool, log: &'m mut MendLog) -> Self {
        Self {
            bytes,
            at: 0,
            base,
            last,
            marks: Marks::NONE,
            log,
        }
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    fn offset(&self, at: usize) -> u64 {
        self.base + at as u64
    }

    pub(crate) fn syntax<T>(at: usize, problem: &'static str) -> Result<T, Stop> {
        Err(Stop::Syntax { at, problem })
    }

    /// The next byte that is not white space, without moving past it.
    #[inline]
    pub(crate) fn peek(&mut self) -> Result<u8, Stop> {
        loop {
            match self.bytes.get(self.at) {
                None => return Err(Stop::Incomplete),
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.pass_white_space(),
                Some(&byte) => return Ok(byte),
            }
        }
    }

    /// Exports are indented with spaces, so runs of them are passed in one step.
    #[inline]
    fn pass_white_space(&mut self) {
        self.at += 1;
        while let Some(passed) = spaces::leading_spaces(&self.bytes[self.at..]) {
            self.at += passed;
            if passed < spaces::LONGEST {
                return;
            }
        }
        while self.bytes.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
    }

    /// Moves past `byte`, after white space.
    #[inline]
    pub(crate) fn expect(&mut self, byte: u8, problem: &'static str) -> Result<(), Stop> {
        if self.peek()? == byte {
            self.at += 1;
            Ok(())
        } else {
            Self::syntax(self.at, problem)
        }
    }

    /// Moves past a string that begins at the cursor. On [`Stop::Incomplete`] the cursor is
    /// somewhere inside it.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<StringSpan<'a>, Stop> {
        debug_assert_eq!(self.bytes.get(self.at), Some(&b'"'));
        self.at += 1;
        let start = self.at;
        let escaped = self.string_tail()?;
        Ok(StringSpan {
            bytes: &self.bytes[start..self.at - 1],
            escaped: Some(escaped),
        })
    }

    /// Moves past bytes of a string that stand for themselves, and returns whether it stopped at one that does not. If it
    /// didn't, less than a block is left.
    #[inline]
    fn pass_plain(&mut self) -> bool {
        while let Some(rest) = self.marks.rest(self.bytes, self.at) {
            let (plain, is_over) = rest.before_mark();
            self.at += plain;
            if is_over {
                return true;
            }
        }
        false
    }

    /// Moves past the rest of a string, its closing quote included, and says whether a backslash
    /// was met. On [`Stop::Incomplete`] everything before the cursor is done with, so a caller that
    /// does not need the text can go on from there.
    #[inline]
    pub(crate) fn string_tail(&mut self) -> Result<bool, Stop> {
        if self.pass_plain() && self.bytes[self.at] == b'"' {
            self.at += 1;
            return Ok(false);
        }
        self.special_tail()
    }

    /// As [`Self::string_tail`], where something else than the quote may come next.
    fn special_tail(&mut self) -> Result<bool, Stop> {
        let mut escaped = false;
        loop {
            self.pass_plain();
            match self.bytes.get(self.at) {
                None => return Err(Stop::Incomplete),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(&byte) if byte < 0x20 => {
                    self.log.counts.raw_control_byte += 1;
                    let at = self.offset(self.at);
                    self.log.edit(at, 1, || format!("\\u{byte:04x}"));
                    self.at += 1;
                }
                Some(_) => self.at += 1,
            }
        }
    }

    /// Moves past one escape sequence, or not at all.
    fn escape(&mut self) -> Result<(), Stop> {
        const PROBLEM: &str = "invalid escape in a string";
        let at = self.at;
        match self.bytes.get(at + 1) {
            None => Err(Stop::Incomplete),
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'x') => {
                let byte = self.hex(at + 2, 2)?;
                self.log.counts.hex_escape += 1;
                let offset = self.offset(at);
                self.log.edit(offset, 4, || format!("\\u{byte:04x}"));
                self.at += 4;
                Ok(())
            }
            Some(b'u') => {
                let unit = self.hex(at + 2, 4)?;
                let paired = match unit {
                    0xD800..=0xDBFF => self.low_surrogate_follows(at + 6)?,
                    0xDC00..=0xDFFF => false,
                    _ => {
                        self.at += 6;
                        return Ok(());
                    }
                };
                if paired {
                    self.at += 12;
                } else {
                    self.log.counts.unpaired_surrogate += 1;
                    let offset = self.offset(at);
                    self.log.edit(offset, 6, || "\\ufffd".to_owned());
                    self.at += 6;
                }
                Ok(())
            }
            Some(_) => Self::syntax(at, PROBLEM),
        }
    }

    fn hex(&self, at: usize, digits: usize) -> Result<u32, Stop> {
        let mut value = 0;
        for index in at..at + digits {
            let Some(&byte) = self.bytes.get(index) else {
                return Err(Stop::Incomplete);
            };
            let Some(digit) = char::from(byte).to_digit(16) else {
                return Self::syntax(index, "invalid escape in a string");
            };
            value = value * 16 + digit;
        }
        Ok(value)
    }

    fn low_surrogate_follows(&self, at: usize) -> Result<bool, Stop> {
        let rest = &self.bytes[at.min(self.bytes.len())..];
        let begins_like_one = rest
            .iter()
            .zip(b"\\u")
            .all(|(found, wanted)| found == wanted);
        if rest.len() < 6 && begins_like_one && !self.last {
            return Err(Stop::Incomplete);
        }
        Ok(span::code_unit(rest).is_some_and(|unit| (0xDC00..=0xDFFF).contains(&unit)))
    }

    /// Moves past a number, `true`, `false` or `null` that begins at the cursor, or not at all.
    /// Inside an object or a list, a number that the input ends with may have been cut.
    pub(crate) fn scalar(&mut self, is_root: bool) -> Result<(), Stop> {
        let may_end = self.last && is_root;
        let literal: &[u8] = match self.bytes.get(self.at) {
            None => return Err(Stop::Incomplete),
            Some(b't') => b"true",
            Some(b'f') => b"false",
            Some(b'n') => b"null",
            Some(b'1'..=b'9') if self.plain_number() => return Ok(()),
            Some(b'-' | b'0'..=b'9') => return self.number(may_end),
            Some(_) => return Self::syntax(self.at, "expected a value"),
        };
        for (index, wanted) in literal.iter().enumerate() {
            match self.bytes.get(self.at + index) {
                None => return Err(Stop::Incomplete),
                Some(found) if found == wanted => {}
                Some(_) => return Self::syntax(self.at, "expected a value"),
            }
        }
        let end = self.at + literal.len();
        self.end_scalar(end, may_end, "expected a value")
    }

    /// A scalar ends where a delimiter follows; at the edge of the slice that is not known yet.
    fn end_scalar(&mut self, end: usize, may_end: bool, problem: &'static str) -> Result<(), Stop> {
        match self.bytes.get(end) {
            None if !may_end => Err(Stop::Incomplete),
            None | Some(b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t') => {
                self.at = end;
                Ok(())
            }
            Some(_) => Self::syntax(self.at, problem),
        }
    }

    /// Moves past digits that a comma follows, as most numbers are written, or not at all.
    #[inline]
    fn plain_number(&mut self) -> bool {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|byte| !byte.is_ascii_digit());
        let digits = end.filter(|end| rest[*end] == b',');
        self.at += digits.unwrap_or(0);
        digits.is_some()
    }

    fn number(&mut self, may_end: bool) -> Result<(), Stop> {
        const PROBLEM: &str = "invalid number";
        let digits = |from: usize| {
            let rest = &self.bytes[from.min(self.bytes.len())..];
            rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
        };
        let more = |at: usize| at >= self.bytes.len() && !may_end;
        let mut end = self.at + usize::from(self.bytes[self.at] == b'-');
        match self.bytes.get(end) {
            Some(b'0') => end += 1,
            Some(b'1'..=b'9') => end += digits(end),
            None if more(end) => return Err(Stop::Incomplete),
            _ => return Self::syntax(self.at, PROBLEM),
        }
        if self.bytes.get(end) == Some(&b'.') {
            let fraction = digits(end + 1);
            if fraction == 0 && !more(end + 1) {
                return Self::syntax(self.at, PROBLEM);
            }
            end += 1 + fraction;
        }
        if matches!(self.bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end + 1 + sign);
            if exponent == 0 && !more(end + 1 + sign) {
                return Self::syntax(self.at, PROBLEM);
            }
            end += 1 + sign + exponent;
        }
        self.end_scalar(end, may_end, PROBLEM)
    }

    /// Moves past what tdesktop 4.0.4 to 4.1.1 wrote as the value of `document_id`: the bare text
    /// up to the end of the line, a trailing comma aside. `false` if no such line is in sight.
    pub(crate) fn unquoted_line(&mut self) -> Result<bool, Stop> {
        /// A path or a remark of the exporter: far shorter than this.
        const LONGEST: usize = 4096;
        let rest = &self.bytes[self.at..];
        let searched = &rest[..rest.len().min(LONGEST)];
        let Some(end) = memchr::memchr(b'\n', searched) else {
            return if rest.len() < LONGEST && !self.last {
                Err(Stop::Incomplete)
            } else {
                Ok(false)
            };
        };
        let line = searched[..end].trim_ascii_end();
        let text = line.strip_suffix(b",").unwrap_or(line).trim_ascii_end();
        let Ok(text_str) = std::str::from_utf8(text) else {
            return Ok(false);
        };
        if text.is_empty() {
            return Ok(false);
        }
        self.log.counts.unquoted_document_id += 1;
        let at = self.offset(self.at);
        self.log.edit(at, text.len(), || {
            serde_json::Value::from(text_str).to_string()
        });
        self.at += text.len();
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str, last: bool) -> (Result<Vec<u8>, Stop>, MendLog) {
        let mut log = MendLog {
            keep_edits: true,
            ..MendLog::default()
        };
        let mut cursor = Cursor::new(text.as_bytes(), 0, last, &mut log);
        let result = cursor.string().map(|span| span.bytes.to_vec());
        (result, log)
    }

    #[test]
    fn a_string_ends_at_its_quote_wherever_it_stands() {
        // Up to a block, and beyond several, with and without a whole one after it.
        for (length, more) in (0..200).flat_map(|length| [(length, 0), (length, 70)]) {
            let (body, more) = ("a".repeat(length), " ".repeat(more));
            let (span, log) = scan(&format!("\"{body}\", \"next\"{more}"), true);
            assert_eq!(span.unwrap(), body.as_bytes());
            assert_eq!(log.counts, crate::json::mend::Mends::default());
        }
    }

    #[test]
    fn every_prefix_of_a_string_is_incomplete() {
        let whole = r#""a\x01\ud83d\ude02 \ud83d b\n long enough for words""#;
        for end in 1..whole.len() {
            let (result, _) = scan(&whole[..end], false);
            assert_eq!(result, Err(Stop::Incomplete), "{}", &whole[..end]);
        }
    }

    #[test]
    fn defects_of_the_exporter_are_counted_and_edited() {
        for (before, after) in [(0, 0), (0, 70), (63, 70), (100, 200)] {
            let (before, after) = ("b".repeat(before), " ".repeat(after));
            let text = format!("\"{before}a\\x1F\u{2}\\ud83d!\\udc00{after}\"{after}");
            let (span, log) = scan(&text, true);
            assert!(span.is_ok());
            assert_eq!(log.counts.hex_escape, 1);
            assert_eq!(log.counts.raw_control_byte, 1);
            assert_eq!(log.counts.unpaired_surrogate, 2);
            let inserted: Vec<_> = log.edits.iter().map(|edit| edit.insert.as_str()).collect();
            assert_eq!(inserted, ["\\u001f", "\\u0002", "\\ufffd", "\\ufffd"]);
        }
    }

    #[test]
    fn a_pair_of_surrogates_is_one_character_wherever_it_stands() {
        for before in (0..20).chain(50..140) {
            let body = format!("{}\\ud83d\\ude02!", "a".repeat(before));
            let (span, log) = scan(&format!("\"{body}\"{}", " ".repeat(before)), true);
            assert_eq!(span.unwrap(), body.as_bytes());
            assert_eq!(log.counts, crate::json::mend::Mends::default(), "{before}");
        }
    }

    #[test]
    fn a_first_half_that_the_input_ends_with_is_unpaired() {
        for rest in ["", "\\", "\\u", "\\ude0", "\\uzzzz", "\\u0041", "x"] {
            let (_, log) = scan(&format!("\"\\ud83d{rest}"), true);
            assert_eq!(log.counts.unpaired_surrogate, 1, "{rest}");
        }
        let (result, log) = scan("\"\\ud83dx", false);
        assert_eq!(
            (result, log.counts.unpaired_surrogate),
            (Err(Stop::Incomplete), 1)
        );
    }

    #[test]
    fn an_escape_that_is_none_is_named_where_it_stands() {
        for (text, at) in [("\"a\\q\"", 2), ("\"a\\xg0\"", 4), ("\"\\u12g4\"", 5)] {
            let problem = "invalid escape in a string";
            assert_eq!(
                scan(text, true).0,
                Err(Stop::Syntax { at, problem }),
                "{text}"
            );
        }
    }

    #[test]
    fn a_scalar_at_the_edge_of_the_slice_may_go_on() {
        let scalar = |text: &str, last, is_root| {
            let mut log = MendLog::default();
            let mut cursor = Cursor::new(text.as_bytes(), 0, last, &mut log);
            cursor.scalar(is_root).map(|()| cursor.at)
        };
        let number = "-12.5e+10";
        for text in ["true", "null", number] {
            assert_eq!(
                scalar(text, true, true),
                Ok(text.len()),
                "the input is {text}"
            );
            assert_eq!(scalar(text, true, false), Err(Stop::Incomplete), "{text}");
            for end in 1..=text.len() {
                assert_eq!(scalar(&text[..end], false, true), Err(Stop::Incomplete));
            }
            for delimiter in [",", "]", "}", " ", "\n", "\r", "\t"] {
                let ended = format!("{text}{delimiter}");
                assert_eq!(scalar(&ended, false, false), Ok(text.len()));
            }
            assert!(matches!(
                scalar(&format!("{text}x"), false, false),
                Err(Stop::Syntax { at: 0, .. })
            ));
        }
    }

    #[test]
    fn an_unquoted_line_ends_before_its_comma_and_its_white_space() {
        let line = |text: &str, last| {
            let mut log = MendLog {
                keep_edits: true,
                ..MendLog::default()
            };
            let mut cursor = Cursor::new(text.as_bytes(), 100, last, &mut log);
            let result = cursor.unquoted_line().map(|found| (found, cursor.at));
            let edits: Vec<_> = log.edits.into_iter().collect();
            (result, edits)
        };
        for (text, length) in [("a (1) \n", 5), ("a, b ,\n", 4), ("\"x\"\r\n", 3)] {
            let (result, edits) = line(text, false);
            assert_eq!(result, Ok((true, length)), "{text}");
            let quoted = serde_json::Value::from(&text[..length]).to_string();
            assert_eq!((edits[0].at, edits[0].remove), (100, length));
            assert_eq!(edits[0].insert, quoted);
        }
        assert_eq!(line("a", false).0, Err(Stop::Incomplete));
        for none in ["a", " ,\n", "\n"] {
            assert_eq!(line(none, true).0, Ok((false, 0)), "{none}");
        }
        let long = "a".repeat(4096);
        assert_eq!(line(&long, false).0, Ok((false, 0)));
    }

    #[test]
    fn only_the_numbers_of_the_standard_are_numbers() {
        let accepts = |text: &str| {
            let mut log = MendLog::default();
            Cursor::new(text.as_bytes(), 0, true, &mut log)
                .scalar(true)
                .is_ok()
        };
        for good in [
            "0",
            "-0",
            "12",
            "1.5",
            "1e9",
            "1E-9",
            "-1.25e+10",
            "123456789012345678901234567890",
        ] {
            assert!(accepts(good), "{good}");
        }
        for bad in [
            "01", "-", "1.", ".5", "1e", "1e+", "+1", "0x1", "NaN", "Infinity", "tru", "nul",
        ] {
            assert!(!accepts(bad), "{bad}");
        }
    }
}
