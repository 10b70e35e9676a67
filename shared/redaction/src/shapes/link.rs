//! URLs, and domains with or without a path.

use memchr::memchr_iter;

use super::top_level;
use crate::characters::{before, end_of_run, is_cased, start_of_run};
use crate::finding::Finding;
use crate::kind::PersonalData;

/// No host has a longer name.
const LONGEST_HOST: usize = 253;

/// Adds the links in `text`.
pub(crate) fn find(text: &str, found: &mut Vec<Finding>) {
    let mut push = |start, end| {
        found.push(Finding {
            start,
            end,
            kind: PersonalData::Link,
        });
    };
    let colons = memchr_iter(b':', text.as_bytes());
    let mut linked = 0;
    for colon in colons.filter(|&colon| text.as_bytes()[colon..].starts_with(b"://")) {
        let start = start_of_run(text, colon, |character| {
            character.is_ascii_alphanumeric() || matches!(character, '+' | '-' | '.')
        });
        let start = colon
            - text[start..colon]
                .trim_start_matches(|first: char| !first.is_ascii_alphabetic())
                .len();
        if colon < linked {
            continue;
        }
        let rest = colon + 3;
        linked = run_end(text, rest);
        if let Some(end) = rest_end(text, rest, linked)
            && colon - start >= 2
        {
            push(start, end);
        }
    }
    let mut looked = 0;
    for dot in memchr_iter(b'.', text.as_bytes()) {
        if dot < looked {
            continue;
        }
        let start = start_of_run(text, dot, is_of_host).max(looked);
        looked = end_of_run(text, dot, is_of_host);
        if let Some((start, end)) = without_scheme(text, start, looked) {
            push(start, end);
        }
    }
}

/// A label may have any letter of a script with cases; others' words stand next to an address without a space.
fn is_of_host(character: char) -> bool {
    character.is_ascii_alphanumeric()
        || matches!(character, '-' | '.' | '_')
        || !character.is_ascii() && is_cased(character)
}

