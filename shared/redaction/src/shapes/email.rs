//! E-mail addresses.

use memchr::memchr_iter;

use super::top_level;
use crate::characters::{after, before, end_of_run, is_cased, start_of_run};
use crate::finding::Finding;
use crate::kind::PersonalData;

/// Adds the addresses in `text`.
pub(crate) fn find(text: &str, found: &mut Vec<Finding>) {
    for at in memchr_iter(b'@', text.as_bytes()) {
        let local = start_of_run(text, at, |character| {
            character.is_ascii_alphanumeric()
                || "._%+-'&!#$*=~".contains(character)
                || !character.is_ascii() && is_cased(character)
        });
        // `.` and quotes at its start are the sentence's.
        let start = at
            - text[local..at]
                .trim_start_matches(['.', '\'', '*', '-', '=', '#', '!', '~'])
                .len();
        let end = domain_end(text, at + 1);
        if start < at && end > at + 1 {
            found.push(Finding {
                start,
                end,
                kind: PersonalData::Email,
            });
        }
    }
}

/// Where a domain that starts at `start` ends; there, if there is none.
fn domain_end(text: &str, start: usize) -> usize {
    let end = end_of_run(text, start, |character| {
        character.is_ascii_alphanumeric()
            || matches!(character, '.' | '-')
            || !character.is_ascii() && is_cased(character)
    });
    let domain = text[start..end].trim_end_matches(['.', '-']);
    // A sentence may go on without a space: `me@example.com.Thanks`.
    let known = domain
        .rmatch_indices('.')
        .map(|(dot, _)| {
            (
                dot,
                domain[dot + 1..]
                    .find('.')
                    .map_or(domain.len(), |next| dot + 1 + next),
            )
        })
        .find(|&(dot, label_end)| dot > 0 && top_level::exists(&domain[dot + 1..label_end]));
    if let Some((_, label_end)) = known {
        return start + label_end;
    }
    // One that isn't known, of a network of its own.
    match domain.rsplit_once('.') {
        Some((host, last))
            if !host.is_empty()
                && last.len() >= 2
                && !last.contains(|c: char| c.is_ascii_digit()) =>
        {
            start + domain.len()
        }
        _ => start,
    }
}

/// Whether the `@` here is part of an email address, or of something like one, and not the beginning of a username.
pub(super) fn is_within(text: &str, at: usize) -> bool {
    let joins = |character: char| {
        character.is_ascii_alphanumeric()
            || matches!(character, '_' | '%' | '+' | '-' | '@' | '/')
            || !character.is_ascii() && is_cased(character)
    };
    before(text, at).is_some_and(joins) || after(text, at + 1).is_none()
}

#[cfg(test)]
mod tests {
    use crate::PersonalData::Email;
    use crate::shapes::testkit::redacted;

    #[test]
    fn addresses_are_found() {
        for text in [
            "bob@example.com",
            "Bob.O'Neil+lists@mail.example.co.uk",
            "a_b-c%d@sub-domain.example.museum",
            "jürgen@müller.de",
            "почта@пример.рф",
            "BOB@EXAMPLE.COM",
            "bob＠example．com",
            "bo\u{200b}b@exam\u{ad}ple.com",
            "root@nas.local",
        ] {
            assert_eq!(redacted(Email, text), "[EMAIL]", "{text}");
        }
    }

    #[test]
    fn what_is_around_an_address_stays() {
        for (text, expected) in [
            ("write to <bob@example.com>.", "write to <[EMAIL]>."),
            ("mailto:bob@example.com, ok?", "mailto:[EMAIL], ok?"),
            ("我的邮箱是bob@example.com谢谢", "我的邮箱是[EMAIL]谢谢"),
            ("me@example.com.Thanks", "[EMAIL].Thanks"),
            ("...bob@example.com...", "...[EMAIL]..."),
            ("a@b.de,c@d.de", "[EMAIL],[EMAIL]"),
        ] {
            assert_eq!(redacted(Email, text), expected, "{text}");
        }
    }

    #[test]
    fn other_at_signs_are_no_addresses() {
        for text in [
            "meet @ 5.30",
            "@bob",
            "a@b",
            "me @home.",
            "5@1.50",
            "x@.com",
            "@@",
            "a @ b.com",
        ] {
            assert_eq!(redacted(Email, text), text);
        }
    }
}
