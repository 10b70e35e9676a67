//! The text of a message.

use super::fields::Fields;
use crate::funnel::MessageDrop;
use crate::json::cursor::Cursor;
use crate::json::mend::MendLog;
use crate::json::scalar::Scalar;
use crate::json::value;
use crate::json::walk::{each_element, each_member};

/// Appends the text of a message as written.
pub(super) fn message_text(
    fields: &Fields<'_>,
    out: &mut String,
    repeated_keys: &mut u64,
) -> Result<(), MessageDrop> {
    let entities = fields.text_entities.filter(|value| *value != b"null");
    if let Some(entities) = entities {
        if !entities.starts_with(b"[") {
            return Err(MessageDrop::Malformed);
        }
        text_parts(entities, false, out, repeated_keys)?;
    } else {
        match Scalar::of(fields.text) {
            Scalar::Null => {}
            Scalar::String(text) => text.decode_into(out),
            Scalar::Number(_) => return Err(MessageDrop::Malformed),
            Scalar::Other => {
                let list = fields.text.filter(|value| value.starts_with(b"["));
                text_parts(
                    list.ok_or(MessageDrop::Malformed)?,
                    true,
                    out,
                    repeated_keys,
                )?;
            }
        }
    }
    match Scalar::of(fields.sticker_emoji) {
        Scalar::Null => Ok(()),
        Scalar::String(emoji) => {
            emoji.decode_into(out);
            Ok(())
        }
        Scalar::Number(_) | Scalar::Other => Err(MessageDrop::Malformed),
    }
}

/// Appends the texts of a list of entities, in which older exports have plain strings too.
fn text_parts(
    list: &[u8],
    strings: bool,
    out: &mut String,
    repeated_keys: &mut u64,
) -> Result<(), MessageDrop> {
    // The list was scanned once: its mends are counted, and it can be neither incomplete nor wrong.
    let mut log = MendLog::default();
    let mut cursor = Cursor::new(list, 0, true, &mut log);
    let mut well_formed = true;
    let scanned = each_element(&mut cursor, |cursor| match cursor.peek()? {
        b'"' if strings => {
            cursor.string()?.decode_into(out);
            Ok(())
        }
        b'{' => {
            let mut entity_text = None;
            each_member(cursor, |cursor, key| {
                let value = value::skip_member(cursor, key)?;
                if key.is("text") && entity_text.replace(value).is_some() {
                    *repeated_keys += 1;
                }
                Ok(())
            })?;
            match Scalar::of(entity_text) {
                Scalar::String(text) => text.decode_into(out),
                Scalar::Null => {}
                Scalar::Number(_) | Scalar::Other => well_formed = false,
            }
            Ok(())
        }
        _ => {
            well_formed = false;
            value::skip(cursor).map(drop)
        }
    });
    if scanned.is_ok() && well_formed {
        Ok(())
    } else {
        Err(MessageDrop::Malformed)
    }
}

/// White space, as the original counts it: Unicode's, and the four separators of ASCII.
fn is_white_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}')
}

/// Strips white space from both ends of what begins at `start`, and makes each newline a space.
pub(super) fn trim_and_join(arena: &mut String, start: usize) -> Result<(), MessageDrop> {
    let text = &arena[start..];
    let end = start + text.trim_end_matches(is_white_space).len();
    arena.truncate(end);
    let text = &arena[start..];
    let leading = text.len() - text.trim_start_matches(is_white_space).len();
    if leading > 0 {
        arena.drain(start..start + leading);
    }
    if memchr::memchr(b'\n', &arena.as_bytes()[start..]).is_some() {
        let joined = arena[start..].replace('\n', " ");
        arena.replace_range(start.., &joined);
    }
    if arena.len() == start {
        Err(MessageDrop::NoText)
    } else {
        Ok(())
    }
}
