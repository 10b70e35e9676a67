//! Measures what the detector finds, what it takes for something, and how fast it is.
//!
//! ```text
//! cargo run --release --package resonare-redaction --example measure
//! cargo run --release --package resonare-redaction --example measure -- result.json
//! ```
//! Alone, it plants made-up data and says how much of it is found. With a file `*.tsv` of lines of kind, owner's number
//! or nothing, form, text, it does so with these, and prints what isn't found to standard error. With exports, whose messages should have nothing
//! personal in them, it says what is found in them, and how many bytes of text it goes through in a second.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it is what the program is for"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, bail};
use resonare_redaction::{Detector, Finding, NameFinder, Names, PersonalData, Region};
use serde_json::Value;

#[path = "../../tests/planted/generator.rs"]
mod generator;
mod hard;

use generator::{Planted, Random, harmless, message, names, planted};
use hard::HARD;

const EACH: u64 = 5000;

fn main() -> anyhow::Result<()> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        recall();
    }
    for file in files {
        if Path::new(&file).extension().is_some_and(|end| end == "tsv") {
            recall_of(&file)?;
        } else {
            measure(&file)?;
        }
    }
    Ok(())
}

fn recall() {
    for kind in PersonalData::ALL {
        show(kind, "all forms", |random| planted(kind, random));
    }
    for (kind, form, plant) in HARD {
        show(kind, form, plant);
    }
    for owner in [
        "+491701234567",
        "+12025550100",
        "+79123450000",
        "+34612340000",
        "+4520123456",
    ] {
        let region = Region::of_number(owner);
        let (detector, mut random) = (Detector::new([PersonalData::Phone]), Random(1));
        let taken = (0..EACH).filter(|_| {
            let mut findings = Vec::new();
            detector.find(&harmless(&mut random), region, &mut findings);
            !findings.is_empty()
        });
        println!(
            "{} of {EACH} times, dates and prices taken for phone numbers of {owner}",
            taken.count()
        );
    }
}

fn recall_of(path: &str) -> anyhow::Result<()> {
    let names = names().finder();
    let mut random = Random(1);
    let mut shares: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
    for line in std::fs::read_to_string(path)?.lines() {
        let [kind, owner, form, text] = line.split('\t').collect::<Vec<_>>()[..] else {
            bail!("not four fields: {line}");
        };
        let Ok(kind) = kind.parse() else {
            bail!("not a kind: {line}");
        };
        let (message, place) = message(&text.to_owned().into(), &mut random);
        let found = is_found(kind, Region::of_number(owner), &names, &message, place);
        let share = shares
            .entry((kind.name().to_owned(), form.to_owned()))
            .or_default();
        share.0 += u64::from(found);
        share.1 += 1;
        if !found {
            eprintln!("{line}\t{message:?}");
        }
    }
    for ((kind, form), (found, all)) in shares {
        println!("{kind:8} {found:6} of {all:6} {form}");
    }
    Ok(())
}

fn is_found(
    kind: PersonalData,
    region: Option<Region>,
    names: &NameFinder,
    text: &str,
    planted: Range<usize>,
) -> bool {
    let mut findings = Vec::new();
    if kind == PersonalData::Name {
        names.find(text, &mut findings);
    }
    Detector::new([kind]).find(text, region, &mut findings);
    let mut findings = findings.iter();
    findings.any(|found| found.start <= planted.start && planted.end <= found.end)
}

fn show(kind: PersonalData, form: &str, plant: impl Fn(&mut Random) -> Planted) {
    let names = names().finder();
    let mut random = Random(1);
    let found = (0..EACH).filter(|_| {
        let planted = plant(&mut random);
        let (text, place) = message(&planted, &mut random);
        let region = planted.owner.and_then(Region::of_number);
        is_found(kind, region, &names, &text, place)
    });
    let share = found.count() as f64 / EACH as f64 * 100.0;
    println!("{:8} {share:6.2} %  {form}", kind.name());
}

