//! What is in an export: its chats and senders, so that a target can be chosen.

use std::io;
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use resonare_consumers::SpecialTokens;

use crate::chunk::{ChatEnd, Chunk, Record};
use crate::date::Micros;
use crate::error::PipelineError;
use crate::input::chats::ReadingContext;
use crate::input::export::ExportReader;
use crate::input::reader::Reader;
use crate::input::sink::ChunkSink;
use crate::input::source::{Source, decompressed};
use crate::input::window::Window;
use crate::json::mend::Mends;
use crate::senders::{SenderCount, SenderCounts, add_senders};
use crate::settings::{CHAT_TYPES, Settings};

/// A chat of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InspectedChat {
    /// Its name, if it has one.
    pub name: Option<String>,
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
}

/// What an export holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// Its chats, in the order of the input.
    pub chats: Vec<InspectedChat>,
    /// The most frequent senders of usable messages, at most 20, most frequent first.
    pub senders: Vec<SenderCount>,
    /// The id of the export's owner, of the form `user123456789`, where it is named.
    pub owner: Option<String>,
    /// Defects that were read as meant.
    pub mended: Mends,
}

/// How many senders are listed.
const SENDERS: usize = 20;

/// Reads all sources, and says what is in them.
///
/// With `salvage`, an export that ends early counts as far as it is complete. `cancelled` may be set
/// by another thread to stop reading.
///
/// # Errors
/// Those of reading, such as [`PipelineError::NotJson`]; an export without a chat is not an error.
///
/// # Examples
/// ```
/// use std::sync::atomic::AtomicBool;
///
/// use resonare_pipeline::{Source, inspect};
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
/// let inspection = inspect([Ok(source)], false, &AtomicBool::new(false))?;
/// assert_eq!(inspection.chats[0].usable_messages, 3);
/// assert_eq!(inspection.senders[0].sender, "Ann (user2)");
/// assert_eq!(inspection.owner, None);
/// # Ok::<(), resonare_pipeline::PipelineError>(())
/// ```
pub fn inspect(
    sources: impl IntoIterator<Item = io::Result<Source>>,
    salvage: bool,
    cancelled: &AtomicBool,
) -> Result<Inspection, PipelineError> {
    let settings = Settings {
        chat_types: CHAT_TYPES.map(str::to_owned).to_vec(),
        salvage,
        ..Settings::default()
    };
    let special_tokens = SpecialTokens::default();
    let mut inspector = Inspector::default();
    let mut chats = 0;
    for source in sources {
        let source = source.and_then(|Source { name, reader }| Ok((name, decompressed(reader)?)));
        let (name, bytes) = source.map_err(|cause| PipelineError::Read {
            source_name: "the input".to_owned(),
            cause,
        })?;
        let reader = Reader::new(Window::new(bytes), None, cancelled);
        let context = ReadingContext {
            source: &name,
            settings: &settings,
            special_tokens: &special_tokens,
            sink: &mut inspector,
            chats: &mut chats,
        };
        ExportReader::new(reader, context).read()?;
    }
    inspector.inspection.senders = inspector.senders.most_frequent(SENDERS);
    Ok(inspector.inspection)
}

#[derive(Default)]
struct Inspector {
    inspection: Inspection,
    senders: SenderCounts,
    /// Of the chat that has not ended yet.
    usable: u64,
    by_sender: Vec<u64>,
    first: Option<(Micros, String)>,
    last: Option<(Micros, String)>,
}

impl Inspector {
    fn read_records(&mut self, records: &[Record], arena: &str) {
        let written = |record: &Record| {
            let mut plain = String::new();
            record.write_timestamp(arena, &mut plain);
            plain
        };
        self.usable += records.len() as u64;
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
                (Some(head.name), None)
            }
            Err(reason) => (end.dropped_name, Some(reason.name())),
        };
        self.inspection.chats.push(InspectedChat {
            name,
            chat_type: end.chat_type.into_owned(),
            messages: end.read,
            usable_messages: std::mem::take(&mut self.usable),
            first_date: self.first.take().map(|(_, written)| written),
            last_date: self.last.take().map(|(_, written)| written),
            unusable,
        });
    }
}

impl ChunkSink for Inspector {
    fn accept(&mut self, mut chunk: Chunk) -> Result<Chunk, PipelineError> {
        self.inspection.mended.add(&chunk.mended);
        if let Some(owner) = chunk.owners.last() {
            self.inspection.owner = Some(format!("user{owner}"));
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
