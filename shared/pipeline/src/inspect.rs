//! What is in an export: its chats and senders, so that a target can be chosen.

mod copies;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use resonare_consumers::SpecialTokens;

use self::copies::{ChatCopies, EndedChat, JoinedChat, estimated_tokens};
use crate::advice::Advice;
use crate::chat_buffer::ChunkPart;
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
use crate::senders::{SenderCounts, add_senders};
use crate::settings::{CHAT_TYPES, RepeatedMessages, Settings};
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
    /// Whether a run with the same settings reads it: it can be used, has usable messages, and is of a type that is
    /// selected.
    pub is_selected: bool,
    /// Why it can't be used whatever the settings: the name of a [`ChatDrop`](crate::ChatDrop).
    pub unusable: Option<&'static str>,
    /// The pauses between its usable messages.
    pub gaps: EstimatedGaps,
}

/// A sender of usable messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InspectedSender {
    /// The full name, with the id where it is known.
    pub sender: String,
    /// The usable messages; among very many senders, those that were counted.
    pub messages: u64,
    /// Those of them that are in chats that are selected.
    pub selected_messages: u64,
}

/// The chats of an export that a run with the same settings reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SelectedChats {
    /// How many there are.
    pub chats: u64,
    /// Their usable messages.
    pub usable_messages: u64,
    /// The pauses between these.
    pub gaps: EstimatedGaps,
}

/// What an export holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// Its chats, in the order of the input. What several inputs have of a chat is one chat, with each message once.
    pub chats: Vec<InspectedChat>,
    /// Of these, the ones that are selected.
    pub selected: SelectedChats,
    /// Chats of an input that an earlier one has, too.
    pub repeated_chats: u64,
    /// Messages that count only as an earlier input has them.
    pub repeated_messages: u64,
    /// The senders with the most usable messages, at most 20: those with the most in selected chats first, then
    /// those with the most in all.
    pub senders: Vec<InspectedSender>,
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

impl Inspection {
    /// The pauses in the chats that are selected, or in all that can be used where none is.
    pub fn gaps_to_use(&self) -> &EstimatedGaps {
        if self.selected.chats > 0 {
            &self.selected.gaps
        } else {
            &self.gaps
        }
    }
}

/// Of the thresholds that [`Gaps`](crate::Gaps) tells about, the one that is the default.
const THRESHOLD_SECS: u64 = 3600;

/// How many senders are listed.
const SENDERS: usize = 20;

/// Reads all sources, and says what is in them.
///
/// Of the settings, those that say which chats a run reads, whether messages of several inputs count once, and whether
/// an export that ends early counts as far as it is complete. How many blocks within their limits the messages give is
/// estimated from the lengths of their texts. Several inputs wait in a temporary file in `scratch_dir`, without these
/// texts. `cancelled` may be set by another thread to stop reading.
///
/// # Errors
/// Those of reading, such as [`PipelineError::NotJson`]; an export without a chat is not an error.
///
/// # Examples
/// ```
/// use std::sync::atomic::AtomicBool;
///
/// use resonare_pipeline::{Settings, Source, inspect};
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
/// let scratch_dir = std::env::temp_dir();
/// let cancelled = AtomicBool::new(false);
/// let inspection = inspect([Ok(source)], &Settings::default(), &scratch_dir, &cancelled)?;
/// assert_eq!(inspection.chats[0].usable_messages, 3);
/// assert_eq!(inspection.senders[0].sender, "Ann (user2)");
/// assert_eq!(inspection.owner, None);
/// # Ok::<(), resonare_pipeline::PipelineError>(())
/// ```
pub fn inspect(
    sources: impl IntoIterator<Item = io::Result<Source>>,
    settings: &Settings,
    scratch_dir: &Path,
    cancelled: &AtomicBool,
) -> Result<Inspection, PipelineError> {
    let mut sources = sources.into_iter();
    let ahead = if sources.size_hint().0 > 1 { 0 } else { 2 };
    let first: Vec<_> = sources.by_ref().take(ahead).collect();
    let are_several = ahead == 0 || first.len() > 1;
    let joins_inputs = are_several && settings.repeated_messages == RepeatedMessages::Drop;
    let of_all = Settings {
        chat_types: CHAT_TYPES.map(str::to_owned).to_vec(),
        salvage: settings.salvage,
        repeated_messages: settings.repeated_messages,
        ..Settings::default()
    };
    let special_tokens = SpecialTokens::default();
    let rules = ReadingRules::new(&of_all, &special_tokens, are_several);
    let mut sink = InspectionSink {
        inspector: Inspector::new(settings),
        copies: joins_inputs.then(|| ChatCopies::new(scratch_dir)),
        ended: 0,
    };
    let mut chats = 0;
    for (input, source) in first.into_iter().chain(sources).enumerate() {
        let source = source.and_then(|Source { name, reader }| Ok((name, decompressed(reader)?)));
        let (name, bytes) = source.map_err(|cause| PipelineError::reading("the input", cause))?;
        let reader = Reader::new(Window::new(bytes), None, cancelled);
        let context = ReadingContext {
            source: &name,
            rules: &rules,
            sink: &mut sink,
            input,
            chats: &mut chats,
        };
        ExportReader::new(reader, context).read()?;
    }
    let InspectionSink {
        mut inspector,
        copies,
        ..
    } = sink;
    if let Some(copies) = copies {
        inspector.inspection.repeated_chats += copies.repeated_unusable();
        copies.join(cancelled, |chat| inspector.add_joined(chat))?;
    }
    Ok(inspector.finish())
}

