//! Decoding of string contents that the scanner has accepted, and encoding of our own.

use std::borrow::Cow;

use super::cursor::{self, StringSpan};

/// Appends `text` as the contents of a JSON string: UTF-8 as it is, escapes only where JSON demands
/// them.
pub(crate) fn encode_into(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let (mut plain_from, mut at) = (0, 0);
    while at < bytes.len() {
        if let Some(word) = cursor::word(bytes, at) {
            let specials = cursor::string_specials(word);
            if specials == 0 {
                at += 8;
                continue;
            }
            at += (specials.trailing_zeros() / 8) as usize;
        }
        let byte = bytes[at];
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            at += 1;
            continue;
        }
        out.extend_from_slice(&bytes[plain_from..at]);
        at += 1;
        plain_from = at;
        let short = match byte {
            b'"' | b'\\' => byte,
            0x08 => b'b',
            0x0C => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            _ => {
                let digit = |value: u8| b"0123456789abcdef"[usize::from(value)];
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[digit(byte >> 4), digit(byte & 0xF)]);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', short]);
    }
    out.extend_from_slice(&bytes[plain_from..]);
}

/// The string that a scanned span stands for, copied only where it has to be.
pub(crate) fn decoded(span: StringSpan<'_>) -> Cow<'_, str> {
    match std::str::from_utf8(span.bytes) {
        Ok(text) if !span.escaped => Cow::Borrowed(text),
        _ => Cow::Owned(decode(span)),
    }
}

/// The string that a scanned span stands for, mends included.
pub(crate) fn decode(span: StringSpan<'_>) -> String {
    let mut text = String::with_capacity(span.bytes.len());
    decode_into(span, &mut text);
    text
}

/// Appends the decoded string to `out`.
#[inline]
pub(crate) fn decode_into(span: StringSpan<'_>, out: &mut String) {
    if span.escaped {
        decode_escaped(span.bytes, out);
    } else {
        push_utf8(span.bytes, out);
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
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_what_serde_json_writes(text in any::<String>()) {
            let mut out = vec![b'"'];
            encode_into(&text, &mut out);
            out.push(b'"');
            prop_assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
        }
    }

    #[test]
    fn escapes_become_the_characters_they_name() {
        let span = StringSpan {
            bytes: br#"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude02|\x41|\ud83d|\udc00|\\x41"#,
            escaped: true,
        };
        assert_eq!(
            decode(span),
            "\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1f602}|A|\u{fffd}|\u{fffd}|\\x41"
        );
    }
}
