//! Keys, tokens and passwords.

use memchr::{memchr2_iter, memmem};

use super::entropy;
use crate::characters::{before, end_of_run, is_cased};
use crate::finding::Finding;
use crate::kind::PersonalData;
use crate::triggers::{FEWEST_TOGETHER, is_together};

/// What keys of a service start with, and how many characters follow at least.
const PREFIXES: [(&str, usize); 38] = [
    ("sk-", 20),
    ("sk_live_", 10),
    ("sk_test_", 10),
    ("pk_live_", 10),
    ("pk_test_", 10),
    ("rk_live_", 10),
    ("rk_test_", 10),
    ("whsec_", 20),
    ("ghp_", 30),
    ("gho_", 30),
    ("ghu_", 30),
    ("ghs_", 30),
    ("ghr_", 30),
    ("github_pat_", 22),
    ("glpat-", 20),
    ("gldt-", 20),
    ("glrt-", 20),
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 30),
    ("ya29.", 20),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("xoxa-", 10),
    ("xoxr-", 10),
    ("xoxs-", 10),
    ("xapp-", 10),
    ("npm_", 30),
    ("pypi-", 30),
    ("hf_", 30),
    ("SG.", 40),
    ("dop_v1_", 40),
    ("shpat_", 30),
    ("shpss_", 30),
    ("gsk_", 30),
    ("r8_", 30),
    ("AGE-SECRET-KEY-", 40),
    ("eyJ", 20),
];

/// More of a key isn't looked at, so that a text without end takes no time without end.
const LONGEST_KEY: usize = 2048;

const LONGEST_PASSWORD: usize = 128;

/// Words before a colon or an equals sign and a password.
const WORDS: [&str; 14] = [
    "password",
    "passwort",
    "passcode",
    "passwd",
    "pass",
    "pwd",
    "pw",
    "kennwort",
    "clave",
    "senha",
    "mot de passe",
    "mdp",
    "kata sandi",
    "sandi",
];

/// Such words that are not ASCII, in small letters.
const OTHER_WORDS: [&str; 6] = [
    "contraseña",
    "пароль",
    "密码",
    "密碼",
    "パスワード",
    "पासवर्ड",
];

/// Adds the secrets in `text`.
pub(crate) fn find(text: &str, found: &mut Vec<Finding>) {
    let mut push = |start, end| {
        found.push(Finding {
            start,
            end,
            kind: PersonalData::Secret,
        });
    };
    let bytes = text.as_bytes();
    let mut start = 0;
    while start < bytes.len() {
        let token = &bytes[start..];
        let length = token.iter().take_while(|&&byte| is_together(byte)).count();
        if length >= FEWEST_TOGETHER {
            look(&text[start..start + length], |from, to| {
                push(start + from, start + to);
            });
        }
        start += length.max(1);
    }
    private_keys(text, &mut push);
    passwords(text, &mut push);
}

fn is_of_key(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-')
}

/// Looks at one token, which is ASCII: for keys that are known by how they start, and for random pieces beside them.
fn look(token: &str, mut push: impl FnMut(usize, usize)) {
    let (mut start, mut looked, mut words) = (0, 0, 0);
    while start < token.len() {
        let mut key = None;
        if starts_word(token, start) {
            key = bot_token_end(token, start);
            if start >= words {
                match prefixed(token, start) {
                    Some(Prefixed::Key { end }) => key = Some(end),
                    Some(Prefixed::Words { end }) => words = end,
                    None => {}
                }
            }
        }
        if let Some(end) = key {
            random_pieces(&token[looked..start], |from, to| {
                push(looked + from, looked + to);
            });
            push(start, end);
            (start, looked) = (end, end);
        } else {
            start += 1;
        }
    }
    random_pieces(&token[looked..], |from, to| {
        push(looked + from, looked + to);
    });
}

fn random_pieces(token: &str, mut push: impl FnMut(usize, usize)) {
    let random = |piece: &str| is_uuid(piece) || entropy::is_random(piece.as_bytes());
    // Padding is at the end of Base64, and what is before an equals sign is not part of it.
    for piece in token.split(['.', ':', '=']) {
        if random(piece) {
            let start = offset(token, piece);
            let end = start + piece.len();
            push(start, end_of_run(token, end, |character| character == '='));
            continue;
        }
        for part in piece
            .split(['/', '+', '-', '_'])
            .filter(|part| random(part))
        {
            let start = offset(token, part);
            push(start, start + part.len());
        }
    }
}