struct Inspector<'a> {
    settings: &'a Settings,
    inspection: Inspection,
    /// Its chats, each with its place in the input.
    chats: Vec<(usize, InspectedChat)>,
    senders: SenderCounts,
    /// The same in chats that are selected.
    selected_senders: SenderCounts,
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

impl<'a> Inspector<'a> {
    fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            inspection: Inspection::default(),
            chats: Vec::new(),
            senders: SenderCounts::default(),
            selected_senders: SenderCounts::default(),
            owners: BTreeSet::new(),
            funnel: MessageFunnel::default(),
            imported: ImportedChats::default(),
            usable: 0,
            by_sender: Vec::new(),
            first: None,
            last: None,
            times: Vec::new(),
        }
    }

    fn finish(mut self) -> Inspection {
        let mut inspection = self.inspection;
        if let (Some(owner), 1) = (self.owners.first(), self.owners.len()) {
            inspection.owner = Some(format!("user{owner}"));
        }
        self.chats.sort_by_key(|(place, _)| *place);
        inspection.chats = self.chats.into_iter().map(|(_, chat)| chat).collect();
        let senders = self.senders.all_with(&self.selected_senders).into_iter();
        let senders = senders.map(|(count, selected_messages)| InspectedSender {
            sender: count.sender,
            messages: count.messages,
            selected_messages,
        });
        inspection.senders = senders.collect();
        let by_selected = |sender: &InspectedSender| u64::MAX - sender.selected_messages;
        inspection.senders.sort_by_key(by_selected);
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
        let is_any_selected = inspection.selected.chats > 0;
        let counts = |chat: &&InspectedChat| chat.is_selected || !is_any_selected;
        let chats = inspection.chats.iter().filter(counts);
        let of_chats = chats.map(|chat| blocks(&chat.gaps));
        let all_blocks = blocks(inspection.gaps_to_use());
        let found = [
            warnings::of_few(all_blocks, Some(Advice::KeepShorterBlocks)),
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
        ChatTimes::of(self.times.drain(..), self.settings.limits)
    }

    fn read_records(&mut self, records: &[Record], arena: &str) {
        let written = |record: &Record| {
            let mut plain = String::new();
            record.write_timestamp(arena, &mut plain);
            plain
        };
        self.usable += records.len() as u64;
        let times = records
            .iter()
            .map(|record| (record.time, estimated_tokens(record)));
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

    fn end_chat(&mut self, ended: EndedChat) {
        let EndedChat { place, end } = ended;
        let by_sender = std::mem::take(&mut self.by_sender);
        let usable_messages = std::mem::take(&mut self.usable);
        let is_of_type = self
            .settings
            .chat_types
            .iter()
            .any(|name| *name == end.chat_type);
        let mut is_selected = false;
        let (name, unusable) = match end.verdict {
            Ok(head) => {
                self.senders.add_chat(&head, &by_sender);
                is_selected = is_of_type && usable_messages > 0;
                if is_selected {
                    self.selected_senders.add_chat(&head, &by_sender);
                }
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
            self.imported.add(&times, usable_messages);
        }
        if is_selected {
            let selected = &mut self.inspection.selected;
            selected.chats += 1;
            selected.usable_messages += usable_messages;
            selected.gaps.0.add(&times.gaps);
        }
        let chat = InspectedChat {
            name,
            id: end.id,
            chat_type: end.chat_type.into_owned(),
            messages: end.read,
            usable_messages,
            first_date: self.first.take().map(|(_, written)| written),
            last_date: self.last.take().map(|(_, written)| written),
            is_selected,
            unusable,
            gaps,
        };
        self.chats.push((place, chat));
    }

    fn add_joined(&mut self, chat: JoinedChat) {
        self.inspection.repeated_chats += chat.repeated_chats;
        self.inspection.repeated_messages += chat.repeated_messages;
        self.read_records(&chat.records, &chat.arena);
        self.end_chat(chat.ended);
    }
}

/// Where chunks go: to what inspects them, or first to where chats of several inputs wait for each other.
struct InspectionSink<'a> {
    inspector: Inspector<'a>,
    copies: Option<ChatCopies>,
    /// Chats that have ended.
    ended: usize,
}

impl InspectionSink<'_> {
    /// More of the chat that has not ended.
    fn read(&mut self, chunk: &Chunk, part: ChunkPart) {
        match &mut self.copies {
            Some(copies) => copies.append(chunk, part),
            None => self
                .inspector
                .read_records(&chunk.records[part.records], &chunk.text),
        }
    }

    fn end_chat(&mut self, input: usize, end: ChatEnd) -> Result<(), PipelineError> {
        let place = self.ended;
        self.ended += 1;
        let ended = EndedChat { place, end };
        let Some(copies) = &mut self.copies else {
            self.inspector.end_chat(ended);
            return Ok(());
        };
        let unusable = copies.end_chat(input, ended);
        if let Some(chat) = unusable.map_err(PipelineError::Scratch)? {
            self.inspector.add_joined(chat);
        }
        Ok(())
    }
}

