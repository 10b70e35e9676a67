//! Strings of our own as JSON.

use super::words::{WORD_BYTES, first_marked, string_specials, word};

/// Appends `text` as the contents of a JSON string: UTF-8 as it is, escapes only where JSON demands
/// them.
pub(crate) fn push_encoded(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let (mut plain_from, mut at) = (0, 0);
    while at < bytes.len() {
        if let Some(word) = word(bytes, at) {
            let specials = string_specials(word);
            if specials == 0 {
                at += WORD_BYTES;
                continue;
            }
            at += first_marked(specials);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_what_serde_json_writes(text in any::<String>()) {
            let mut out = vec![b'"'];
            push_encoded(&text, &mut out);
            out.push(b'"');
            prop_assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
        }
    }
}
