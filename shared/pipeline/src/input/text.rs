//! The text of a message.

use super::entities::{Beside, Entities};
use super::fields::Fields;
use super::text_end::TextEnd;
use crate::funnel::MessageDrop;
use crate::json::cursor::Cursor;
use crate::json::key_order::KeyOrder;
use crate::json::mend::MendLog;
use crate::json::scalar::Scalar;

/// Appends the text of a message as written.
pub(super) fn message_text(fields: &Fields<'_>, mut end: TextEnd<'_>) -> Result<(), MessageDrop> {
    if fields.text_entities.is_some_and(|value| value != b"null") {
        let entities = fields.entities.as_ref().ok_or(MessageDrop::Malformed)?;
        entities.append(&mut end)?;
    } else {
        match Scalar::of(fields.text) {
            Scalar::Null => {}
            Scalar::String(text) => text.decode_into(end.out),
            Scalar::Number(_) => return Err(MessageDrop::Malformed),
            Scalar::Other => {
                let list = fields.text.filter(|value| value.starts_with(b"["));
                let parts = text_list(list.ok_or(MessageDrop::Malformed)?)?;
                parts.append(&mut end)?;
            }
        }
    }
    match Scalar::of(fields.sticker_emoji) {
        Scalar::Null => Ok(()),
        Scalar::String(emoji) => {
            emoji.decode_into(end.out);
            Ok(())
        }
        Scalar::Number(_) | Scalar::Other => Err(MessageDrop::Malformed),
    }
}

/// The parts of a `text` that is a list.
fn text_list(list: &[u8]) -> Result<Entities<'_>, MessageDrop> {
    // The list was scanned once: its mends are counted, and it can be neither incomplete nor wrong.
    let mut log = MendLog::default();
    let mut cursor = Cursor::new(list, 0, true, &mut log);
    let mut order = KeyOrder::default();
    Entities::scan(&mut cursor, Beside::Strings, &mut order).map_err(|_| MessageDrop::Malformed)
}

/// White space, as the original counts it: Unicode's, and the four separators of ASCII.
fn is_white_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}')
}

/// Strips white space from both ends of what begins at `start`, and makes each newline a space.
/// Returns how many bytes went at the beginning.
pub(super) fn trim_and_join(arena: &mut String, start: usize) -> Result<usize, MessageDrop> {
    let mut leading = 0;
    // Most texts begin and end with a visible character of ASCII, and have nothing to strip.
    let ends = (arena.as_bytes().get(start), arena.as_bytes().last());
    if !matches!(ends, (Some(b'!'..=b'~'), Some(b'!'..=b'~'))) {
        let text = &arena[start..];
        let end = start + text.trim_end_matches(is_white_space).len();
        arena.truncate(end);
        let text = &arena[start..];
        leading = text.len() - text.trim_start_matches(is_white_space).len();
        if leading > 0 {
            arena.drain(start..start + leading);
        }
    }
    if memchr::memchr(b'\n', &arena.as_bytes()[start..]).is_some() {
        let joined = arena[start..].replace('\n', " ");
        arena.replace_range(start.., &joined);
    }
    if arena.len() == start {
        Err(MessageDrop::NoText)
    } else {
        Ok(leading)
    }
}
