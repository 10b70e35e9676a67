//! Reports of small runs.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

use resonare_pipeline::{
    Failure, Outputs, PersonalData, Run, Settings, Source, SpecialTokens, Statistics, StatsFile,
    TokenCounter, TokenLimits, Tokenizer, TokenizerInfo,
};
use serde_json::{Map, Value, json};

/// Counts words.
#[derive(Clone, Copy)]
struct Words;

impl Tokenizer for Words {
    type Counter<'t> = Self;

    fn counter(&self) -> Self {
        *self
    }
}

impl TokenCounter for Words {
    fn count(&mut self, text: &str) -> u32 {
        u32::try_from(text.split_whitespace().count()).unwrap()
    }
}

fn settings() -> Settings {
    Settings {
        limits: TokenLimits::new(3, 800).unwrap(),
        report_samples: 10,
        ..Settings::default()
    }
}

/// A conversation a day, of the owner with somebody.
fn chat(id: u64, name: &str, days: u64, text: &str) -> Value {
    let messages = (1..=days).flat_map(|day| {
        let message = |second: u64, from: &str, from_id: u64| {
            json!({
                "id": day * 10 + second, "type": "message", "from": from, "from_id": format!("user{from_id}"),
                "date": format!("2024-{:02}-{:02}T10:00:0{second}", day / 28 + 1, day % 28 + 1),
                "text": text,
            })
        };
        [message(0, name, id), message(5, "Ren", 1)]
    });
    json!({"name": name, "type": "personal_chat", "id": id, "messages": messages.collect::<Vec<_>>()})
}

fn export(chats: &[Value]) -> String {
    json!({"personal_information": {"user_id": 1}, "chats": {"list": chats}}).to_string()
}

fn run(export: &str, settings: &Settings, threads: usize) -> Result<Statistics, Failure> {
    let run = Run {
        settings,
        tokenizer: &Words,
        tokenizer_info: TokenizerInfo {
            kind: "words".to_owned(),
            source: "a test".to_owned(),
            ..TokenizerInfo::default()
        },
        chat_template: None,
        special_tokens: &SpecialTokens::default(),
        threads: NonZeroUsize::new(threads).unwrap(),
        scratch_dir: &std::env::temp_dir(),
        cancelled: &AtomicBool::new(false),
    };
    let source = Source {
        name: "the export".to_owned(),
        reader: Box::new(std::io::Cursor::new(export.to_owned())),
    };
    let outputs = Outputs {
        train: &mut Vec::new(),
        processed: &mut Vec::new(),
        raw: None,
        validation: None,
        formats: Vec::new(),
    };
    run.execute([Ok(source)], outputs)
}

fn page(statistics: &Statistics, error: Option<&str>) -> String {
    let config = Map::from_iter([("system_prompt".to_owned(), json!("</table><script>"))]);
    let stats = StatsFile {
        statistics,
        config: &config,
        training_length: None,
        next: None,
        preset: &[],
        chat_template: None,
        error,
        error_details: &[],
        senders: &[],
    };
    let mut page = Vec::new();
    resonare_report::write(&stats, &mut page).unwrap();
    String::from_utf8(page).unwrap()
}

fn report(export: &str, settings: &Settings) -> String {
    page(&run(export, settings, 1).unwrap(), None)
}

/// The headings, captions and titles of pictures.
fn structure(page: &str) -> String {
    let starts = ["<h1>", "<h2>", "<h3>", "<title", "<caption"];
    let mut lines = Vec::new();
    for (at, _) in page.match_indices('<') {
        let rest = &page[at..];
        let Some(start) = starts.iter().find(|start| rest.starts_with(**start)) else {
            continue;
        };
        let name = start.trim_matches(['<', '>']);
        let content = &rest[rest.find('>').unwrap() + 1..rest.find(&format!("</{name}>")).unwrap()];
        let text: String = content
            .split('<')
            .map(|part| part.split_once('>').map_or(part, |(_, text)| text))
            .collect();
        lines.push(format!("{name}: {text}"));
    }
    lines.join("\n")
}

