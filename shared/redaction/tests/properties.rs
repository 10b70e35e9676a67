//! What holds for every text.

#[path = "planted/generator.rs"]
mod generator;

use generator::{Random, harmless, message, names, planted};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use resonare_redaction::{Detector, Finding, PersonalData, Region, replace};

/// Parts that something could be found by, or be taken for.
const PARTS: [&str; 60] = [
    "@",
    ".",
    ":",
    "://",
    "https://",
    "www.",
    "t.me/",
    ".com",
    "example.com",
    "+49",
    "+",
    "00",
    "0170",
    "1234567",
    "4111111111111111",
    "DE89370400440532013000",
    "123",
    " ",
    "-",
    "(",
    ")",
    "/",
    "[",
    "]",
    "[PHONE]",
    "[NAME]",
    "[photo]",
    "[voice message, 12 s]",
    "sk-",
    "ghp_",
    "eyJ",
    "aB3dE5fG7hJ9kL1mN3pQ5rS7",
    "9f86d081884c7d659a2feaa0c55ad015",
    "password: ",
    "=",
    "Mira",
    "Solano",
    "mira solano",
    "田中",
    "さん",
    "Ренат",
    "Ann",
    "phone",
    "name",
    "\u{200b}",
    "\u{ad}",
    "\u{a0}",
    "–",
    "٣٤٥٦٧٨٩",
    "７８",
    "，",
    "。",
    "：",
    "é",
    "e\u{301}",
    "🙂",
    "\n",
    "'s",
    "_",
    "-----BEGIN RSA PRIVATE KEY-----",
];

fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        8 => select(&PARTS[..]).prop_map(str::to_owned),
        1 => "[a-z0-9]{1,8}",
        1 => ".{0,4}",
    ];
    proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

fn redacted(
    text: &str,
    kinds: &[PersonalData],
    region: Option<Region>,
    marked: Vec<Finding>,
) -> (String, Vec<Finding>) {
    let mut findings = marked;
    if kinds.contains(&PersonalData::Name) {
        NAMES.with(|names| names.find(text, &mut findings));
    }
    Detector::new(kinds.iter().copied()).find(text, region, &mut findings);
    let mut out = String::new();
    replace(text, &findings, &mut out);
    (out, findings)
}

thread_local! {
    static NAMES: resonare_redaction::NameFinder = {
        let mut names = names();
        for name in ["Phone", "Name", "Photo", "Voice Message"] {
            names.person(name);
        }
        names.finder()
    };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn findings_are_sorted_and_apart_and_nothing_more_is_found_without_them(
        text in text(),
        kinds in subsequence(PersonalData::ALL.to_vec(), 1..=9),
        german in any::<bool>(),
        marked in proptest::collection::vec((0..60_usize, 0..30_usize, select(&PersonalData::ALL[..])), 0..3),
    ) {
        let region = german.then(|| Region::of_number("+491701234567").unwrap());
        let marked: Vec<Finding> = marked
            .into_iter()
            .map(|(start, length, kind)| Finding { start, end: start + length, kind })
            .collect();
        let (out, findings) = redacted(&text, &kinds, region, marked.clone());
        for finding in &findings {
            prop_assert!(finding.start < finding.end && finding.end <= text.len());
            prop_assert!(text.is_char_boundary(finding.start) && text.is_char_boundary(finding.end));
        }
        prop_assert!(findings.windows(2).all(|pair| pair[0].end <= pair[1].start));
        for mark in marked.iter().filter(|mark| mark.start < mark.end.min(text.len())) {
            prop_assert!(findings.iter().any(|found| found.start <= mark.start && mark.end.min(text.len()) <= found.end));
        }
        let (again, more) = redacted(&out, &kinds, region, Vec::new());
        prop_assert_eq!(more, Vec::new(), "in {:?}", &out);
        prop_assert_eq!(again, out);
    }

    #[test]
    fn what_is_planted_does_not_survive(kind in select(&PersonalData::ALL[..]), seed in any::<u64>(), alone in any::<bool>()) {
        let mut random = Random(seed);
        let planted = planted(kind, &mut random);
        let (text, place) = message(&planted, &mut random);
        let kinds = if alone { vec![kind] } else { PersonalData::ALL.to_vec() };
        let (out, findings) = redacted(&text, &kinds, planted.owner.and_then(Region::of_number), Vec::new());
        prop_assert!(findings.iter().any(|found| found.start <= place.start && place.end <= found.end), "{:?} in {:?}", planted.text, out);
    }

    #[test]
    fn times_dates_and_prices_stay(seed in any::<u64>(), german in any::<bool>()) {
        let text = harmless(&mut Random(seed));
        let region = german.then(|| Region::of_number("+491701234567").unwrap());
        let kinds: Vec<PersonalData> =
            PersonalData::ALL.into_iter().filter(|kind| *kind != PersonalData::Number).collect();
        prop_assert_eq!(redacted(&text, &kinds, region, Vec::new()).0, text);
    }
}

/// They would take minutes if anything went back to the start, or on to the end, at each place.
#[test]
fn long_texts_of_anything_take_no_longer_than_their_length() {
    let repeated = PARTS.iter().copied().chain([
        "sk-",
        "1-",
        "1 ",
        "a.",
        "x.In.",
        "a://",
        ")",
        "https://a)",
        "@a",
        "a@",
        "-----BEGIN ",
        "password:",
        "pass=1",
        "[NAME]1234567",
        "(",
        "+1",
        "+49 170 ",
        "Mira ",
        "e\u{301}",
        "AAAA.",
        "eyJ",
        "eyJ.",
        "1.1.1.",
        "a1B2",
        "-----BEGIN RSA PRIVATE KEY-----\n",
        "DE89 ",
        "@aaaa",
        "田",
        "a@b.",
        "-----END ",
    ]);
    for part in repeated {
        let text = part.repeat(20_000 / part.len());
        redacted(
            &text,
            &PersonalData::ALL,
            Region::of_number("+491701234567"),
            Vec::new(),
        );
        redacted(
            &format!("https://a{text}"),
            &PersonalData::ALL,
            None,
            Vec::new(),
        );
    }
}
