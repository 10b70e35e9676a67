//! Made-up personal data in the forms that people write it in, from a seed.

use std::ops::Range;

use resonare_redaction::{Names, PersonalData};

/// Numbers that look drawn by chance, the same for the same seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).expect("below a usize")
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// True once in so many times.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// So many characters of these.
    pub(crate) fn string(&mut self, length: usize, alphabet: &str) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        (0..length).map(|_| self.pick(&alphabet)).collect()
    }

    /// With a digit for each `#`.
    pub(crate) fn fill(&mut self, pattern: &str) -> String {
        pattern
            .chars()
            .map(|character| match character {
                '#' => self.pick(&['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']),
                _ => character,
            })
            .collect()
    }
}

pub(crate) const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
pub(crate) const DIGITS: &str = "0123456789";
const HEX: &str = "0123456789abcdef";
pub(crate) const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// Something personal.
pub(crate) struct Planted {
    pub(crate) text: String,
    /// The number of who would write it.
    pub(crate) owner: Option<&'static str>,
    /// Whether it is a password after a word that says so.
    pub(crate) after_word: bool,
}

impl From<String> for Planted {
    fn from(text: String) -> Self {
        Self {
            text,
            owner: None,
            after_word: false,
        }
    }
}

/// The names that are known.
pub(crate) const PEOPLE: [&str; 12] = [
    "Mira Solano",
    "Ann ☀️",
    "Ренат Ахметов",
    "田中さん",
    "王小明",
    "José Ñúñez",
    "Zoë",
    "أمل حسن",
    "राज कुमार",
    "김민수",
    "Łukasz Żak",
    "สมชาย",
];

pub(crate) const TITLES: [&str; 2] = ["Family & Friends 🎉", "Team Северный"];

pub(crate) fn names() -> Names {
    let mut names = Names::default();
    for person in PEOPLE {
        names.person(person);
    }
    for title in TITLES {
        names.title(title);
    }
    names.word("hedgehog lane");
    names
}

/// Something of this kind.
pub(crate) fn planted(kind: PersonalData, random: &mut Random) -> Planted {
    let planted = match kind {
        PersonalData::Phone => phone(random),
        PersonalData::Email => email(random).into(),
        PersonalData::Link => link(random).into(),
        PersonalData::Card => card(random).into(),
        PersonalData::Username => username(random).into(),
        PersonalData::Iban => iban(random).into(),
        PersonalData::Secret => secret(random),
        PersonalData::Number => number(random).into(),
        PersonalData::Name => name(random).into(),
    };
    // Links and addresses are not written with other scripts' digits.
    let text = match kind {
        PersonalData::Phone | PersonalData::Card | PersonalData::Iban | PersonalData::Number => {
            look_alike(&planted.text, random)
        }
        PersonalData::Email | PersonalData::Username | PersonalData::Secret
            if random.once_in(10) =>
        {
            interrupted(&planted.text, random)
        }
        _ => return planted,
    };
    Planted { text, ..planted }
}

fn username(random: &mut Random) -> String {
    let length = 3 + random.below(29);
    let first = random.string(1, LOWER);
    format!(
        "@{first}{}",
        random.string(length, "abcdefghijABCDEFGHIJ_0123456789")
    )
}

