//! One message: its fields, whether it is kept, and its text.

use std::collections::HashMap;

use super::date::{self, Date, Micros};
use crate::chunk::{Chunk, Record};
use crate::funnel::MessageDrop;
use crate::json::cursor::{Cursor, Stop, StringSpan};
use crate::json::mend::MendLog;
use crate::json::{text, value};
use crate::sender::{Sender, SenderId};
use crate::settings::DateLimit;

/// What became of a message that was read.
pub(crate) enum Outcome {
    Kept {
        id: Option<i64>,
    },
    Dropped {
        id: Option<i64>,
        reason: MessageDrop,
    },
}

/// The senders of a chat, found again by how they are written: `from` and `from_id`.
#[derive(Default)]
pub(crate) struct Senders {
    pub(crate) list: Vec<Sender>,
    /// How the first ones are written, which are all in most chats, one behind the other.
    written: Vec<u8>,
    /// Where `from` and `from_id` end in there, in the order of the list.
    ends: Vec<[usize; 2]>,
    /// The others: a search from the front would be slow.
    others: HashMap<(Vec<u8>, Vec<u8>), u32>,
}

impl Senders {
    const FEW: usize = 8;

    fn find(&self, from: &[u8], from_id: &[u8]) -> Option<u32> {
        let mut start = 0;
        for (index, &[middle, end]) in (0..).zip(&self.ends) {
            if self.written[start..middle] == *from && self.written[middle..end] == *from_id {
                return Some(index);
            }
            start = end;
        }
        if self.others.is_empty() {
            return None;
        }
        let written = (from.to_vec(), from_id.to_vec());
        self.others.get(&written).copied()
    }

    fn add(&mut self, from: &[u8], from_id: &[u8], sender: Sender) -> u32 {
        let index = u32::try_from(self.list.len()).expect("fewer senders than messages in memory");
        self.list.push(sender);
        if self.ends.len() < Self::FEW {
            self.written.extend_from_slice(from);
            let middle = self.written.len();
            self.written.extend_from_slice(from_id);
            self.ends.push([middle, self.written.len()]);
        } else {
            self.others.insert((from.to_vec(), from_id.to_vec()), index);
        }
        index
    }
}

/// The fields that are needed, as written.
#[derive(Default)]
struct Fields<'a> {
    kind: Option<&'a [u8]>,
    id: Option<&'a [u8]>,
    date: Option<&'a [u8]>,
    date_unixtime: Option<&'a [u8]>,
    from: Option<&'a [u8]>,
    from_id: Option<&'a [u8]>,
    text: Option<&'a [u8]>,
    text_entities: Option<&'a [u8]>,
    sticker_emoji: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn slot(&mut self, key: &[u8]) -> Option<&mut Option<&'a [u8]>> {
        Some(match key {
            b"type" => &mut self.kind,
            b"id" => &mut self.id,
            b"date" => &mut self.date,
            b"date_unixtime" => &mut self.date_unixtime,
            b"from" => &mut self.from,
            b"from_id" => &mut self.from_id,
            b"text" => &mut self.text,
            b"text_entities" => &mut self.text_entities,
            b"sticker_emoji" => &mut self.sticker_emoji,
            _ => return None,
        })
    }

    /// Scans the object at the cursor.
    fn scan(cursor: &mut Cursor<'a, '_>) -> Result<Self, Stop> {
        let mut fields = Self::default();
        each_member(cursor, |cursor, key| {
            let value = value::skip(cursor, key)?;
            let decoded;
            let name = if key.escaped {
                decoded = text::decode(key);
                decoded.as_bytes()
            } else {
                key.bytes
            };
            if let Some(slot) = fields.slot(name)
                && slot.replace(value).is_some()
            {
                cursor.log.counts.duplicate_key += 1;
            }
            Ok(())
        })?;
        Ok(fields)
    }
}

