//! Strings that the scanner has passed over, and the text that they stand for.

use std::borrow::Cow;

/// The contents of a scanned string, between its quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StringSpan<'a> {
    /// The bytes as written.
    pub(crate) bytes: &'a [u8],
    /// Whether a backslash is among them, if that is known.
    pub(crate) escaped: Option<bool>,
}

impl<'a> StringSpan<'a> {
    /// Whether a backslash is among the bytes.
    #[inline]
    pub(crate) fn is_escaped(self) -> bool {
        self.escaped
            .unwrap_or_else(|| memchr::memchr(b'\\', self.bytes).is_some())
    }

    /// Whether the string, decoded, is `text` (ASCII, no escapes needed).
    #[inline]
    pub(crate) fn is(self, text: &str) -> bool {
        // Escapes are longer than what they stand for.
        if self.bytes.len() > text.len() && self.is_escaped() {
            self.decode() == text
        } else {
            self.bytes == text.as_bytes()
        }
    }

    /// The text, copied only where it has to be.
    pub(crate) fn decoded(self) -> Cow<'a, str> {
        match std::str::from_utf8(self.bytes) {
            Ok(text) if !self.is_escaped() => Cow::Borrowed(text),
            _ => Cow::Owned(self.decode()),
        }
    }

    /// The text, mends included.
    pub(crate) fn decode(self) -> String {
        let mut text = String::with_capacity(self.bytes.len());
        self.decode_into(&mut text);
        text
    }

    /// Appends the text to `out`.
    #[inline]
    pub(crate) fn decode_into(self, out: &mut String) {
        if self.is_escaped() {
            decode_escaped(self.bytes, out);
        } else {
            push_utf8(self.bytes, out);
        }
    }
}

/// The scanner works on input that was checked to be UTF-8 and cuts it at ASCII bytes, so the lossy
/// branch is for a bug of ours, which must not cost a message.
fn push_utf8(bytes: &[u8], out: &mut String) {
    match std::str::from_utf8(bytes) {
        Ok(text) => out.push_str(text),
        Err(_) => out.push_str(&String::from_utf8_lossy(bytes)),
    }
}

fn decode_escaped(bytes: &[u8], out: &mut String) {
    let mut rest = bytes;
    while let Some(plain) = memchr::memchr(b'\\', rest) {
        push_utf8(&rest[..plain], out);
        rest = &rest[plain..];
        let (character, length) = match rest.get(1) {
            Some(b'b') => ('\u{8}', 2),
            Some(b'f') => ('\u{c}', 2),
            Some(b'n') => ('\n', 2),
            Some(b'r') => ('\r', 2),
            Some(b't') => ('\t', 2),
            Some(b'x') => (
                hex(rest, 2..4)
                    .and_then(char::from_u32)
                    .unwrap_or('\u{fffd}'),
                4,
            ),
            Some(b'u') => unicode_escape(rest),
            Some(&byte) => (char::from(byte), 2),
            None => ('\u{fffd}', 1),
        };
        out.push(character);
        rest = &rest[length.min(rest.len())..];
    }
    push_utf8(rest, out);
}

fn unicode_escape(bytes: &[u8]) -> (char, usize) {
    let unit = code_unit(bytes).unwrap_or(0xFFFD);
    if (0xD800..=0xDBFF).contains(&unit)
        && let Some(low @ 0xDC00..=0xDFFF) = code_unit(&bytes[6.min(bytes.len())..])
    {
        let code_point = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        return (char::from_u32(code_point).unwrap_or('\u{fffd}'), 12);
    }
    (char::from_u32(unit).unwrap_or('\u{fffd}'), 6)
}

/// The UTF-16 code unit of a `\uHHHH` that `bytes` begin with.
pub(crate) fn code_unit(bytes: &[u8]) -> Option<u32> {
    if bytes.starts_with(b"\\u") {
        hex(bytes, 2..6)
    } else {
        None
    }
}

fn hex(bytes: &[u8], range: std::ops::Range<usize>) -> Option<u32> {
    bytes.get(range)?.iter().try_fold(0, |value, &byte| {
        Some(value * 16 + char::from(byte).to_digit(16)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_the_characters_they_name() {
        let span = StringSpan {
            bytes: br#"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude02|\x41|\ud83d|\udc00|\\x41"#,
            escaped: Some(true),
        };
        assert_eq!(
            span.decode(),
            "\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1f602}|A|\u{fffd}|\u{fffd}|\\x41"
        );
    }

    #[test]
    fn a_string_is_told_by_what_it_stands_for_whether_escapes_were_looked_for_or_not() {
        for (bytes, is_text) in [
            ("text", true),
            (r"te\u0078t", true),
            (r"te\x78t", true),
            ("texts", false),
            (r"\x74\x65", false),
            (r"\x7", false),
            ("", false),
        ] {
            let is_escaped = bytes.contains('\\');
            for escaped in [None, Some(is_escaped)] {
                let bytes = bytes.as_bytes();
                let span = StringSpan { bytes, escaped };
                assert_eq!(span.is("text"), is_text, "{bytes:?}");
                assert_eq!(span.is_escaped(), is_escaped, "{bytes:?}");
            }
        }
    }
}
