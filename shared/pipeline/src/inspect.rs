//! What is in an export: its chats and senders, so that a target can be chosen.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use resonare_consumers::SpecialTokens;

use crate::advice::Advice;
use crate::chunk::{ChatEnd, Chunk, Record};
use crate::date::Micros;
use crate::error::PipelineError;
use crate::funnel::{MessageDrop, MessageFunnel};
use crate::gaps::{ChatTimes, EstimatedGaps};
use crate::input::chats::ReadingContext;
use crate::input::export::ExportReader;
use crate::input::reader::Reader;
use crate::input::rules::ReadingRules;
use crate::input::sink::ChunkSink;
use crate::input::source::{Source, decompressed};
use crate::input::window::Window;
use crate::json::mend::Mends;
use crate::senders::{SenderCount, SenderCounts, add_senders};
use crate::settings::{CHAT_TYPES, Settings, TokenLimits};
use crate::statistics::ImportedChats;
use crate::warning::Warning;
use crate::warnings;

/// A chat of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InspectedChat {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its id, where it has one.
    pub id: Option<u64>,
    /// Its `type`, `personal_chat` where it doesn't say.
    pub chat_type: String,
    /// Its messages, service messages included.
    pub messages: u64,
    /// Those with a sender, text and a date.
    pub usable_messages: u64,
    /// The date of the earliest usable message, as written.
    pub first_date: Option<String>,
    /// The date of the latest, as written.
    pub last_date: Option<String>,
    /// Why it can't be used whatever the settings: the name of a [`ChatDrop`](crate::ChatDrop).
    pub unusable: Option<&'static str>,
    /// The pauses between its usable messages.
    pub gaps: EstimatedGaps,
}

/// What an export holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// Its chats, in the order of the input.
    pub chats: Vec<InspectedChat>,
    /// The most frequent senders of usable messages, at most 20, most frequent first.
    pub senders: Vec<SenderCount>,
    /// Senders that are not listed.
    pub other_senders: u64,
    /// The id of the export's owner, of the form `user123456789`, where one is named, and no other.
    pub owner: Option<String>,
    /// The pauses between usable messages, in all chats that can be used.
    pub gaps: EstimatedGaps,
    /// What to think about before blocks are made of it.
    pub warnings: Vec<Warning>,
    /// Defects that were read as meant.
    pub mended: Mends,
}

/// Bytes that a token of chats has, about, whatever the language.
const BYTES_PER_TOKEN: u32 = 4;

/// Of the thresholds that [`Gaps`](crate::Gaps) tells about, the one that is the default.
const THRESHOLD_SECS: u64 = 3600;

/// How many senders are listed.
const SENDERS: usize = 20;

/// Reads all sources, and says what is in them.
///
/// With `salvage`, an export that ends early counts as far as it is complete. How many blocks within `limits`
/// the messages give is estimated from the lengths of their texts. `cancelled` may be set by another thread to
/// stop reading.
///
/// # Errors
/// Those of reading, such as [`PipelineError::NotJson`]; an export without a chat is not an error.
///
/// # Examples
/// ```
/// use std::sync::atomic::AtomicBool;
///
/// use resonare_pipeline::{Source, TokenLimits, inspect};
///
/// let export = r#"{"name": "Ann", "type": "personal_chat", "id": 2, "messages": [
///     {"from": "Ann", "from_id": "user2", "date": "2024-01-01T10:00:00", "text": "Hi!"},
///     {"from": "Ren", "from_id": "user1", "date": "2024-01-01T10:00:05", "text": "Hello!"},
///     {"from": "Ann", "from_id": "user2", "date": "2024-01-01T10:01:00", "text": "How are you?"}
/// ]}"#;
/// let source = Source {
///     name: "ann.json".to_owned(),
///     reader: Box::new(export.as_bytes()),
/// };
/// let inspection = inspect([Ok(source)], TokenLimits::default(), false, &AtomicBool::new(false))?;
/// assert_eq!(inspection.chats[0].usable_messages, 3);
/// assert_eq!(inspection.senders[0].sender, "Ann (user2)");
/// assert_eq!(inspection.owner, None);
/// # Ok::<(), resonare_pipeline::PipelineError>(())
/// ```
pub fn inspect(
    sources: impl IntoIterator<Item = io::Result<Source>>,
    limits: TokenLimits,
    salvage: bool,
    cancelled: &AtomicBool,
) -> Result<Inspection, PipelineError> {
    let settings = Settings {
        chat_types: CHAT_TYPES.map(str::to_owned).to_vec(),
        salvage,
        ..Settings::default()
    };
    let special_tokens = SpecialTokens::default();
    let rules = ReadingRules::new(&settings, &special_tokens, false);
    let mut inspector = Inspector {
        limits,
        ..Inspector::default()
    };
    let mut chats = 0;
    for source in sources {
        let source = source.and_then(|Source { name, reader }| Ok((name, decompressed(reader)?)));
        let (name, bytes) = source.map_err(|cause| PipelineError::reading("the input", cause))?;
        let reader = Reader::new(Window::new(bytes), None, cancelled);
        let context = ReadingContext {
            source: &name,
            rules: &rules,
            sink: &mut inspector,
            input: 0,
            chats: &mut chats,
        };
        ExportReader::new(reader, context).read()?;
    }
    Ok(inspector.finish())
}

