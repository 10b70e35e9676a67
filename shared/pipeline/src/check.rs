//! Whether something is an export, before it is accepted.

use std::io::{self, Read};
use std::sync::atomic::AtomicBool;

use serde_json::{Map, Value};

use resonare_consumers::SpecialTokens;

use crate::chunk::Chunk;
use crate::error::PipelineError;
use crate::input::chats::ReadingContext;
use crate::input::export::{ExportReader, RequestValues};
use crate::input::reader::Reader;
use crate::input::rules::ReadingRules;
use crate::input::sink::ChunkSink;
use crate::input::source::{Source, decompressed};
use crate::input::window::Window;
use crate::settings::Settings;

/// What was seen of an export whose structure is right.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckedExport {
    /// Chats in the list.
    pub chats: u64,
    /// Values of the wanted keys that are beside the chats.
    pub beside: Map<String, Value>,
}

/// Reads a source to its end and checks that it is an export. `beside` names keys whose values are
/// wanted where they are beside the chats. More than `largest` bytes, after decompression, are
/// refused.
///
/// # Errors
/// Those of reading, and [`PipelineError::TooLarge`].
pub fn check(
    source: Source,
    beside: &[&str],
    largest: u64,
    cancelled: &AtomicBool,
) -> Result<CheckedExport, PipelineError> {
    let name = source.name.clone();
    let mut checked = CheckedExport::default();
    let request = RequestValues {
        keys: beside,
        values: &mut checked.beside,
    };
    let export = LimitedSource { source, largest };
    let result = export.look(cancelled, &mut checked.chats, Some(request));
    match result {
        Err(PipelineError::Read { cause, .. }) if cause.kind() == io::ErrorKind::FileTooLarge => {
            Err(PipelineError::TooLarge {
                source_name: name,
                largest,
            })
        }
        Err(error) => Err(error),
        Ok(_) => Ok(checked),
    }
}

/// Whether a source has a list of chats or messages where an export has one. It is read no further than to find
/// out, and an export has it near its beginning.
///
/// # Errors
/// Those of reading: what is broken before that place may be an export.
pub fn is_export(source: Source, cancelled: &AtomicBool) -> Result<bool, PipelineError> {
    let largest = u64::MAX;
    LimitedSource { source, largest }.look(cancelled, &mut 0, None)
}

/// A source of which no more than so many bytes are read.
struct LimitedSource {
    source: Source,
    largest: u64,
}

impl LimitedSource {
    /// Reads it without keeping anything of it: to its end where values of a request are wanted, else as far as
    /// is needed to say whether it is an export.
    fn look(
        self,
        cancelled: &AtomicBool,
        chats: &mut u64,
        request: Option<RequestValues<'_>>,
    ) -> Result<bool, PipelineError> {
        let Source { name, reader } = self.source;
        let bytes = decompressed(reader).map_err(|cause| PipelineError::reading(&name, cause))?;
        let bytes = BoundedReader {
            reader: bytes,
            left: self.largest,
        };
        let reader = Reader::new(Window::new(Box::new(bytes)), None, cancelled);
        // With no chat type selected, messages are passed over: checked, not decoded.
        let settings = Settings {
            chat_types: Vec::new(),
            ..Settings::default()
        };
        let special_tokens = SpecialTokens::default();
        let context = ReadingContext {
            source: &name,
            rules: &ReadingRules::new(&settings, &special_tokens, false),
            sink: &mut NullSink,
            input: 0,
            chats,
        };
        let export = ExportReader::new(reader, context);
        match request {
            Some(request) => export.with_request(request).read().map(|()| true),
            None => export.recognize(),
        }
    }
}

/// Takes chunks to nowhere.
struct NullSink;

impl ChunkSink for NullSink {
    fn accept(&mut self, _: Chunk) -> Result<Chunk, PipelineError> {
        Ok(Chunk::default())
    }
}

/// Refuses to read more than so many bytes.
struct BoundedReader<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for BoundedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => {
                self.left = left;
                Ok(count)
            }
            None => Err(io::ErrorKind::FileTooLarge.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(text: &str, largest: u64) -> Result<CheckedExport, PipelineError> {
        let reader = Box::new(io::Cursor::new(text.to_owned()));
        let source = Source {
            name: "the body".to_owned(),
            reader,
        };
        check(
            source,
            &["target_name", "chat_types"],
            largest,
            &AtomicBool::new(false),
        )
    }

    #[test]
    fn settings_beside_the_chats_are_collected_wherever_they_stand() {
        let text = r#"{"target_name": "Ann", "other": [1], "chats": [{"name": "A", "messages": []}], "chat_types": ["bot_chat"]}"#;
        let checked = check_text(text, 1000).unwrap();
        assert_eq!(checked.chats, 1);
        let beside = serde_json::json!({"target_name": "Ann", "chat_types": ["bot_chat"]});
        assert_eq!(Value::from(checked.beside), beside);
        let full = r#"{"target_name": "Ann", "chats": {"list": []}}"#;
        assert!(check_text(full, 1000).unwrap().beside.is_empty());
    }

    #[test]
    fn an_export_is_recognized_by_its_first_list_and_nothing_else_is() {
        let recognized = |text: &str| {
            let reader = Box::new(io::Cursor::new(text.to_owned()));
            let name = "a file".to_owned();
            is_export(Source { name, reader }, &AtomicBool::new(false))
        };
        for export in [
            r#"{"about": {"chats": 1}, "chats": {"list": [oops"#,
            r#"{"chats": [], "target_name": "Ann"}"#,
            r#"{"name": "Ann", "messages": [{"id"#,
            r#"[1, {"name": "Ann"}, {"messages": []}]"#,
            "\u{feff}[{\"messages\": []}]",
        ] {
            assert!(recognized(export).unwrap(), "{export}");
        }
        for other in [
            "",
            "5",
            "<html>",
            "[]",
            "[1, [{}]]",
            r#"{"chats": 5, "messages": {}}"#,
            r#"{"name": "package", "nested": {"messages": []}}"#,
            r#"[{"messages": "none"}]"#,
        ] {
            assert!(!recognized(other).unwrap(), "{other}");
        }
        for broken in [r#"{"about": "#, r#"{"about": oops}"#, "[{}"] {
            assert!(recognized(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn what_is_not_an_export_or_too_large_is_refused() {
        assert!(matches!(
            check_text("{}", 1000),
            Err(PipelineError::Structure { .. })
        ));
        assert!(matches!(
            check_text("[{]", 1000),
            Err(PipelineError::NotJson { .. })
        ));
        assert!(matches!(
            check_text("[     ]", 5),
            Err(PipelineError::TooLarge { .. })
        ));
        assert!(check_text("[     ]", 7).is_ok());
    }
}