fn measure(path: &str) -> anyhow::Result<()> {
    let bytes = std::fs::read(path).with_context(|| format!("failed to read {path}"))?;
    let value: Value =
        serde_json::from_slice(&bytes).with_context(|| format!("failed to parse {path}"))?;
    let mut export = Export::default();
    export.add(&value);
    let messages = export.unmarked.len() as f64;
    println!(
        "{path}: {messages} messages, {} senders",
        export.people.len()
    );

    let region = Region::of_number("+491701234567");
    let detector = Detector::new(PersonalData::ALL);
    let shapes = |text: &str, findings: &mut Vec<Finding>| detector.find(text, region, findings);
    let mut found: Vec<(PersonalData, String)> = Vec::new();
    for text in &export.unmarked {
        let mut findings = Vec::new();
        shapes(text, &mut findings);
        found.extend(
            findings
                .iter()
                .map(|at| (at.kind, text[at.start..at.end].to_owned())),
        );
    }
    for kind in PersonalData::ALL {
        let of_kind = found.iter().filter(|(other, _)| *other == kind);
        let texts: Vec<&str> = of_kind.map(|(_, text)| text.as_str()).collect();
        let share = texts.len() as f64 * 100_000.0 / messages;
        let some = texts[..texts.len().min(12)].join(" | ");
        println!("{:8} {share:9.1} in 100,000 messages: {some}", kind.name());
    }

    let finder = |people: &mut dyn Iterator<Item = String>| {
        let mut names = Names::default();
        people.for_each(|name| names.person(&name));
        names.finder()
    };
    let own = finder(&mut export.people.iter().cloned());
    let many = finder(&mut (0..100_000).map(|number| format!("Zora{number} Yilmaz{number}")));
    let quiet = export.unmarked.iter().filter(|text| {
        let mut findings = Vec::new();
        shapes(text, &mut findings);
        findings.is_empty()
    });
    speed(
        "without findings",
        &quiet.cloned().collect::<Vec<_>>(),
        shapes,
    );
    speed("with what Telegram marked", &export.whole, shapes);
    speed("the senders' names", &export.whole, |text, findings| {
        own.find(text, findings);
    });
    speed("100,000 names", &export.whole, |text, findings| {
        many.find(text, findings);
    });
    Ok(())
}

/// The fastest of some runs, in megabytes of text in a second.
fn speed(label: &str, messages: &[String], find: impl Fn(&str, &mut Vec<Finding>)) {
    let bytes: usize = messages.iter().map(String::len).sum();
    let mut findings = Vec::new();
    let seconds = (0..20).map(|_| {
        let started = Instant::now();
        for text in messages {
            findings.clear();
            find(text, &mut findings);
        }
        started.elapsed().as_secs_f64()
    });
    let fastest = seconds.fold(f64::INFINITY, f64::min);
    println!(
        "{:7.0} MB/s, {label} ({bytes} bytes)",
        bytes as f64 / fastest / 1e6
    );
}

/// What is measured of an export.
#[derive(Default)]
struct Export {
    /// The texts of its messages.
    whole: Vec<String>,
    /// They without what Telegram marked in them.
    unmarked: Vec<String>,
    people: BTreeSet<String>,
}

impl Export {
    fn add(&mut self, value: &Value) {
        match value {
            Value::Object(fields) if fields.get("type").is_some_and(|kind| kind == "message") => {
                let text = fields.get("text").unwrap_or(&Value::Null);
                let parts = text
                    .as_array()
                    .map_or(std::slice::from_ref(text), Vec::as_slice);
                self.whole.push(parts.iter().filter_map(whole).collect());
                self.unmarked
                    .push(parts.iter().filter_map(unmarked).collect());
                self.people.extend(
                    fields
                        .get("from")
                        .and_then(Value::as_str)
                        .map(str::to_owned),
                );
            }
            Value::Object(fields) => fields.values().for_each(|value| self.add(value)),
            Value::Array(values) => values.iter().for_each(|value| self.add(value)),
            _ => {}
        }
    }
}

fn whole(part: &Value) -> Option<&str> {
    part.as_str().or_else(|| part.get("text")?.as_str())
}

/// The text of a part that isn't a link, a number or the like.
fn unmarked(part: &Value) -> Option<&str> {
    const MARKED: [&str; 7] = [
        "link",
        "email",
        "phone",
        "mention",
        "bank_card",
        "bot_command",
        "hashtag",
    ];
    let marked = part
        .get("type")
        .and_then(Value::as_str)
        .is_some_and(|kind| MARKED.contains(&kind));
    whole(part).filter(|_| !marked)
}