/// Each country's code, numbers in international form without it, and as they are dialed there.
const PHONES: [(&str, &[&str], &[&str]); 24] = [
    (
        "1",
        &[
            "202 555 01##",
            "(415) 555-01##",
            "646-555-####",
            "305.555.####",
        ],
        &["(202) 555-01##", "415-555-01##", "646 555 ####"],
    ),
    (
        "7",
        &["912 345-##-##", "(926) 123-##-##", "9031234###"],
        &["8 (912) 345-##-##", "8926123####", "8 903 123 ## ##"],
    ),
    ("20", &["100 123 ####"], &["0100 123 ####"]),
    ("27", &["82 123 ####"], &["082 123 ####"]),
    (
        "31",
        &["6 1234####", "20 123 ####"],
        &["06 1234 ####", "020-123####"],
    ),
    (
        "33",
        &["6 12 34 ## ##", "1 42 68 ## ##"],
        &["06 12 34 ## ##", "0142 68 ## ##"],
    ),
    (
        "34",
        &["612 34 ## ##", "912 345 ###"],
        &["612 345 ###", "91234####"],
    ),
    (
        "39",
        &["347 123 ####", "06 1234 ####"],
        &["347 123 ####", "02 1234 ####"],
    ),
    ("41", &["79 123 ## ##"], &["079 123 ## ##"]),
    (
        "44",
        &["7911 12####", "20 7946 0###"],
        &["07911 12####", "020 7946 0###"],
    ),
    ("46", &["70 123 ## ##"], &["070-123 ## ##"]),
    ("48", &["512 345 ###"], &["512 345 ###"]),
    (
        "49",
        &["170 123####", "(0)151 2345####", "30 1234####"],
        &["0170 123####", "0151/2345####", "(030) 1234 ####"],
    ),
    ("52", &["55 1234 ####"], &["55 1234 ####"]),
    (
        "55",
        &["11 91234-####"],
        &["(11) 91234-####", "(21) 3123-####"],
    ),
    ("60", &["12-345 ####"], &["012-345 ####"]),
    ("62", &["812-3456-####"], &["0812-3456-####"]),
    (
        "65",
        &["9123 ####", "8123####"],
        &["9123 ####", "6123 ####"],
    ),
    (
        "81",
        &["90-1234-####", "3-1234-####"],
        &["090-1234-####", "03-1234-####"],
    ),
    ("82", &["10-1234-####"], &["010-1234-####"]),
    ("86", &["138 1234 ####"], &["138 1234 ####", "1391234####"]),
    ("90", &["532 123 ## ##"], &["0532 123 ## ##"]),
    ("91", &["98765 4####"], &["098765 4####", "98765 4####"]),
    ("380", &["67 123 ## ##"], &["067 123 ## ##"]),
];

/// Of those, what Telegram would show as the owner's number.
const OWNERS: [&str; 24] = [
    "+12025550100",
    "+79123450000",
    "+201001230000",
    "+27821230000",
    "+31612340000",
    "+33612340000",
    "+34612340000",
    "+393471230000",
    "+41791230000",
    "+447911120000",
    "+46701230000",
    "+48512345000",
    "+491701230000",
    "+525512340000",
    "+5511912340000",
    "+60123450000",
    "+628123456000",
    "+6591230000",
    "+819012340000",
    "+821012340000",
    "+8613812340000",
    "+905321230000",
    "+919876540000",
    "+380671230000",
];

fn phone(random: &mut Random) -> Planted {
    let country = random.below(PHONES.len());
    let (code, international, national) = PHONES[country];
    if random.once_in(2) {
        let pattern = random.pick(national);
        return Planted {
            owner: Some(OWNERS[country]),
            ..random.fill(pattern).into()
        };
    }
    let pattern = random.pick(international);
    let number = random.fill(pattern);
    let text = match random.below(6) {
        0 => format!(
            "+{code}{}",
            number
                .replace("(0)", "")
                .replace([' ', '-', '.', '(', ')'], "")
        ),
        1 => format!("+{code}-{number}"),
        2 => format!("(+{code}) {number}"),
        3 if code != "1" => format!("00{code} {}", number.replace("(0)", "")),
        _ => format!("+{code} {number}"),
    };
    text.into()
}

fn email(random: &mut Random) -> String {
    let local = match random.below(5) {
        0 => format!("{}.{}", random.string(4, LOWER), random.string(6, LOWER)),
        1 => format!("{}+{}", random.string(5, LOWER), random.string(3, LOWER)),
        2 => format!(
            "{}_{}{}",
            random.string(3, LOWER),
            random.string(4, LOWER),
            random.string(2, DIGITS)
        ),
        3 => random.string(7, "абвгдежз"),
        _ => random.string(8, LOWER).to_uppercase(),
    };
    let domain = random.pick(&[
        "gmail.com",
        "mail.ru",
        "example.co.uk",
        "sub.domain.example.org",
        "web.de",
        "qq.com",
        "my-company.io",
        "uni.edu",
        "müller.de",
        "пример.рф",
        "nas.local",
        "EXAMPLE.COM",
        "163.com",
        "proton.me",
    ]);
    format!("{local}@{domain}")
}

