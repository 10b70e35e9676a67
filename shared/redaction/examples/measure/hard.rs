//! Forms that are missed, or often.

use resonare_redaction::PersonalData;

use crate::generator::{DIGITS, LETTERS, LOWER, Planted, Random};

/// A kind, a form, and what makes one.
type Hard = (PersonalData, &'static str, fn(&mut Random) -> Planted);

pub(crate) const HARD: [Hard; 11] = [
    (
        PersonalData::Phone,
        "as dialed within a town: 555-0173",
        |random| dialed(random, "+12025550100", "555-01##"),
    ),
    (
        PersonalData::Phone,
        "mobile, in one piece, without the 0: 1701234567",
        |random| dialed(random, "+491701234567", "170123####"),
    ),
    (
        PersonalData::Phone,
        "as dialed in another region: 0170 1234567",
        |random| dialed(random, "+12025550100", "0170 123####"),
    ),
    (
        PersonalData::Email,
        "spelled out: mira (at) example (dot) com",
        |random| format!("{} (at) example (dot) com", random.string(6, LOWER)).into(),
    ),
    (
        PersonalData::Link,
        "a domain that ends like a word, alone: example.in",
        |random| {
            let end = random.pick(&["in", "is", "me", "it", "es", "rs", "sh", "life", "cool"]);
            format!("{}.{end}", random.string(7, LOWER)).into()
        },
    ),
    (
        PersonalData::Secret,
        "a password that is a word: swordfish",
        |random| Planted {
            after_word: true,
            ..random.string(9, LOWER).into()
        },
    ),
    (
        PersonalData::Secret,
        "a password after no word that says so: hunter2",
        |random| format!("{}{}", random.string(6, LOWER), random.string(2, DIGITS)).into(),
    ),
    (
        PersonalData::Secret,
        "any Base64 of 34 characters or more",
        |random| base64(random).into(),
    ),
    (PersonalData::Number, "with dots: 1.234.567", |random| {
        random.fill("7.###.###").into()
    }),
    (
        PersonalData::Number,
        "digit by digit: 1 2 3 4 5 6 7",
        |random| random.fill("7 # # # # # # #").into(),
    ),
    (
        PersonalData::Name,
        "inflected: Рената, Miras",
        |random| {
            random
                .pick(&["Рената", "Ренату", "Ахметовым", "Miras", "민수는"])
                .to_owned()
                .into()
        },
    ),
];

fn dialed(random: &mut Random, owner: &'static str, pattern: &str) -> Planted {
    Planted {
        owner: Some(owner),
        ..random.fill(pattern).into()
    }
}

fn base64(random: &mut Random) -> String {
    let length = random.pick(&[34, 52, 78]);
    random.string(length, &format!("{LETTERS}+/"))
}