/// Whether this is a UUID, of which most digits may happen to be decimal.
fn is_uuid(piece: &str) -> bool {
    let sizes = piece.split('-').map(str::len);
    sizes.eq([8, 4, 4, 4, 12])
        && piece
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// Where in `token` its part is.
fn offset(token: &str, part: &str) -> usize {
    part.as_ptr().addr() - token.as_ptr().addr()
}

fn starts_word(token: &str, index: usize) -> bool {
    let bytes = token.as_bytes();
    index == 0
        || !bytes[index - 1].is_ascii_alphanumeric()
        // `bot` is before a bot's token in a URL.
        || bytes[..index].ends_with(b"/bot")
}

/// What starts as keys of a service do.
enum Prefixed {
    Key {
        end: usize,
    },
    /// Without a digit up to the end: no key starts there either.
    Words {
        end: usize,
    },
}

/// What starts here.
fn prefixed(token: &str, start: usize) -> Option<Prefixed> {
    let token = &token[..token.len().min(start + LONGEST_KEY)];
    let rest = &token[start..];
    // The first letter tells most words apart.
    let first = rest.as_bytes().first();
    let (prefix, fewest) = PREFIXES
        .iter()
        .find(|(prefix, _)| prefix.as_bytes().first() == first && rest.starts_with(prefix))?;
    let end = end_of_run(token, start + prefix.len(), |character| match *prefix {
        "AKIA" | "ASIA" => character.is_ascii_uppercase() || character.is_ascii_digit(),
        "eyJ" | "SG." | "ya29." => is_of_key(character) || character == '.',
        _ => is_of_key(character),
    });
    let key = token[start + prefix.len()..end].trim_end_matches('.');
    if !key.contains(|character: char| character.is_ascii_digit()) {
        return Some(Prefixed::Words { end });
    }
    let letters = key.contains(|character: char| character.is_ascii_alphabetic());
    let dots = *prefix != "eyJ" || key.contains('.');
    let end = start + prefix.len() + key.len();
    (key.len() >= *fewest && letters && dots).then_some(Prefixed::Key { end })
}

/// Where the token of a Telegram bot that starts here ends, if it is one: the bot's number, a colon, a key.
fn bot_token_end(token: &str, start: usize) -> Option<usize> {
    let rest = &token[start..];
    let number = end_of_run(rest, 0, |character| character.is_ascii_digit());
    if !(6..=12).contains(&number) || !rest[number..].starts_with(':') {
        return None;
    }
    let end = end_of_run(rest, number + 1, is_of_key);
    (30..=50)
        .contains(&(end - number - 1))
        .then_some(start + end)
}

/// Finds private keys, with the lines that they are in.
fn private_keys(text: &str, push: &mut impl FnMut(usize, usize)) {
    let mut end = 0;
    for start in memmem::find_iter(text.as_bytes(), b"-----BEGIN ") {
        let label = start + "-----BEGIN ".len();
        let label_end = end_of_run(text, label, |character| {
            character.is_ascii_uppercase() || character == ' '
        });
        if start < end || !text[label..label_end].contains("PRIVATE KEY") {
            continue;
        }
        let body = |character: char| {
            character.is_ascii_whitespace()
                || character.is_ascii_alphanumeric()
                || "+/=-:,".contains(character)
        };
        // What was cut off has no end.
        let rest = &text[start..end_of_run(text, label_end, body)];
        end = start
            + match rest.split_once("-----END ") {
                Some((key, last)) => {
                    let dashes = last
                        .find("-----")
                        .map_or(last.len(), |dashes| dashes + "-----".len());
                    key.len() + "-----END ".len() + dashes
                }
                None => rest.trim_end().len(),
            };
        push(start, end);
    }
}

/// Finds what stands after a word for a password, unless it is itself a word.
fn passwords(text: &str, push: &mut impl FnMut(usize, usize)) {
    for index in memchr2_iter(b':', b'=', text.as_bytes()) {
        if !follows_word(text[..index].trim_end_matches([' ', '"', '\''])) {
            continue;
        }
        let rest = text[index + 1..].trim_start_matches([' ', '"', '\'', '`', '\n']);
        let start = text.len() - rest.len();
        let window = &text[..text.ceil_char_boundary(start + 2 * LONGEST_PASSWORD)];
        let end = end_of_run(window, start, |character| {
            !character.is_whitespace() && !"[]<>\"`".contains(character)
        });
        let value = text[start..end].trim_end_matches(['.', ',', ';', ')', '\'']);
        if is_password(value) {
            push(start, start + value.len());
        }
    }
}

fn follows_word(text: &str) -> bool {
    let starts = |start: usize| {
        before(text, start).is_none_or(|last| !last.is_ascii_alphanumeric() && !is_cased(last))
    };
    let ascii = WORDS.iter().any(|word| {
        let start = text.len().saturating_sub(word.len());
        text.as_bytes()[start..].eq_ignore_ascii_case(word.as_bytes()) && starts(start)
    });
    // Only where one could be: most colons follow a word that has none of these characters.
    let tail = text.floor_char_boundary(text.len().saturating_sub(24));
    ascii
        || !text[tail..].is_ascii() && {
            let lower = text[tail..].to_lowercase();
            OTHER_WORDS.iter().any(|word| lower.ends_with(word))
        }
}

fn is_password(value: &str) -> bool {
    let inner_capital =
        value.chars().skip(1).any(char::is_uppercase) && value.contains(char::is_lowercase);
    let digit = value.contains(|character: char| character.is_ascii_digit());
    let symbol = digit
        || value.contains([
            '!', '@', '#', '$', '%', '^', '&', '*', '_', '+', '=', '?', '~',
        ]);
    // A time, a score.
    let only_numbers = value.contains([':', '/']) && !value.contains(char::is_alphabetic);
    (4..=LONGEST_PASSWORD).contains(&value.len())
        && (inner_capital || symbol && value.contains(char::is_alphanumeric))
        && !only_numbers
        && !value.contains("://")
        && (digit || !value.ends_with(['!', '?']))
}

#[cfg(test)]
mod tests {
    use crate::PersonalData::Secret;
    use crate::shapes::testkit::redacted;

    #[test]
    fn keys_and_tokens_are_found() {
        for text in [
            "sk-proj-aB3dE5fG7hJ9kL1mN3pQ5rS7tU9v",
            "ghp_aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5",
            "github_pat_11ABCDEFG0abcdefghij_ABCDEFGHIJKLMNOPQ",
            "AKIAIOSFODNN7EXAMPLE",
            "xoxb-123456789012-abcdefABCDEF",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
            "123456789:AAE-aBcDeFgHiJkLmNoPqRsTuVwXyZ01234",
            "AIzaSyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q",
            "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
            "glpat-aB3dE5fG7hJ9kL1mN3pQ",
            "npm_aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "q7Zk2LrTn0VbXy8WmPd4HsGfJc6AeUo3+/q7Zk2LrTn0VbXy8WmPd4HsGfJc6A==",
            "sk-proj-aB3dE5f\u{200b}G7hJ9kL1\u{ad}mN3pQ5rS7tU9v",
            "gh\u{200b}p_aB3d\u{200b}E5fG7h\u{200b}J9kL1m\u{200b}N3pQ5rS\u{200b}7tU9vW1xY3zA5",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA1234\nabcd\n-----END RSA PRIVATE KEY-----",
        ] {
            assert_eq!(redacted(Secret, text), "[SECRET]", "{text}");
        }
    }

    #[test]
    fn what_is_around_a_secret_stays() {
        for (text, expected) in [
            (
                "key=sk-aB3dE5fG7hJ9kL1mN3pQ5rS7tU9v, thanks",
                "key=[SECRET], thanks",
            ),
            ("钥匙AKIAIOSFODNN7EXAMPLE谢谢", "钥匙[SECRET]谢谢"),
            (
                "https://api.telegram.org/bot123456789:AAE-aBcDeFgHiJkLmNoPqRsTuVwXyZ01234/getMe",
                "https://api.telegram.org/bot[SECRET]/getMe",
            ),
            ("Password: hunter2", "Password: [SECRET]"),
            ("wifi pass = Blue!Sky, ok", "wifi pass = [SECRET], ok"),
            ("Пароль: qwerty12", "Пароль: [SECRET]"),
            ("密码：abc12345", "密码：[SECRET]"),
            ("pw: \"pa55word\"", "pw: \"[SECRET]\""),
        ] {
            assert_eq!(redacted(Secret, text), expected, "{text}");
        }
    }

    #[test]
    fn words_paths_and_laughter_are_no_secrets() {
        for text in [
            "password: I forgot it",
            "pass: 12:30",
            "compass: N30E4",
            "the password: https://example.com/1",
            "hahahahahahahahahahahahahahahahahahahaha",
            "sk-this-is-only-some-words-with-hyphens",
            "/home/mira/projects/some-long-folder/another_folder/file.txt",
            "=====================================",
            "password: [SECRET]",
            "eyJustKiddingThatIsNotOne1",
        ] {
            assert_eq!(redacted(Secret, text), text);
        }
    }
}
