//! Placeholders that a text has already: they are never taken apart.

use std::ops::Range;

use memchr::{memchr, memchr_iter};

use crate::finding::Finding;
use crate::kind::PersonalData;

/// What stands in a text for media, in brackets, alone or with a length: `[photo]`, `[voice message, 12 s]`.
///
/// Whoever puts such words into a text takes them from here or tests against them. They are known only as they are
/// written here, and a length only as a comma, a space, one to six digits and ` s`: people type brackets too, and what
/// they type in them is looked at.
pub const MEDIA_WORDS: [&str; 16] = [
    "sticker",
    "video message",
    "voice message",
    "GIF",
    "video",
    "audio",
    "file",
    "photo",
    "poll",
    "to-do list",
    "contact",
    "live location",
    "location",
    "game",
    "invoice",
    "giveaway",
];

/// Drops what was found in placeholders, of all findings but the first `known`.
pub(crate) fn spare(text: &str, findings: &mut Vec<Finding>, known: usize) {
    if findings.len() == known || memchr(b'[', text.as_bytes()).is_none() {
        return;
    }
    let placeholders = all(text);
    let mut index = 0;
    findings.retain(|finding| {
        index += 1;
        index <= known || overlapped(&placeholders, finding).is_empty()
    });
}

/// Makes findings that have a part of a placeholder have all of it.
pub(crate) fn cover(text: &str, findings: &mut [Finding]) {
    if findings.is_empty() || memchr(b'[', text.as_bytes()).is_none() {
        return;
    }
    let placeholders = all(text);
    for finding in findings {
        let overlapped = overlapped(&placeholders, finding);
        if let (Some(first), Some(last)) = (overlapped.first(), overlapped.last()) {
            finding.start = finding.start.min(first.start);
            finding.end = finding.end.max(last.end);
        }
    }
}

/// Where the placeholders are, in order.
fn all(text: &str) -> Vec<Range<usize>> {
    let starts = memchr_iter(b'[', text.as_bytes());
    starts
        .filter_map(|start| placeholder_end(text, start).map(|end| start..end))
        .collect()
}

fn overlapped<'p>(placeholders: &'p [Range<usize>], finding: &Finding) -> &'p [Range<usize>] {
    let first = placeholders.partition_point(|placeholder| placeholder.end <= finding.start);
    let end = placeholders.partition_point(|placeholder| placeholder.start < finding.end);
    placeholders.get(first..end).unwrap_or_default()
}

/// Whether a placeholder for something that was found starts here.
pub(crate) fn starts_at(text: &str, index: usize) -> bool {
    let rest = &text[index..];
    PersonalData::PLACEHOLDERS
        .iter()
        .any(|placeholder| rest.starts_with(placeholder))
}

/// Whether one ends here.
pub(crate) fn ends_at(text: &str, index: usize) -> bool {
    let rest = &text[..index];
    PersonalData::PLACEHOLDERS
        .iter()
        .any(|placeholder| rest.ends_with(placeholder))
}

/// Where the placeholder that starts here ends, if it is one.
fn placeholder_end(text: &str, start: usize) -> Option<usize> {
    let inner = &text[start + 1..];
    let length = inner.bytes().take(40).position(|byte| byte == b']')?;
    let placeholder = &text[start..start + length + 2];
    let inner = &inner[..length];
    let known = PersonalData::PLACEHOLDERS.contains(&placeholder)
        || MEDIA_WORDS
            .iter()
            .any(|words| inner.strip_prefix(words).is_some_and(is_length_or_nothing));
    known.then_some(start + length + 2)
}

fn is_length_or_nothing(rest: &str) -> bool {
    let seconds = rest
        .strip_prefix(", ")
        .and_then(|length| length.strip_suffix(" s"));
    rest.is_empty()
        || seconds.is_some_and(|seconds| {
            (1..=6).contains(&seconds.len()) && seconds.bytes().all(|byte| byte.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_known_and_other_brackets_are_not() {
        for (text, known) in [
            ("[PHONE]", true),
            ("[photo]", true),
            ("[voice message, 12 s]", true),
            ("[video, 123456 s]", true),
            ("[GIF]", true),
            ("[to-do list]", true),
            ("[gif]", false),
            ("[Photo]", false),
            ("[document]", false),
            ("[photo, 4111 1111 1111 1111]", false),
            ("[contact, 0170 1234567]", false),
            ("[video, 1234567 s]", false),
            ("[video, 12]", false),
            ("[video, 12s]", false),
            ("[video,12 s]", false),
            ("[video,  s]", false),
            ("[video, 1:30 s]", false),
            ("[video, \u{661} s]", false),
            ("[video, ]", false),
            ("[video ]", false),
            ("[videos]", false),
            ("[Phone]", false),
            ("[Mira]", false),
            ("[contact, Mira]", false),
            ("[photo", false),
            ("[", false),
        ] {
            assert_eq!(
                placeholder_end(text, 0),
                known.then_some(text.len()),
                "{text}"
            );
        }
    }

    #[test]
    fn all_media_words_are_known_alone_and_with_a_length() {
        for words in MEDIA_WORDS {
            for text in [format!("[{words}]"), format!("[{words}, 100000 s]")] {
                assert_eq!(placeholder_end(&text, 0), Some(text.len()), "{text}");
            }
        }
    }
}