#[test]
fn a_report_says_in_its_titles_what_its_pictures_show() {
    let chats = [chat(2, "Ann", 30, "how are you"), chat(3, "Ben", 5, "fine")];
    let settings = Settings {
        report_samples: 2,
        ..settings()
    };
    insta::assert_snapshot!(structure(&report(&export(&chats), &settings)), @r"
    title: Report of a run – Resonare Data Prep
    h1: 30 conversation blocks to learn from
    h2: 1 thing to think about before training
    h2: What would keep more of the export
    h2: 86% of the messages are in the blocks; the rest were in blocks under 3 tokens
    h2: 30 of 35 blocks kept; the limits are 3 to 800 tokens
    title: Blocks by tokens, against the limits
    caption: Blocks by tokens
    h3: All of the blocks have 2 messages
    caption: Blocks by number of messages
    h3: All take up to 1 min from the first message to the last
    caption: Blocks by the time that they take
    h3: 49% of the pauses are over 1 h, and end a conversation
    caption: Pauses between the messages of a chat
    h2: All conversations are from 2024
    title: Conversations over time
    caption: Conversations over time
    h3: Half of them began between 10:00 and 11:00
    title: Conversations by the hour of the week in which they began
    caption: Conversations by the hour in which they began
    h2: Ren says half of what is said
    caption: What each side says in the blocks
    h2: All blocks are from one chat
    caption: Chats by number of blocks
    h2: 2 of the blocks, to see what is learned from
    h3: Ann
    h3: Ann
    h2: What the blocks were made with
    caption: All settings
    ");
}

#[test]
fn blocks_that_many_trainers_refuse_are_counted() {
    let mut ann = chat(2, "Ann", 3, "how are you");
    let page = report(&export(&[ann.clone()]), &settings());
    assert!(!page.contains("many trainers refuse"));
    // Nobody answers on the last day.
    ann["messages"].as_array_mut().unwrap().pop();
    let page = report(&export(&[ann]), &settings());
    let refused = "In 1 of 3 blocks only one side speaks, which many trainers refuse.";
    assert!(page.contains(refused), "{page}");
}

#[test]
fn a_failed_run_has_a_report_of_what_there_was() {
    let failure = run(&export(&[chat(2, "Ann", 3, "fine")]), &settings(), 1).unwrap_err();
    let page = page(&failure.statistics, Some("no block was <kept>"));
    assert!(page.contains("No block was &lt;kept&gt;."));
    insta::assert_snapshot!(structure(&page), @r"
    title: Report of a run – Resonare Data Prep
    h1: There is nothing to learn from yet
    h2: What would keep more of the export
    h2: No message is in a block; all were in blocks under 3 tokens
    h2: None of 3 blocks kept; the limits are 3 to 800 tokens
    title: Blocks by tokens, against the limits
    caption: Blocks by tokens
    h2: What the blocks were made with
    caption: All settings
    ");
}

#[test]
fn names_and_texts_of_strangers_stay_text() {
    let hostile = "</style></title><script>alert(1)</script><img src=x onerror=alert(2)>\" onload=\"alert(3)\u{202e}\0";
    let long = "<b>".repeat(10_000);
    let chats = [
        chat(2, hostile, 30, hostile),
        chat(3, &long, 30, &format!("{long} a b")),
    ];
    let page = report(&export(&chats), &settings());
    assert!(page.len() < 200_000, "{}", page.len());
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    for (markup, times) in [
        ("<script", 0),
        ("<img", 0),
        ("<b>", 0),
        ("<style", 1),
        ("</style", 1),
    ] {
        assert_eq!(page.matches(markup).count(), times, "{markup}");
    }
    // Every quotation mark that is not the page's own is written otherwise.
    assert!(!page.contains("\" onload=\""));
    assert!(!page.contains('\0'));
}

#[test]
fn nothing_in_it_leads_elsewhere() {
    let page = report(&export(&[chat(2, "Ann", 30, "how are you")]), &settings());
    for attribute in [" src=", " href=", " style=", " srcset=", "url(", "@import"] {
        assert!(!page.contains(attribute), "{attribute}");
    }
    let policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-";
    assert!(page.contains(policy));
}

#[test]
fn the_same_export_gives_the_same_bytes() {
    let chats: Vec<_> = (2..30)
        .map(|id| chat(id, &format!("Ann {id}"), id, "how are you"))
        .collect();
    let export = export(&chats);
    let pages = [1, 2, 4].map(|threads| page(&run(&export, &settings(), threads).unwrap(), None));
    assert!(pages.iter().all(|page| *page == pages[0]));
}

#[test]
fn without_samples_there_is_no_text_and_what_is_redacted_is_not_there_either() {
    let export = export(&[chat(2, "Ann Lee", 30, "write to ann@example.org please")]);
    let texts = "write to ann@example.org please";
    assert!(report(&export, &settings()).contains(texts));
    let none = Settings {
        report_samples: 0,
        ..settings()
    };
    assert!(!report(&export, &none).contains(texts));
    let redacted = Settings {
        redact: PersonalData::ALL.to_vec(),
        ..settings()
    };
    let page = report(&export, &redacted);
    assert!(page.contains("write to [EMAIL] please"));
    for secret in ["ann@example.org", "Ann", "Lee", "Ren"] {
        assert!(!page.contains(secret), "{secret}");
    }
}
