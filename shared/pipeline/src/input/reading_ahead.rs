//! Tests that reading ahead changes nothing, wherever an input is cut.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::atomic::AtomicBool;

use memchr::memmem;
use proptest::prelude::*;
use resonare_consumers::SpecialTokens;
use resonare_redaction::PersonalData;

use super::ahead::AheadReader;
use super::capture::RawCopy;
use super::chats::ReadingContext;
use super::export::ExportReader;
use super::failing::Failing;
use super::reader::Reader;
use super::rules::ReadingRules;
use super::segment::{Segment, Segments};
use super::sink::ChunkSink;
use super::window::Window;
use crate::chunk::{ChatEnd, Chunk};
use crate::error::PipelineError;
use crate::settings::{CHAT_TYPES, DateLimit, Forwarded, Settings};

/// The segments of an input that is cut at these places, read ahead.
struct Cuts {
    segments: VecDeque<Segment>,
    end: End,
}

/// How an input ends, if not as it should.
type End = Option<io::ErrorKind>;

impl Cuts {
    fn new(input: &[u8], mut places: Vec<usize>, end: End, rules: &ReadingRules<'_>) -> Self {
        let mut reader = AheadReader::new(rules, true);
        places.push(input.len());
        places.sort_unstable();
        let mut start = 0;
        let segments = places.into_iter().filter_map(|place| {
            let offset = std::mem::replace(&mut start, place);
            let mut segment = Segment::new(offset as u64, input[offset..place].to_vec());
            reader.read(&mut segment);
            (offset < place).then_some(segment)
        });
        Self {
            segments: segments.collect(),
            end,
        }
    }
}

impl Segments for Cuts {
    fn next(&mut self, _: Vec<u8>) -> io::Result<Option<Segment>> {
        match (self.segments.pop_front(), self.end) {
            (None, Some(kind)) => Err(kind.into()),
            (segment, _) => Ok(segment),
        }
    }
}

/// What was read, whatever chunks it came in.
#[derive(Debug, Default, PartialEq)]
struct Collected {
    /// Of each kept message, what is kept.
    messages: Vec<String>,
    notes: Vec<String>,
    marks: Vec<String>,
    ends: Vec<String>,
    special_token_text: u64,
    last: String,
}

impl ChunkSink for Collected {
    fn accept(&mut self, chunk: Chunk) -> Result<Chunk, PipelineError> {
        let (records, notes) = (self.messages.len(), self.notes.len());
        self.messages.extend(chunk.records.iter().map(|record| {
            let (text, date) = (record.text(&chunk.text), record.written_date(&chunk.text));
            format!(
                "{text:?} {date:?} {} {} {}",
                record.sender, record.time, record.stamp
            )
        }));
        self.notes
            .extend(chunk.notes.iter().map(|note| format!("{note:?}")));
        self.marks.extend(
            chunk
                .marks
                .iter()
                .map(|mark| format!("{} {:?}", records + mark.record, mark.finding)),
        );
        self.ends.extend(chunk.ends.into_iter().map(|end| {
            let end = ChatEnd {
                records_end: records + end.records_end,
                notes_end: notes + end.notes_end,
                ..end
            };
            format!("{end:?}")
        }));
        self.special_token_text += chunk.special_token_text;
        self.last = format!("{:?} {:?} {:?}", chunk.mended, chunk.salvaged, chunk.region);
        Ok(Chunk::default())
    }
}

/// What is read through a window, and the raw copy or the error.
fn read(window: Window<'_>, rules: &ReadingRules<'_>) -> (Collected, Result<String, String>) {
    let (mut sink, mut raw, mut chats) = (Collected::default(), Vec::new(), 0);
    let cancelled = AtomicBool::new(false);
    let mut copy = RawCopy::new(&mut raw, &std::env::temp_dir());
    let context = ReadingContext {
        source: "the export",
        rules,
        sink: &mut sink,
        input: 0,
        chats: &mut chats,
    };
    let reader = Reader::new(window, Some(&mut copy), &cancelled);
    let result = ExportReader::new(reader, context).read();
    copy.finish().unwrap();
    let raw = String::from_utf8(raw).unwrap();
    (
        sink,
        result.map(|()| raw).map_err(|error| error.to_string()),
    )
}

/// Messages, and other elements of lists, that are written in unusual ways.
const OTHERS: [&str; 7] = [
    r#"{ "id": 7, "type": "service", "action": "topic_created", "title": "One" }"#,
    r#"{ "id": 8, "type": "service", "action": "topic_edit", "new_title": "Two", "reply_to_message_id": 7 }"#,
    r#"{ "id": 9, "from": "A", "from": "B", "date": "2024-01-01T10:00:00+02:00", "text": "zoned" }"#,
    r#"{ "id": 10, "poll": { "answers": [ { "id": 1, "text": "a" }, { "id": 2 } ] }, "document_id": not-quoted,
            "from": "A", "date": "2024-01-01T10:00:00", "text": "after a file" }"#,
    r#"{ "type": "message", "id": 11, "from": "C", "date": "2024-01-01", "text": "otherwise" }"#,
    "1234",
    r#"[ { "id": 3 }, { "id": 4 } ]"#,
];

const AFTER_OTHERS: &str = r#" ], "id": 12"#;