/// Calls `member` at the value of each member of the object at the cursor.
#[inline]
fn each_member<'a, 'm>(
    cursor: &mut Cursor<'a, 'm>,
    mut member: impl FnMut(&mut Cursor<'a, 'm>, StringSpan<'a>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    cursor.expect(b'{', "expected an object")?;
    if cursor.peek()? == b'}' {
        cursor.at += 1;
        return Ok(());
    }
    loop {
        if cursor.peek()? != b'"' {
            return Cursor::syntax(cursor.at, "expected a key in quotes");
        }
        let key = cursor.string()?;
        cursor.expect(b':', "expected `:` after a key")?;
        member(cursor, key)?;
        match cursor.peek()? {
            b',' => cursor.at += 1,
            b'}' => {
                cursor.at += 1;
                return Ok(());
            }
            _ => return Cursor::syntax(cursor.at, "expected `,` or `}`"),
        }
    }
}

/// Calls `element` at each element of the array at the cursor.
fn each_element<'a, 'm>(
    cursor: &mut Cursor<'a, 'm>,
    mut element: impl FnMut(&mut Cursor<'a, 'm>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    cursor.expect(b'[', "expected a list")?;
    if cursor.peek()? == b']' {
        cursor.at += 1;
        return Ok(());
    }
    loop {
        element(cursor)?;
        match cursor.peek()? {
            b',' => cursor.at += 1,
            b']' => {
                cursor.at += 1;
                return Ok(());
            }
            _ => return Cursor::syntax(cursor.at, "expected `,` or `]`"),
        }
    }
}

/// A value that was scanned whole.
enum Scalar<'a> {
    Null,
    String(StringSpan<'a>),
    /// A number, as written.
    Number(&'a str),
    Other,
}

fn scalar(value: Option<&[u8]>) -> Scalar<'_> {
    let Some(value) = value else {
        return Scalar::Null;
    };
    match value {
        [b'"', bytes @ .., b'"'] => Scalar::String(StringSpan {
            bytes,
            escaped: memchr::memchr(b'\\', bytes).is_some(),
        }),
        [b'-' | b'0'..=b'9', ..] => {
            std::str::from_utf8(value).map_or(Scalar::Other, Scalar::Number)
        }
        b"null" => Scalar::Null,
        _ => Scalar::Other,
    }
}

/// Reads the value at the cursor as a message, keeps it in `chunk` or says why not.
pub(crate) fn read(
    cursor: &mut Cursor<'_, '_>,
    limit: Option<&DateLimit>,
    senders: &mut Senders,
    chunk: &mut Chunk,
) -> Result<Outcome, Stop> {
    if cursor.peek()? != b'{' {
        value::skip(
            cursor,
            StringSpan {
                bytes: b"",
                escaped: false,
            },
        )?;
        return Ok(Outcome::Dropped {
            id: None,
            reason: MessageDrop::Malformed,
        });
    }
    let fields = Fields::scan(cursor)?;
    let id = match scalar(fields.id) {
        Scalar::Number(number) => number.parse().ok(),
        _ => None,
    };
    let repeated_keys = &mut cursor.log.counts.duplicate_key;
    Ok(match keep(&fields, limit, senders, chunk, repeated_keys) {
        Ok(()) => Outcome::Kept { id },
        Err(reason) => Outcome::Dropped { id, reason },
    })
}

fn keep(
    fields: &Fields<'_>,
    limit: Option<&DateLimit>,
    senders: &mut Senders,
    chunk: &mut Chunk,
    repeated_keys: &mut u64,
) -> Result<(), MessageDrop> {
    match scalar(fields.kind) {
        Scalar::String(kind) if kind.is("unsupported") => return Err(MessageDrop::Unsupported),
        Scalar::String(kind) if kind.is("service") => return Err(MessageDrop::Service),
        Scalar::String(_) | Scalar::Null => {}
        Scalar::Number(_) | Scalar::Other => return Err(MessageDrop::Malformed),
    }
    let from = match scalar(fields.from) {
        Scalar::String(from) if from.bytes.is_empty() => return Err(MessageDrop::NoSender),
        Scalar::String(from) => from,
        Scalar::Null => return Err(MessageDrop::NoSender),
        Scalar::Number(_) | Scalar::Other => return Err(MessageDrop::Malformed),
    };
    let sender = sender(from, fields.from_id.unwrap_or_default(), senders)?;

    let arena_start = chunk.text.len();
    let kept = text_of(fields, &mut chunk.text, repeated_keys)
        .and_then(|()| trim_and_join(&mut chunk.text, arena_start))
        .and_then(|()| date_of(fields, limit))
        .and_then(|(time, date)| place(time, date, sender, fields, arena_start, chunk));
    if kept.is_err() {
        chunk.text.truncate(arena_start);
    }
    kept
}

fn sender(from: StringSpan<'_>, from_id: &[u8], senders: &mut Senders) -> Result<u32, MessageDrop> {
    if let Some(index) = senders.find(from.bytes, from_id) {
        return Ok(index);
    }
    let id = match scalar(Some(from_id).filter(|written| !written.is_empty())) {
        Scalar::Null => None,
        Scalar::String(text) => Some(SenderId::from_text(&text::decode(text))),
        Scalar::Number(number) => Some(
            number
                .parse()
                .map_or_else(|_| SenderId::Other(number.to_owned()), SenderId::Number),
        ),
        Scalar::Other => return Err(MessageDrop::Malformed),
    };
    Ok(senders.add(
        from.bytes,
        from_id,
        Sender {
            name: text::decode(from),
            id,
        },
    ))
}

/// Appends the text as it stands in the message.
fn text_of(
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
        match scalar(fields.text) {
            Scalar::Null => {}
            Scalar::String(text) => text::decode_into(text, out),
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
    match scalar(fields.sticker_emoji) {
        Scalar::Null => Ok(()),
        Scalar::String(emoji) => {
            text::decode_into(emoji, out);
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
            text::decode_into(cursor.string()?, out);
            Ok(())
        }
        b'{' => {
            let mut entity_text = None;
            each_member(cursor, |cursor, key| {
                let value = value::skip(cursor, key)?;
                if key.is("text") && entity_text.replace(value).is_some() {
                    *repeated_keys += 1;
                }
                Ok(())
            })?;
            match scalar(entity_text) {
                Scalar::String(text) => text::decode_into(text, out),
                Scalar::Null => {}
                Scalar::Number(_) | Scalar::Other => well_formed = false,
            }
            Ok(())
        }
        _ => {
            well_formed = false;
            value::skip(
                cursor,
                StringSpan {
                    bytes: b"",
                    escaped: false,
                },
            )
            .map(|_| ())
        }
    });
    if scanned.is_ok() && well_formed {
        Ok(())
    } else {
        Err(MessageDrop::Malformed)
    }
}

/// The moment that orders the message, and the date that is emitted.
fn date_of(fields: &Fields<'_>, limit: Option<&DateLimit>) -> Result<(Micros, Date), MessageDrop> {
    const UNREADABLE: MessageDrop = MessageDrop::UnreadableDate;
    let moment = match scalar(fields.date_unixtime) {
        Scalar::Null => None,
        Scalar::String(text) => Some(date::parse_unixtime(&text::decoded(text)).ok_or(UNREADABLE)?),
        Scalar::Number(number) => Some(date::parse_unixtime(number).ok_or(UNREADABLE)?),
        Scalar::Other => return Err(UNREADABLE),
    };
    let date = match (scalar(fields.date), moment) {
        (Scalar::String(text), _) => date::parse(&text::decoded(text)).ok_or(UNREADABLE)?,
        (Scalar::Null, Some(moment)) => Date::utc(moment),
        _ => return Err(UNREADABLE),
    };
    let time = moment.unwrap_or(date.moment);
    if limit.is_some_and(|limit| limit.is_after(date.wall, time)) {
        return Err(MessageDrop::BeforeDateLimit);
    }
    Ok((time, date))
}

/// Puts the message into the chunk, whose arena ends with its text.
fn place(
    time: Micros,
    date: Date,
    sender: u32,
    fields: &Fields<'_>,
    arena_start: usize,
    chunk: &mut Chunk,
) -> Result<(), MessageDrop> {
    let mut written_len = 0;
    if !date.plain
        && let Scalar::String(written) = scalar(fields.date)
    {
        let written = text::decoded(written);
        written_len = u16::try_from(written.len()).map_err(|_| MessageDrop::UnreadableDate)?;
        chunk.text.insert_str(arena_start, &written);
    }
    let text_start = arena_start + usize::from(written_len);
    let text_len =
        u32::try_from(chunk.text.len() - text_start).map_err(|_| MessageDrop::TooLarge)?;
    chunk.records.push(Record {
        time,
        stamp: if date.plain { date.wall } else { date.moment },
        text_start: text_start as u64,
        text_len,
        tokens: 0,
        sender,
        written_len,
    });
    Ok(())
}

/// White space, as the original counts it: Unicode's, and the four separators of ASCII.
fn is_white_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}')
}

/// Strips white space from both ends of what stands behind `start`, and makes each newline a space.
fn trim_and_join(arena: &mut String, start: usize) -> Result<(), MessageDrop> {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The text that a message with these fields is kept with, or the reason why not.
    fn text_of_message(fields: &str) -> Result<String, MessageDrop> {
        text_with_limit(fields, None)
    }

    fn text_with_limit(fields: &str, limit: Option<&str>) -> Result<String, MessageDrop> {
        let limit = limit.map(|limit| DateLimit::parse(limit).unwrap());
        let (mut log, mut chunk) = (MendLog::default(), Chunk::default());
        let message = format!("{{{fields}}}");
        let mut cursor = Cursor::new(message.as_bytes(), 0, true, &mut log);
        match read(
            &mut cursor,
            limit.as_ref(),
            &mut Senders::default(),
            &mut chunk,
        )
        .unwrap()
        {
            Outcome::Kept { .. } => Ok(chunk.records[0].text(&chunk.text).to_owned()),
            Outcome::Dropped { reason, .. } => {
                assert!(chunk.text.is_empty() && chunk.records.is_empty());
                Err(reason)
            }
        }
    }

    const DATED: &str = r#""date": "2024-01-01T10:00:00", "from": "Ana""#;

    fn text_from(fields: &str) -> Result<String, MessageDrop> {
        text_of_message(&format!("{DATED}, {fields}"))
    }

    #[test]
    fn text_is_the_entities_and_then_the_sticker() {
        let text = text_from(
            r#""text": "ignored", "text_entities": [{"type": "bold", "text": "Hi "}, {"type": "new", "x": [1]},
               {"type": "plain", "text": "\u00fc\n!"}], "sticker_emoji": "🎉""#,
        );
        assert_eq!(text.unwrap(), "Hi ü !🎉");
    }

    #[test]
    fn older_exports_have_text_as_a_string_or_a_list() {
        assert_eq!(text_from(r#""text": "plain""#).unwrap(), "plain");
        let list = r#""text": ["see ", {"type": "link", "text": "https://x.org"}, "", " now"]"#;
        assert_eq!(text_from(list).unwrap(), "see https://x.org now");
        assert_eq!(
            text_from(r#""text": "a", "text_entities": null"#).unwrap(),
            "a"
        );
    }

    #[test]
    fn present_but_empty_entities_mean_no_text() {
        assert_eq!(
            text_from(r#""text": "a", "text_entities": []"#),
            Err(MessageDrop::NoText)
        );
    }

    #[test]
    fn white_space_goes_at_the_ends_and_newlines_become_spaces() {
        assert_eq!(
            text_from(r#""text": "\u00a0\n a\n\nb\tc \u3000""#).unwrap(),
            "a  b\tc"
        );
        assert_eq!(
            text_from(r#""text": " \n\t\u2003""#),
            Err(MessageDrop::NoText)
        );
    }

    #[test]
    fn broken_messages_have_a_reason_each() {
        let cases = [
            (r#""type": "unsupported""#, MessageDrop::Unsupported),
            (
                r#""type": "service", "from": "Ana", "text": "x""#,
                MessageDrop::Service,
            ),
            (r#""type": 5"#, MessageDrop::Malformed),
            (r#""from": null, "text": "x""#, MessageDrop::NoSender),
            (r#""from": "", "text": "x""#, MessageDrop::NoSender),
            (r#""text": "x""#, MessageDrop::NoSender),
            (r#""from": 7, "text": "x""#, MessageDrop::Malformed),
            (
                r#""from": "A", "text": 7, "date": "2024-01-01T10:00:00""#,
                MessageDrop::Malformed,
            ),
            (
                r#""from": "A", "text": [7], "date": "2024-01-01T10:00:00""#,
                MessageDrop::Malformed,
            ),
            (
                r#""from": "A", "text_entities": {}, "date": "2024-01-01T10:00:00""#,
                MessageDrop::Malformed,
            ),
            (
                r#""from": "A", "text_entities": ["x"], "date": "2024-01-01T10:00:00""#,
                MessageDrop::Malformed,
            ),
            (r#""from": "A", "text": "x""#, MessageDrop::UnreadableDate),
            (
                r#""from": "A", "text": "x", "date": "soon""#,
                MessageDrop::UnreadableDate,
            ),
            (
                r#""from": "A", "text": "x", "date": "2024-01-01T10:00:00", "date_unixtime": {}"#,
                MessageDrop::UnreadableDate,
            ),
        ];
        for (fields, reason) in cases {
            assert_eq!(text_of_message(fields), Err(reason), "{fields}");
        }
    }

    #[test]
    fn a_date_limit_keeps_the_message_at_the_limit() {
        let at = |limit| {
            text_with_limit(
                &format!(r#"{DATED}, "date_unixtime": "1704106800", "text": "x""#),
                Some(limit),
            )
        };
        assert!(at("2024-01-01T10:00:00").is_ok());
        assert_eq!(at("2024-01-01T10:00:01"), Err(MessageDrop::BeforeDateLimit));
        assert!(at("2024-01-01").is_ok());
        // The moment is 11:00 in UTC, whatever the wall clock showed.
        assert!(at("2024-01-01T11:00:00Z").is_ok());
        assert_eq!(
            at("2024-01-01T11:00:01+00:00"),
            Err(MessageDrop::BeforeDateLimit)
        );
    }

    #[test]
    fn a_repeated_key_counts_with_its_last_value() {
        let message = format!(r#"{{{DATED}, "text": "first", "te\u0078t": "last"}}"#);
        let (mut log, mut chunk) = (MendLog::default(), Chunk::default());
        let mut cursor = Cursor::new(message.as_bytes(), 0, true, &mut log);
        assert!(matches!(
            read(&mut cursor, None, &mut Senders::default(), &mut chunk),
            Ok(Outcome::Kept { .. })
        ));
        assert_eq!((chunk.text.as_str(), log.counts.duplicate_key), ("last", 1));
        let entity = r#""text_entities": [{"text": "a", "text": "b"}]"#;
        assert_eq!(text_from(entity).unwrap(), "b");
    }
}