fn link(random: &mut Random) -> String {
    let path = random.string(6, LETTERS);
    let host = random.string(7, LOWER);
    match random.below(12) {
        0 => format!("https://www.{host}.com/{path}?a={path}&b=%20#top"),
        1 => format!("http://{host}.example.org"),
        2 => format!("t.me/{host}"),
        3 => format!("www.{host}.net"),
        4 => format!(
            "{host}.{}",
            random.pick(&["com", "org", "de", "ru", "io", "co", "fr", "cn", "jp"])
        ),
        5 => format!(
            "{host}.{}/{path}",
            random.pick(&["me", "in", "is", "cool", "life", "app", "zip"])
        ),
        6 => format!("https://{host}.de:8080/{path}/(x)"),
        7 => format!("{host}.co.uk"),
        8 => format!("tg://resolve?domain={host}"),
        9 => format!("https://пример.рф/{path}"),
        10 => format!("{}.com", random.string(7, LOWER).to_uppercase()),
        _ => format!("https://{host}.com/{path}.html"),
    }
}

fn card(random: &mut Random) -> String {
    let (start, length) = random.pick(&[
        ("4", 16),
        ("51", 16),
        ("2221", 16),
        ("37", 15),
        ("6011", 16),
        ("3530", 16),
        ("2200", 16),
        ("62", 16),
    ]);
    let rest = random.string(length - start.len() - 1, DIGITS);
    let digits = format!("{start}{rest}");
    let sum: u32 = digits
        .chars()
        .rev()
        .enumerate()
        .map(|(index, digit)| {
            let doubled = digit.to_digit(10).expect("a digit") * if index % 2 == 0 { 2 } else { 1 };
            doubled / 10 + doubled % 10
        })
        .sum();
    let digits = format!("{digits}{}", (10 - sum % 10) % 10);
    let separator = random.pick(&["", " ", "-"]);
    let ends: &[usize] = if length == 15 {
        &[4, 10, 15]
    } else {
        &[4, 8, 12, 16]
    };
    grouped(&digits, ends, separator)
}

fn grouped(digits: &str, ends: &[usize], separator: &str) -> String {
    let mut start = 0;
    let groups = ends.iter().map(|&end| {
        let group = &digits[start..end];
        start = end;
        group
    });
    groups.collect::<Vec<_>>().join(separator)
}

/// Countries with the form of what follows the check digits: `#` a digit, `@` a letter.
const ACCOUNTS: [(&str, &str); 16] = [
    ("DE", "##################"),
    ("FR", "#######################"),
    ("GB", "@@@@##############"),
    ("NL", "@@@@##########"),
    ("ES", "####################"),
    ("IT", "@######################"),
    ("CH", "#################"),
    ("PL", "########################"),
    ("NO", "###########"),
    ("MT", "@@@@#####@@@@@@############"),
    ("TR", "######################"),
    ("UA", "#########################"),
    ("SA", "##@@@@############@@"),
    ("KZ", "###@@@@@@@@@@@@@"),
    ("BR", "#######################@@"),
    ("LC", "@@@@########################"),
];

fn iban(random: &mut Random) -> String {
    let (country, form) = random.pick(&ACCOUNTS);
    let form = random.fill(form);
    let letters: Vec<char> = form
        .chars()
        .map(|character| {
            if character == '@' {
                random.pick(&['A', 'B', 'K', 'X', 'Z'])
            } else {
                character
            }
        })
        .collect();
    let account: String = letters.into_iter().collect();
    let check = (0..100).find(|check| {
        let text = format!("{account}{country}{check:02}");
        text.chars().fold(0, |remainder, character| {
            let value = character.to_digit(36).expect("a digit or a letter");
            (remainder * if value < 10 { 10 } else { 100 } + value) % 97
        }) == 1
    });
    let plain = format!(
        "{country}{:02}{account}",
        check.expect("one of the remainders")
    );
    match random.below(3) {
        0 => plain,
        1 => plain.to_lowercase(),
        _ => {
            let ends: Vec<usize> = (4..plain.len()).step_by(4).chain([plain.len()]).collect();
            grouped(&plain, &ends, " ")
        }
    }
}

