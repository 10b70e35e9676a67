//! `@name`, as Telegram allows it.

use memchr::memchr_iter;

use super::email;
use crate::characters::{after, end_of_run};
use crate::finding::Finding;
use crate::kind::PersonalData;

/// The lengths of a username; those that were sold are shorter than those that are given.
const LENGTHS: std::ops::RangeInclusive<usize> = 4..=32;

/// Adds the usernames in `text`.
pub(crate) fn find(text: &str, found: &mut Vec<Finding>) {
    for at in memchr_iter(b'@', text.as_bytes()) {
        if email::is_within(text, at) {
            continue;
        }
        let end = end_of_run(text, at + 1, |character| {
            character.is_ascii_alphanumeric() || character == '_'
        });
        let name = &text[at + 1..end];
        let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic());
        if starts_well && LENGTHS.contains(&name.len()) && after(text, end) != Some('@') {
            found.push(Finding {
                start: at,
                end,
                kind: PersonalData::Username,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::PersonalData::Username;
    use crate::shapes::testkit::redacted;

    #[test]
    fn usernames_are_found() {
        for (text, expected) in [
            ("@durov", "[USERNAME]"),
            ("ask @mira_s!", "ask [USERNAME]!"),
            ("(@Mira_S99)", "([USERNAME])"),
            ("联系@john_doe谢谢", "联系[USERNAME]谢谢"),
            ("＠durov", "[USERNAME]"),
            ("@du\u{200b}rov", "[USERNAME]"),
            ("by @mira_s.", "by [USERNAME]."),
        ] {
            assert_eq!(redacted(Username, text), expected, "{text}");
        }
    }

    #[test]
    fn other_at_signs_are_no_usernames() {
        for text in [
            "bob@example.com",
            "@me",
            "@ 10",
            "@1abcd",
            "a@abcdef",
            "@",
            "/start@some_bot",
        ] {
            assert_eq!(redacted(Username, text), text);
        }
    }
}