fn message() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        4 => "[a-z ]{0,6}",
        1 => Just(r#"{\"id\": 1}, "#.to_owned()),
        1 => Just("\u{1}\\x41 \\ud83d <|im_end|>".to_owned()),
        1 => Just("Grüße\n[\n{\"".replace('"', "\\\"")),
    ];
    let usual = (0..99_u8, "[A-C]|some[a-z]", text).prop_map(|(second, from, text)| {
        format!(
            r#"{{ "id": {second}, "type": "message", "date": "2024-01-01T00:00:{:02}", "from": "{from}", "from_id": "user{from}",
              "reply_to_message_id": 7, "text": "{text}", "text_entities": [ {{ "type": "phone", "text": "{text}" }} ] }}"#,
            second % 60,
        )
    });
    prop_oneof![4 => usual, 2 => prop::sample::select(OTHERS.map(str::to_owned).to_vec())]
}

fn chat() -> impl Strategy<Value = String> {
    let types = prop::sample::select(vec![CHAT_TYPES[0], CHAT_TYPES[1], CHAT_TYPES[2]]);
    let messages = prop::collection::vec(message(), 0..8);
    (types, messages, any::<bool>()).prop_map(|(kind, messages, is_late)| {
        let messages = messages.join(", ");
        let head = format!(r#""name": "{kind}", "type": "{kind}", "id": 12"#);
        if is_late {
            format!(r#"{{ "id": 1, "messages": [ {messages} ], {head} }}"#)
        } else {
            format!(r#"{{ {head}, "messages": [ {messages} ] }}"#)
        }
    })
}

fn settings() -> impl Strategy<Value = Settings> {
    (any::<[bool; 4]>(), 1..3_usize).prop_map(|([on, salvage, limited, drop], types)| Settings {
        chat_types: CHAT_TYPES[..types]
            .iter()
            .map(|name| (*name).to_owned())
            .collect(),
        salvage,
        date_limit: limited.then(|| DateLimit::parse("2024-01-01T00:00:30").unwrap()),
        topics: on,
        reply_context: on,
        media_placeholders: on,
        redact: if on {
            vec![PersonalData::Phone]
        } else {
            Settings::default().redact
        },
        forwarded: if drop {
            Forwarded::Drop
        } else {
            Forwarded::default()
        },
        ..Settings::default()
    })
}

/// An export with these chats, with something else instead of each space.
fn export(chats: &[String], gap: &str) -> Vec<u8> {
    let chats = chats.join(", ");
    let owner = r#""personal_information": { "user_id": 1, "phone_number": "+41791234567" }"#;
    let export = format!(r#"{{ {owner}, "chats": {{ "list": [ {chats} ] }} }}"#);
    export.replace(' ', gap).into_bytes()
}

/// Of all sorts of messages.
fn sample() -> Vec<u8> {
    let chat = format!(
        r#"{{ "name": "A", "messages": [ {}{AFTER_OTHERS} }}"#,
        OTHERS.join(", ")
    );
    export(&[chat], "\n ")
}

fn with_everything() -> Settings {
    Settings {
        topics: true,
        reply_context: true,
        ..Settings::default()
    }
}

#[test]
fn a_segment_may_end_anywhere() {
    let (export, settings, none) = (sample(), with_everything(), SpecialTokens::default());
    let rules = ReadingRules::new(&settings, &none, false);
    let expected = read(Window::new(Box::new(&*export)), &rules);
    assert_eq!(expected.0.messages.len(), 3);
    for place in 0..=export.len() {
        let cuts = Cuts::new(&export, vec![place], None, &rules);
        assert_eq!(read(Window::read_ahead(cuts), &rules), expected, "{place}");
    }
}

#[test]
fn what_was_read_ahead_is_not_read_again() {
    let (export, settings, none) = (sample(), with_everything(), SpecialTokens::default());
    let rules = ReadingRules::new(&settings, &none, false);
    let (expected, _) = read(Window::new(Box::new(&*export)), &rules);
    let mut cuts = Cuts::new(&export, Vec::new(), None, &rules);
    let bytes = &mut cuts.segments[0].bytes;
    let place = |of: &str| memmem::find(&export, of.replace(' ', "\n ").as_bytes()).unwrap();
    bytes[place(OTHERS[0])..place(AFTER_OTHERS)].fill(b'x');
    let (collected, result) = read(Window::read_ahead(cuts), &rules);
    assert_eq!((collected, result.is_ok()), (expected, true));
}

proptest! {
    #[test]
    fn any_segments_give_the_same(
        chats in prop::collection::vec(chat(), 1..4),
        gap in prop::sample::select(vec!["", " ", "\n ", "\r\n\t"]),
        settings in settings(),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        end in prop::option::weighted(0.3, any::<prop::sample::Index>()),
        broken in prop::option::weighted(0.2, (any::<prop::sample::Index>(), any::<u8>())),
        fault in prop::option::weighted(
            0.2,
            prop::sample::select(vec![io::ErrorKind::ConnectionReset, io::ErrorKind::UnexpectedEof]),
        ),
        several in any::<bool>(),
    ) {
        let mut export = export(&chats, gap);
        if let Some((at, byte)) = broken {
            let at = at.index(export.len());
            export[at] = byte;
        }
        if let Some(end) = end {
            export.truncate(end.index(export.len()));
        }
        let special_tokens = SpecialTokens::new(["<|im_end|>".to_owned()]);
        let rules = ReadingRules::new(&settings, &special_tokens, several);
        let stream: Box<dyn Read> = match fault {
            Some(kind) => Box::new(export.chain(Failing(kind))),
            None => Box::new(&*export),
        };
        let expected = read(Window::new(stream), &rules);
        let places = places.into_iter().map(|place| place.index(export.len() + 1)).collect();
        let cuts = Cuts::new(&export, places, fault, &rules);
        prop_assert_eq!(read(Window::read_ahead(cuts), &rules), expected);
    }
}