fn secret(random: &mut Random) -> Planted {
    let key = |random: &mut Random, length: usize| format!("{}7b", random.string(length, LETTERS));
    let text = match random.below(16) {
        0 => format!("sk-proj-{}", key(random, 40)),
        1 => format!("ghp_{}", key(random, 34)),
        2 => format!(
            "AKIA{}7B",
            random.string(14, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        ),
        3 => format!("xoxb-{}-{}", random.string(12, DIGITS), key(random, 22)),
        4 => format!(
            "eyJ{}.eyJ{}.{}",
            key(random, 30),
            key(random, 40),
            key(random, 40)
        ),
        5 => format!("{}:AA{}", random.string(9, "123456789"), key(random, 31)),
        6 => format!("AIza{}", key(random, 33)),
        7 => format!("sk_live_{}", key(random, 22)),
        8 => format!("glpat-{}", key(random, 18)),
        9 => format!("npm_{}", key(random, 34)),
        10 | 11 => {
            let length = random.pick(&[16, 20, 32]);
            random.string(length - 8, HEX) + "0a1b2c3d" + &random.string(length, HEX)
        }
        12 => {
            // Any is missed once in a hundred times: this one has enough of each class.
            let pieces = (0..9).map(|_| {
                let piece = random.string(3, LETTERS);
                piece + &random.string(1, DIGITS) + &random.string(1, "ABCDEFGHJKMNPQRS")
            });
            pieces.collect::<String>() + "=="
        }
        13 => {
            let parts = [8, 4, 4, 4, 12].map(|length| random.string(length, HEX));
            parts.join("-")
        }
        14 => {
            let line = random.string(64, LETTERS);
            format!(
                "-----BEGIN RSA PRIVATE KEY-----\n{line}\n{line}\n-----END RSA PRIVATE KEY-----"
            )
        }
        _ => {
            let (word, mark) = (random.string(6, LOWER), random.pick(&["!", "#", "$", ""]));
            return Planted {
                after_word: true,
                ..format!("{word}{mark}{}", random.string(3, DIGITS)).into()
            };
        }
    };
    text.into()
}

fn number(random: &mut Random) -> String {
    let pattern = random.pick(&[
        "#######",
        "########",
        "##########",
        "### ## ###",
        "####-####",
        "### ### ###",
        "####### ##",
        "##-###-##",
        "################",
        "############",
    ]);
    // No date, and not a fraction.
    format!("7{}", &random.fill(pattern)[1..])
}

fn name(random: &mut Random) -> String {
    let name = random.pick(&[
        "Mira Solano",
        "MIRA",
        "mira",
        "Solano",
        "mira solano",
        "Ann",
        "Ренат",
        "РЕНАТ АХМЕТОВ",
        "ахметов",
        "田中さん",
        "田中",
        "王小明",
        "José",
        "josé ñúñez",
        "ZOË",
        "zoe\u{308}",
        "أمل",
        "राज",
        "김민수",
        "Łukasz",
        "żak",
        "สมชาย",
        "Family & Friends",
        "team северный",
        "Hedgehog Lane",
        "Mi\u{ad}ra",
    ]);
    name.to_owned()
}

/// With some of its characters as others that look like them.
fn look_alike(text: &str, random: &mut Random) -> String {
    if random.once_in(2) {
        return text.to_owned();
    }
    let zero = random.pick(&['0', '0', '0', '\u{ff10}', '\u{660}', '\u{966}']);
    let space = random.pick(&[' ', '\u{a0}', '\u{202f}', '\u{2009}', '\u{2007}']);
    let hyphen = random.pick(&['-', '\u{2011}', '\u{2010}', '\u{2013}', '\u{2212}']);
    let text: String = text
        .chars()
        .map(|character| match character {
            '0'..='9' => digit_from(zero, character),
            ' ' => space,
            '-' => hyphen,
            '+' if zero == '\u{ff10}' => '＋',
            _ => character,
        })
        .collect();
    if random.once_in(4) {
        interrupted(&text, random)
    } else {
        text
    }
}

fn digit_from(zero: char, digit: char) -> char {
    let value = digit.to_digit(10).expect("a digit");
    char::from_u32(u32::from(zero) + value).expect("ten digits in each script")
}

/// With what can't be seen between some characters.
fn interrupted(text: &str, random: &mut Random) -> String {
    let invisible = random.pick(&['\u{200b}', '\u{ad}', '\u{2060}', '\u{200d}', '\u{feff}']);
    let mut interrupted = String::new();
    for (index, character) in text.chars().enumerate() {
        if index > 0 && random.once_in(5) {
            interrupted.push(invisible);
        }
        interrupted.push(character);
    }
    interrupted
}

/// Words around what is planted, in several scripts.
const WORDS: [&str; 14] = [
    "call me",
    "tomorrow at 10",
    "смотри",
    "вот мой",
    "este es",
    "das ist",
    "这是我的",
    "こちら",
    "हाँ यह",
    "هذا هو",
    "ok 👍",
    "3 of 5",
    "여기",
    "นี่คือ",
];

/// A message with something planted in it, and from where to where it is.
pub(crate) fn message(planted: &Planted, random: &mut Random) -> (String, Range<usize>) {
    let mut text = String::new();
    if !random.once_in(4) {
        text.push_str(random.pick(&WORDS));
        text.push_str(random.pick(&[" ", ": ", " (", " \"", "\n", " «", "：", "，", " - ", " → "]));
    }
    if planted.after_word {
        let words = ["password: ", "Passwort: ", "пароль: ", "pass=", "密码："];
        text.push_str(random.pick(&words));
    }
    let start = text.len();
    text.push_str(&planted.text);
    let end = text.len();
    let after = [
        "", "", ".", ",", "!", ")", "\"", "\n", "»", "。", "，", " 🙂", " ok", "; ",
    ];
    text.push_str(random.pick(&after));
    if !random.once_in(3) {
        text.push_str(random.pick(&[" ", "\n"]));
        text.push_str(random.pick(&WORDS));
    }
    (text, start..end)
}

/// Numbers that are nobody's: times, dates, prices, versions, sizes.
const HARMLESS: [&str; 40] = [
    "at 1#:3# or 1#.3#",
    "2024-05-1#",
    "1#.05.2024",
    "05/1#/2024 at 09:##",
    "2024-05-1#T10:##:##",
    "in 2019-2023",
    "$1,2##.##",
    "1 2## ### руб",
    "€ 1.2##,##",
    "12 ### 000",
    "3.14159###",
    "v1.#.##",
    "192.168.1.1##",
    "10-1# people",
    "##% of ###",
    "room 12##",
    "flight LH1###",
    "bus ##",
    "ISBN 978-3-16-148410-#",
    "IMG_2024051#_1830##.jpg",
    "#12### is closed",
    "№ 12###",
    "9:30-1#:00, 14:00-1#:00",
    "2x4x###",
    "1/2 and 3/4",
    "24/7",
    "###kg, ###cm",
    "8,### km",
    "5 ### steps, 10 ### steps",
    "1. ### 2. ### 3. ###",
    "from 1 to 1 000 000",
    "score 3-2, 4-1, 5-#",
    "52.52####, 13.40####",
    "0.1701234###",
    "1.5k views",
    "chapter 12.3.4.#",
    "100 200 300 ###",
    "10 20 30 40 50 6#",
    "call 112",
    "2 × 1#00 mAh",
];

/// Some of them in a message.
pub(crate) fn harmless(random: &mut Random) -> String {
    let pattern = random.pick(&HARMLESS);
    random.fill(pattern)
}
