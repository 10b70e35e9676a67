//! What is in an export: its chats and senders, so that a target can be chosen.

mod copies;
mod inspection;
mod inspector;

use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use resonare_consumers::SpecialTokens;

use self::copies::{ChatCopies, EndedChat};
use self::inspector::Inspector;
use crate::chat_buffer::ChunkPart;
use crate::chunk::{ChatEnd, Chunk};
use crate::error::PipelineError;
use crate::input::ahead;
use crate::input::chats::ReadingContext;
use crate::input::export::ExportReader;
use crate::input::reader::Reader;
use crate::input::rules::ReadingRules;
use crate::input::sink::ChunkSink;
use crate::input::source::{Source, decompressed};
use crate::settings::{CHAT_TYPES, RepeatedMessages, Settings};

pub use self::inspection::{InspectedChat, InspectedSender, Inspection, SelectedChats};

/// Reads all sources, and says what is in them.
///
/// Of the settings, those that say which chats a run reads, whether messages of several inputs count once, and whether
/// an export that ends early counts as far as it is complete. How many blocks within their limits the messages give is
/// estimated from the lengths of their texts. Several inputs wait in a temporary file in `scratch_dir`, without these
/// texts. `threads` may work, which does not change the result. `cancelled` may be set by another thread to stop reading.
///
/// # Errors
/// Those of reading, such as [`PipelineError::NotJson`]; an export without a chat is not an error.
///
/// # Examples
/// ```
/// use std::num::NonZeroUsize;
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
/// let threads = NonZeroUsize::MIN;
/// let inspection = inspect([Ok(source)], &Settings::default(), threads, &scratch_dir, &cancelled)?;
/// assert_eq!(inspection.chats[0].usable_messages, 3);
/// assert_eq!(inspection.senders[0].sender, "Ann (user2)");
/// assert_eq!(inspection.owner, None);
/// # Ok::<(), resonare_pipeline::PipelineError>(())
/// ```
pub fn inspect(
    sources: impl IntoIterator<Item = io::Result<Source>>,
    settings: &Settings,
    threads: NonZeroUsize,
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
    let sources = first.into_iter().chain(sources);
    ahead::on_threads(threads, &rules, |open| {
        let mut chats = 0;
        for (input, source) in sources.enumerate() {
            let source =
                source.and_then(|Source { name, reader }| Ok((name, decompressed(reader)?)));
            let (name, bytes) =
                source.map_err(|cause| PipelineError::reading("the input", cause))?;
            let reader = Reader::new(open(bytes), None, cancelled);
            let context = ReadingContext {
                source: &name,
                rules: &rules,
                sink: &mut sink,
                input,
                chats: &mut chats,
            };
            ExportReader::new(reader, context).read()?;
        }
        Ok::<_, PipelineError>(())
    })?;
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
    use crate::gaps::EstimatedGaps;
    use crate::settings::TokenLimits;
    use crate::warning::Warning;

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
        let threads = NonZeroUsize::new(2).unwrap();
        inspect(
            sources,
            settings,
            threads,
            &scratch_dir,
            &AtomicBool::new(false),
        )
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