/// The link without a scheme whose host, dots and all, is from `start` to `end`.
fn without_scheme(text: &str, start: usize, end: usize) -> Option<(usize, usize)> {
    // The domain of an e-mail address, or the name of a file in a folder, or within a URL.
    if matches!(
        before(text, start),
        Some('@' | '/' | '\\' | '~' | '#' | '=' | '&')
    ) {
        return None;
    }
    // A label that is empty is a pause between words: `wait..example.com`.
    let start = text[start..end]
        .trim_end_matches(['.', '-', '_'])
        .rfind("..")
        .map_or(start, |dots| start + dots + 2);
    let host = text[start..end].trim_matches(['.', '-', '_']);
    let start = start
        + (text[start..end].len() - text[start..end].trim_start_matches(['.', '-', '_']).len());
    let host_end = start + host.len();
    if host.len() > LONGEST_HOST {
        return None;
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    if is_known(host, last) {
        if let Some(path) = path_end(text, host_end) {
            return Some((start, path));
        }
        if suffices(host, last) {
            return Some((start, host_end));
        }
    }
    // A sentence may go on without a space: `example.com.Thanks`.
    let mut dots = host.rmatch_indices('.').map(|(dot, _)| dot);
    dots.find(|&dot| {
        let host = &host[..dot];
        let last = host.rsplit('.').next().unwrap_or_default();
        host.contains('.') && is_known(host, last) && suffices(host, last)
    })
    .map(|dot| (start, start + dot))
}

/// Whether the last label is a domain's, and the others are labels.
fn is_known(host: &str, last: &str) -> bool {
    host.contains('.') && !last.contains('_') && top_level::exists(last)
}

/// Whether a host is an address even without a path.
fn suffices(host: &str, last: &str) -> bool {
    let labels = host.split('.').count();
    let www = host.len() > 4 && host.as_bytes()[..4].eq_ignore_ascii_case(b"www.");
    let others = &host[..host.len() - last.len() - 1];
    let abbreviation = host.split('.').all(|label| label.chars().count() == 1)
        || others.split('.').any(str::is_empty);
    let number = others
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    !abbreviation
        && !number
        && (www
            || top_level::suffices(last)
            || labels > 2 && last.bytes().all(|byte| byte.is_ascii_lowercase()))
}

/// Where what follows a host ends, if something of a URL does.
fn path_end(text: &str, host_end: usize) -> Option<usize> {
    let rest = &text[host_end..];
    let begins = match rest.as_bytes() {
        [b':', digit, ..] => digit.is_ascii_digit(),
        [b'/' | b'?' | b'#', next, ..] => {
            next.is_ascii_alphanumeric()
                || matches!(next, b'@' | b'+' | b'_' | b'%' | b'-' | b'~' | b'=' | b'&')
        }
        _ => false,
    };
    if begins {
        return rest_end(text, host_end, run_end(text, host_end));
    }
    rest.starts_with('/').then_some(host_end + 1)
}

/// Where characters of a URL end that go on at `start`.
fn run_end(text: &str, start: usize) -> usize {
    end_of_run(text, start, |character| match character {
        '"' | '<' | '>' | '[' | ']' | '\\' | '^' | '`' | '{' | '|' | '}' => false,
        _ if character.is_ascii() => character.is_ascii_graphic(),
        _ => character.is_alphanumeric(),
    })
}

/// Where a URL ends that goes on at `start` with characters up to `end`: without the punctuation of the sentence that
/// it is in. Only punctuation is no address.
fn rest_end(text: &str, start: usize, mut end: usize) -> Option<usize> {
    let rest = &text[start..end];
    let mut unopened = (rest.matches(')').count()).saturating_sub(rest.matches('(').count());
    while let Some(last) = before(text, end).filter(|_| end > start) {
        match last {
            ')' if unopened > 0 => unopened -= 1,
            '(' => unopened += 1,
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '~' => {}
            _ => break,
        }
        end -= 1;
    }
    text[start..end]
        .contains(char::is_alphanumeric)
        .then_some(end)
}

#[cfg(test)]
mod tests {
    use crate::PersonalData::Link;
    use crate::shapes::testkit::redacted;

    #[test]
    fn links_are_found() {
        for text in [
            "https://example.com",
            "HTTP://EXAMPLE.COM/A?b=c&d#e",
            "tg://resolve?domain=durov",
            "ftp://user:pass@10.0.0.1:21/x",
            "https://en.wikipedia.org/wiki/Rust_(programming_language)",
            "https://zh.wikipedia.org/wiki/中国",
            "http://localhost:8080/",
            "www.example.anything.is",
            "t.me/abc",
            "t.me/+AbCdEf",
            "example.com",
            "example.com/path",
            "Example.com",
            "EXAMPLE.COM",
            "maps.app.goo.gl/x1",
            "sub.example.co.uk",
            "пример.рф",
            "müller.de",
            "youtu.be/dQw4",
            "instagram.com/mira_s/",
            "foo.zip/a",
            "example.com:8080",
            "ｅxample.com",
        ] {
            assert_eq!(redacted(Link, text), "[LINK]", "{text}");
        }
    }

    #[test]
    fn what_is_around_a_link_stays() {
        for (text, expected) in [
            ("see https://example.com/a.", "see [LINK]."),
            ("(https://example.com/a)", "([LINK])"),
            ("<https://example.com>", "<[LINK]>"),
            ("wait...example.com!", "wait...[LINK]!"),
            ("下载https://example.com/a，谢谢", "下载[LINK]，谢谢"),
            ("example.com谢谢", "[LINK]谢谢"),
            ("example.com—great", "[LINK]—great"),
            ("example.com.Thanks", "[LINK].Thanks"),
            ("a.com,b.com", "[LINK],[LINK]"),
        ] {
            assert_eq!(redacted(Link, text), expected, "{text}");
        }
    }

    #[test]
    fn words_files_and_abbreviations_are_no_links() {
        for text in [
            "notes.txt",
            "e.g.",
            "e.g. this",
            "ok.thanks",
            "i.e.",
            "a.m.",
            "it.is",
            "done.So",
            "Fine.Now",
            "main.rs",
            "run.sh",
            "readme.md",
            "script.py",
            "archive.zip",
            "clip.mov",
            "3.50",
            "10.to",
            "1.5kg",
            "node.js",
            "bob@example.com",
            "/etc/nginx.conf",
            "...",
            "hm...ok",
            "U.S.A.",
            "v1.2.3",
            "fine.how are you",
            "://",
            "http://",
            "well.me too",
            "12.05.2024",
        ] {
            assert_eq!(redacted(Link, text), text);
        }
    }
}