#[derive(Default)]
struct Inspector {
    limits: TokenLimits,
    inspection: Inspection,
    senders: SenderCounts,
    /// The exports' owners, as far as they are named.
    owners: BTreeSet<u64>,
    /// Of all chats that can be used.
    funnel: MessageFunnel,
    imported: ImportedChats,
    /// Of the chat that has not ended yet.
    usable: u64,
    by_sender: Vec<u64>,
    first: Option<(Micros, String)>,
    last: Option<(Micros, String)>,
    /// Each with the tokens of its text, about.
    times: Vec<(Micros, u32)>,
}

impl Inspector {
    fn finish(self) -> Inspection {
        let mut inspection = self.inspection;
        if let (Some(owner), 1) = (self.owners.first(), self.owners.len()) {
            inspection.owner = Some(format!("user{owner}"));
        }
        inspection.senders = self.senders.all();
        let listed = inspection.senders.len().min(SENDERS);
        let others = inspection.senders.drain(listed..).count();
        inspection.other_senders = others as u64;
        let dropped = &self.funnel.dropped;
        let of_senders = warnings::of_senders(
            self.funnel.read,
            dropped.get(MessageDrop::Service),
            dropped.get(MessageDrop::NoSender),
        );
        let blocks = |gaps: &EstimatedGaps| {
            let mut thresholds = gaps.0.thresholds();
            thresholds
                .find(|threshold| threshold.secs == THRESHOLD_SECS)
                .map_or(0, |threshold| threshold.blocks)
        };
        let of_chats = inspection.chats.iter().map(|chat| blocks(&chat.gaps));
        let found = [
            warnings::of_few(blocks(&inspection.gaps), Some(Advice::KeepShorterBlocks)),
            warnings::of_times(self.imported.chats, self.imported.messages),
            of_senders,
            warnings::of_chats(of_chats),
        ];
        inspection.warnings = found.into_iter().flatten().collect();
        inspection
    }

    /// The times of the chat that ends.
    fn times(&mut self) -> ChatTimes {
        if !self.times.is_sorted_by_key(|(time, _)| *time) {
            self.times.sort_by_key(|(time, _)| *time);
        }
        ChatTimes::of(self.times.drain(..), self.limits)
    }

    fn read_records(&mut self, records: &[Record], arena: &str) {
        let written = |record: &Record| {
            let mut plain = String::new();
            record.write_timestamp(arena, &mut plain);
            plain
        };
        self.usable += records.len() as u64;
        let tokens = |record: &Record| record.text_len.div_ceil(BYTES_PER_TOKEN);
        let times = records.iter().map(|record| (record.time, tokens(record)));
        self.times.extend(times);
        add_senders(records, &mut self.by_sender);
        if let Some(record) = records.iter().min_by_key(|record| record.time)
            && self
                .first
                .as_ref()
                .is_none_or(|(time, _)| record.time < *time)
        {
            self.first = Some((record.time, written(record)));
        }
        if let Some(record) = records.iter().max_by_key(|record| record.time)
            && self
                .last
                .as_ref()
                .is_none_or(|(time, _)| record.time > *time)
        {
            self.last = Some((record.time, written(record)));
        }
    }