impl ChunkSink for InspectionSink<'_> {
    fn accept(&mut self, mut chunk: Chunk) -> Result<Chunk, PipelineError> {
        self.inspector.inspection.mended.add(&chunk.mended);
        for owner in std::mem::take(&mut chunk.owners) {
            self.inspector.owners.insert(owner);
            if let Some(copies) = &mut self.copies {
                copies.meet_owner(chunk.input, owner);
            }
        }
        let (mut records, mut notes) = (0, 0);
        for end in std::mem::take(&mut chunk.ends) {
            let part = ChunkPart {
                records: records..end.records_end,
                notes: notes..end.notes_end,
            };
            (records, notes) = (end.records_end, end.notes_end);
            self.read(&chunk, part);
            self.end_chat(chunk.input, end)?;
        }
        let rest = ChunkPart {
            records: records..chunk.records.len(),
            notes: notes..chunk.notes.len(),
        };
        self.read(&chunk, rest);
        Ok(chunk.cleared())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::settings::TokenLimits;

    fn inspected(export: &Value) -> Inspection {
        let source = Source {
            name: "the export".to_owned(),
            reader: Box::new(io::Cursor::new(export.to_string())),
        };
        inspect_with([Ok(source)], &settings()).unwrap()
    }

    fn settings() -> Settings {
        Settings {
            limits: TokenLimits::new(1, 10).unwrap(),
            ..Settings::default()
        }
    }

    fn inspect_with(
        sources: impl IntoIterator<Item = io::Result<Source>>,
        settings: &Settings,
    ) -> Result<Inspection, PipelineError> {
        let scratch_dir = std::env::temp_dir();
        inspect(sources, settings, &scratch_dir, &AtomicBool::new(false))
    }

    fn inspected_together(exports: &[Value], settings: &Settings) -> Inspection {
        let sources = exports.iter().map(|export| {
            Ok(Source {
                name: "an export".to_owned(),
                reader: Box::new(io::Cursor::new(export.to_string())),
            })
        });
        inspect_with(sources, settings).unwrap()
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

    /// An export of one owner with a chat of messages on these days.
    fn export_of(days: impl IntoIterator<Item = i64>) -> Value {
        let message = |day: i64| {
            let from = if day % 2 == 0 { "Ann" } else { "Me" };
            let mut message = message(from, &format!("2024-01-{day:02}T00:00:00+01:00"));
            message["id"] = json!(day);
            message
        };
        let mut messages: Vec<_> = days.into_iter().map(message).collect();
        messages.push(json!({"id": 99, "type": "service", "date": "2024-01-01T00:00:00"}));
        let others = json!([message(9)]);
        json!({"personal_information": {"user_id": 2}, "chats": {"list": [
            {"id": 5, "messages": others.clone()},
            {"name": "Ann", "id": 3, "messages": messages},
            {"name": "Bot", "type": "bot_chat", "id": 4, "messages": others},
        ]}})
    }

    #[test]
    fn exports_that_overlap_count_as_one_that_has_everything() {
        let whole = inspected(&export_of(1..=9));
        let mut both = inspected_together(&[export_of(1..=6), export_of(4..=9)], &settings());
        assert_eq!(
            (both.repeated_chats, both.repeated_messages),
            (3, 3 + 1 + 1)
        );
        (both.repeated_chats, both.repeated_messages) = (0, 0);
        assert_eq!(both, whole);
        assert_eq!(both.chats[1].messages, 10);
    }

    #[test]
    fn copies_count_for_themselves_where_repeated_messages_are_kept() {
        let settings = Settings {
            repeated_messages: RepeatedMessages::Keep,
            ..settings()
        };
        let both = inspected_together(&[export_of(1..=6), export_of(4..=9)], &settings);
        assert_eq!((both.chats.len(), both.repeated_chats), (6, 0));
        assert_eq!(both.selected.usable_messages, 12);
    }

    #[test]
    fn chats_that_a_run_reads_are_summed_up_by_themselves() {
        let messages = |from, count| vec![message(from, "2024-01-02T00:00:00"); count];
        let inspection = inspected(&json!([
            {"name": "Group", "type": "private_group", "messages": messages("Cleo", 5)},
            {"name": "Ann", "messages": messages("Ann", 2)},
            {"name": "Ann", "type": "bot_chat", "messages": messages("Ann", 1)},
            {"name": "empty", "messages": []},
            {"name": "", "messages": messages("Ann", 1)},
        ]));
        let is_selected = inspection.chats.iter().map(|chat| chat.is_selected);
        assert_eq!(
            is_selected.collect::<Vec<_>>(),
            [false, true, false, false, false]
        );
        let SelectedChats {
            chats,
            usable_messages,
            gaps,
        } = inspection.selected;
        assert_eq!((chats, usable_messages), (1, 2));
        assert_eq!(gaps, inspection.chats[1].gaps);
        assert_eq!(*inspection.gaps_to_use(), gaps);
        let senders = inspection.senders.iter();
        let senders = senders.map(|s| (&*s.sender, s.messages, s.selected_messages));
        assert_eq!(
            senders.collect::<Vec<_>>(),
            [("Ann (user3)", 3, 2), ("Cleo (user4)", 5, 0)]
        );
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
            let settings = Settings {
                salvage,
                ..Settings::default()
            };
            inspect_with([Ok(source)], &settings)
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
        let error = inspect_with([source], &Settings::default()).unwrap_err();
        assert_eq!(error.to_string(), "failed to read the input");
    }
}
