//! Any text, with anything marked in it: what is found is in its place, and nothing more is found without it.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use resonare_redaction::{Detector, Finding, NameFinder, Names, PersonalData, Region, replace};

static NAMES: LazyLock<NameFinder> = LazyLock::new(|| {
    let mut names = Names::default();
    for person in ["Mira Solano", "Ренат", "田中さん", "Phone", "Photo", "Jo"] {
        names.person(person);
    }
    names.title("Family & Friends");
    names.word("x1");
    names.finder()
});

fn redacted(
    text: &str,
    detector: Detector,
    names: bool,
    region: Option<Region>,
    marked: Vec<Finding>,
) -> (String, Vec<Finding>) {
    let mut findings = marked;
    if names {
        NAMES.find(text, &mut findings);
    }
    detector.find(text, region, &mut findings);
    let mut out = String::new();
    replace(text, &findings, &mut out);
    (out, findings)
}

fuzz_target!(|input: (u16, bool, Vec<(u8, u8, u8)>, &str)| {
    let (wanted, german, marked, text) = input;
    let kinds = PersonalData::ALL
        .into_iter()
        .filter(|&kind| wanted >> (kind as u16) & 1 == 1);
    let names = wanted >> (PersonalData::Name as u16) & 1 == 1;
    let (detector, region) = (
        Detector::new(kinds),
        Region::of_number("+491701234567").filter(|_| german),
    );
    let marked = marked.into_iter().map(|(start, length, kind)| Finding {
        start: start.into(),
        end: usize::from(start) + usize::from(length),
        kind: PersonalData::ALL[usize::from(kind) % PersonalData::ALL.len()],
    });
    let (out, findings) = redacted(text, detector, names, region, marked.collect());
    for found in &findings {
        assert!(
            found.start < found.end
                && text.is_char_boundary(found.start)
                && text.is_char_boundary(found.end)
        );
    }
    assert!(findings.windows(2).all(|pair| pair[0].end <= pair[1].start));
    let (again, more) = redacted(&out, detector, names, region, Vec::new());
    assert!(more.is_empty() && again == out, "{out:?} {more:?}");
});
