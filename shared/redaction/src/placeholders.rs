//! Placeholders that a text has already: they are never taken apart.

use std::ops::Range;

use memchr::{memchr, memchr_iter};

use crate::finding::Finding;
use crate::kind::PersonalData;

/// What stands in a text for media, alone or before a comma and a length: `[photo]`, `[voice message, 12 s]`.
const MEDIA: [&str; 23] = [
    "photo",
    "video",
    "video message",
    "voice message",
    "audio",
    "audio file",
    "music",
    "file",
    "document",
    "sticker",
    "animation",
    "animated emoji",
    "gif",
    "location",
    "live location",
    "venue",
    "contact",
    "poll",
    "game",
    "invoice",
    "story",
    "dice",
    "media",
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
    let word = inner.split_once(", ").map_or(inner, |(word, _)| word);
    let measured = |rest: &str| {
        rest.bytes().all(|byte| {
            matches!(byte, b'0'..=b'9' | b' ' | b',' | b'.' | b':') || b"smhinkKMGB".contains(&byte)
        })
    };
    let known = PersonalData::PLACEHOLDERS.contains(&placeholder)
        || (MEDIA.contains(&word) && measured(&inner[word.len()..]));
    known.then_some(start + length + 2)
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
}