    fn end_chat(&mut self, end: ChatEnd) {
        let by_sender = std::mem::take(&mut self.by_sender);
        let (name, unusable) = match end.verdict {
            Ok(head) => {
                self.senders.add_chat(&head, &by_sender);
                self.funnel.read += end.read;
                self.funnel.dropped.merge(&end.dropped);
                (Some(head.name), None)
            }
            Err(reason) => (end.dropped_name, Some(reason.name())),
        };
        let times = self.times();
        let gaps = EstimatedGaps(times.gaps);
        if unusable.is_none() {
            self.inspection.gaps.0.add(&times.gaps);
            self.imported.add(&times, self.usable);
        }
        self.inspection.chats.push(InspectedChat {
            name,
            id: end.id,
            chat_type: end.chat_type.into_owned(),
            messages: end.read,
            usable_messages: std::mem::take(&mut self.usable),
            first_date: self.first.take().map(|(_, written)| written),
            last_date: self.last.take().map(|(_, written)| written),
            unusable,
            gaps,
        });
    }
}

impl ChunkSink for Inspector {
    fn accept(&mut self, mut chunk: Chunk) -> Result<Chunk, PipelineError> {
        self.inspection.mended.add(&chunk.mended);
        for owner in std::mem::take(&mut chunk.owners) {
            self.owners.insert(owner);
        }
        let mut start = 0;
        for end in std::mem::take(&mut chunk.ends) {
            self.read_records(&chunk.records[start..end.records_end], &chunk.text);
            start = end.records_end;
            self.end_chat(end);
        }
        self.read_records(&chunk.records[start..], &chunk.text);
        Ok(chunk.cleared())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn inspected(export: &Value) -> Inspection {
        let source = Source {
            name: "the export".to_owned(),
            reader: Box::new(io::Cursor::new(export.to_string())),
        };
        let limits = TokenLimits::new(1, 10).unwrap();
        inspect([Ok(source)], limits, false, &AtomicBool::new(false)).unwrap()
    }

    fn message(from: &str, date: &str) -> Value {
        json!({"from": from, "from_id": format!("user{}", from.len()), "text": "hi", "date": date})
    }

    #[test]
    fn each_chat_has_its_counts_and_its_first_and_last_date() {
        let messages = json!([
            message("Ann", "2024-01-02T00:00:00"),
            message("Me", "2024-01-01T00:00:00.5"),
            {"type": "service", "date": "2023-01-01T00:00:00"},
            message("Ann", "2024-01-03T00:00:00"),
            message("Ann", "2024-01-02T12:00:00"),
        ]);
        let inspection = inspected(&json!({
            "personal_information": {"user_id": 2},
            "chats": {"list": [
                {"name": "Ann", "id": 3, "messages": messages},
                {"name": "empty", "type": "bot_chat", "messages": []},
            ]},
        }));
        let [ann, empty] = &inspection.chats[..] else {
            panic!("two chats are in the list");
        };
        assert_eq!((ann.messages, ann.usable_messages), (5, 4));
        assert_eq!(ann.first_date.as_deref(), Some("2024-01-01T00:00:00.5"));
        assert_eq!(ann.last_date.as_deref(), Some("2024-01-03T00:00:00"));
        assert_eq!(ann.chat_type, "personal_chat");
        assert_eq!((empty.messages, empty.usable_messages), (0, 0));
        assert_eq!((&empty.first_date, &empty.last_date), (&None, &None));
        assert_eq!(inspection.owner.as_deref(), Some("user2"));
        let senders = inspection.senders.iter();
        let senders: Vec<_> = senders.map(|s| (&*s.sender, s.messages)).collect();
        assert_eq!(senders, [("Ann (user3)", 3), ("Me (user2)", 1)]);
    }

    #[test]
    fn pauses_are_shown_for_each_chat_and_for_all() {
        // In any order, with one text of eight tokens at most.
        let times = ["00:00:00", "05:00:00", "00:00:30", "00:20:00"];
        let messages: Vec<_> = times
            .iter()
            .map(|time| message("Ann", &format!("2024-01-02T{time}")))
            .collect();
        let inspection = inspected(&json!([
            {"name": "Ann", "messages": messages},
            {"name": "Ben", "messages": messages[..2]},
            {"name": "", "messages": messages},
        ]));
        let counts = |gaps: &EstimatedGaps| {
            let ranges = gaps.0.histogram();
            ranges.map(|range| range.gaps).collect::<Vec<_>>()
        };
        assert_eq!(
            counts(&inspection.chats[0].gaps),
            [1, 0, 0, 1, 0, 1, 0, 0, 0]
        );
        assert_eq!(counts(&inspection.gaps), [1, 0, 0, 1, 0, 2, 0, 0, 0]);
        let stats = json!(inspection.gaps);
        assert_eq!(
            stats["thresholds"][1],
            json!({"secs": 3600, "conversations": 4, "estimated_blocks": 4})
        );
    }

    #[test]
    fn what_spoils_a_set_is_told_before_it_is_made() {
        let same = vec![message("Ann", "2024-01-02T00:00:00"); 30];
        let nameless = vec![json!({"text": "x", "date": "2024-01-02T00:00:00"}); 31];
        let inspection = inspected(&json!([
            {"name": "Ann", "messages": same},
            {"name": "Ben", "messages": nameless},
        ]));
        let names: Vec<_> = inspection.warnings.iter().map(Warning::name).collect();
        assert_eq!(names, ["few_rows", "one_moment", "no_senders"]);
    }

    #[test]
    fn a_chat_that_cannot_be_used_says_why_and_keeps_its_name() {
        let inspection = inspected(&json!([
            {"name": "no messages"},
            {"name": "", "messages": [message("Ann", "2024-01-02T00:00:00")]},
            "no object",
            {"name": "Ann", "type": "private_group", "messages": []},
        ]));
        let chats = inspection.chats.iter();
        let chats: Vec<_> = chats.map(|c| (c.name.as_deref(), c.unusable)).collect();
        let expected = [
            (Some("no messages"), Some("missing_name_or_messages")),
            (Some(""), Some("without_name")),
            (None, Some("not_an_object")),
            (Some("Ann"), None),
        ];
        assert_eq!(chats, expected);
    }

    #[test]
    fn a_chat_is_counted_whole_however_many_chunks_it_takes() {
        // A chunk is handed on with 8192 messages.
        let day = |number: u32| format!("2024-01-{:02}T00:00:00", number / 1000 + 1);
        let forward: Vec<_> = (0..20_000).map(|n| message("Ann", &day(n))).collect();
        let backward: Vec<_> = forward.iter().rev().collect();
        let inspection = inspected(&json!([
            {"name": "forward", "messages": forward},
            {"name": "backward", "messages": backward},
        ]));
        assert_eq!(inspection.chats.len(), 2);
        for chat in &inspection.chats {
            assert_eq!(chat.usable_messages, 20_000);
            assert_eq!(chat.first_date.as_deref(), Some("2024-01-01T00:00:00"));
            assert_eq!(chat.last_date.as_deref(), Some("2024-01-20T00:00:00"));
        }
        assert_eq!(inspection.senders[0].messages, 40_000);
    }

    #[test]
    fn what_is_complete_of_an_export_that_ends_early_is_shown_if_that_is_wanted() {
        let messages = json!([message("Ann", "2024-01-02T00:00:00")]);
        let whole = json!({"name": "Ann", "messages": messages}).to_string();
        let inspect_cut = |salvage| {
            let source = Source {
                name: "the export".to_owned(),
                reader: Box::new(io::Cursor::new(whole[..whole.len() - 1].to_owned())),
            };
            let limits = TokenLimits::default();
            inspect([Ok(source)], limits, salvage, &AtomicBool::new(false))
        };
        assert_eq!(inspect_cut(true).unwrap().chats[0].usable_messages, 1);
        assert!(matches!(
            inspect_cut(false),
            Err(PipelineError::EndsEarly { .. })
        ));
    }

    #[test]
    fn an_input_that_cannot_be_read_is_an_error() {
        let source = Err(io::Error::other("a broken disk"));
        let limits = TokenLimits::default();
        let error = inspect([source], limits, false, &AtomicBool::new(false)).unwrap_err();
        assert_eq!(error.to_string(), "failed to read the input");
    }
}
