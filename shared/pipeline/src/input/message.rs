//! One message: whether it is kept, its sender and its date.

use std::hash::{DefaultHasher, Hash, Hasher};

use resonare_redaction::Finding;

use super::fields::{Fields, KeyOrders, OtherFields};
use super::media::push_placeholder;
use super::read_message::{ReadMessage, TopicTitle};
use super::rules::ReadingRules;
use super::senders::{Senders, WrittenSender};
use super::text::{message_text, trim_and_join};
use super::text_end::TextEnd;
use crate::chunk::{Chunk, Record};
use crate::date::{self, Date, Micros};
use crate::digits;
use crate::funnel::MessageDrop;
use crate::json::cursor::{Cursor, Stop};
use crate::json::scalar::Scalar;
use crate::json::span::StringSpan;
use crate::json::value;
use crate::line_extra::LineExtra;
use crate::marks::Mark;
use crate::notes::MessageNote;
use crate::sender::{Sender, SenderId};
use crate::settings::{DateLimit, Forwarded};

/// When a message was sent.
struct SentAt {
    /// The moment that orders the message.
    time: Micros,
    /// The date that is emitted.
    date: Date,
}

/// Reads the value at the cursor as a message, keeps it in `chunk` or says why not.
pub(super) fn read(
    cursor: &mut Cursor<'_, '_>,
    rules: &ReadingRules<'_>,
    orders: &mut KeyOrders,
    senders: &mut Senders,
    chunk: &mut Chunk,
) -> Result<ReadMessage, Stop> {
    if cursor.peek()? != b'{' {
        value::skip(cursor)?;
        return Ok(ReadMessage::unread(MessageDrop::Malformed));
    }
    let mut others = rules.want_other_fields().then(OtherFields::default);
    let fields = Fields::scan(cursor, orders, others.as_mut())?;
    let id = whole_number(fields.id);
    let keeper = MessageKeeper {
        rules,
        senders,
        chunk,
        repeated_keys: &mut cursor.log.counts.duplicate_key,
    };
    let kept = keeper.keep(&fields, others.as_ref());
    let wanted = others.as_ref().filter(|_| rules.settings.topics);
    let topic = wanted.and_then(|others| topic_title(others, id));
    // What was dropped and has no id tells nothing.
    let is_noted = kept.is_ok() || (id.is_some() && rules.notes_dropped);
    if let Some(others) = others.filter(|_| rules.notes && is_noted) {
        let answered = whole_number(others.reply_to_message_id);
        chunk.notes.push(MessageNote {
            id,
            reply_to: answered.filter(|_| others.reply_to_peer_id.is_none()),
            fingerprint: if rules.compares_inputs {
                fingerprint(&fields)
            } else {
                0
            },
            dropped: kept.err(),
        });
    }
    Ok(ReadMessage {
        id,
        dropped: kept.err(),
        topic,
    })
}

fn whole_number(field: Option<&[u8]>) -> Option<i64> {
    let plain = field.and_then(digits::plain);
    plain.or_else(|| match Scalar::of(field) {
        Scalar::Number(number) => number.parse().ok(),
        _ => None,
    })
}

/// The title of a group's topic that a service message begins or renames.
fn topic_title(others: &OtherFields<'_>, id: Option<i64>) -> Option<TopicTitle> {
    let Scalar::String(action) = Scalar::of(others.action) else {
        return None;
    };
    let id = id?;
    match (Scalar::of(others.title), Scalar::of(others.new_title)) {
        (Scalar::String(title), _) if action.is("topic_created") => Some(TopicTitle {
            id,
            title: title.decode(),
            is_new: true,
        }),
        (_, Scalar::String(title)) if action.is("topic_edit") => Some(TopicTitle {
            id: whole_number(others.reply_to_message_id)?,
            title: title.decode(),
            is_new: false,
        }),
        _ => None,
    }
}

/// Of the sender, however the version of the exporter writes it, and the date.
fn fingerprint(fields: &Fields<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    let sender = sender_id(fields.from_id.unwrap_or_default()).ok().flatten();
    match sender.as_ref().and_then(SenderId::user) {
        Some(user) => user.hash(&mut hasher),
        None => sender.hash(&mut hasher),
    }
    match Scalar::of(fields.date_unixtime) {
        Scalar::String(text) => text.decoded().hash(&mut hasher),
        Scalar::Number(number) => number.hash(&mut hasher),
        Scalar::Null | Scalar::Other => fields.date.hash(&mut hasher),
    }
    hasher.finish()
}

/// What a message is kept with.
struct MessageKeeper<'k> {
    rules: &'k ReadingRules<'k>,
    senders: &'k mut Senders,
    chunk: &'k mut Chunk,
    repeated_keys: &'k mut u64,
}

impl MessageKeeper<'_> {
    fn keep(
        self,
        fields: &Fields<'_>,
        others: Option<&OtherFields<'_>>,
    ) -> Result<(), MessageDrop> {
        let Self {
            rules,
            senders,
            chunk,
            repeated_keys,
        } = self;
        match Scalar::of(fields.kind) {
            Scalar::String(kind) if kind.is("unsupported") => return Err(MessageDrop::Unsupported),
            Scalar::String(kind) if kind.is("service") => return Err(MessageDrop::Service),
            Scalar::String(_) | Scalar::Null => {}
            Scalar::Number(_) | Scalar::Other => return Err(MessageDrop::Malformed),
        }
        let from = match Scalar::of(fields.from) {
            Scalar::String(from) if from.bytes.is_empty() => return Err(MessageDrop::NoSender),
            Scalar::String(from) => from,
            Scalar::Null => return Err(MessageDrop::NoSender),
            Scalar::Number(_) | Scalar::Other => return Err(MessageDrop::Malformed),
        };
        let is_forwarded = others.is_some_and(|others| others.forwarded_from.is_some());
        if is_forwarded && rules.settings.forwarded == Forwarded::Drop {
            return Err(MessageDrop::Forwarded);
        }
        let sender = sender(from, fields.from_id.unwrap_or_default(), senders)?;

        let arena_start = chunk.text.len();
        if let Some(others) = others.filter(|_| rules.settings.media_placeholders) {
            let has_emoji = !matches!(Scalar::of(fields.sticker_emoji), Scalar::Null);
            push_placeholder(others, has_emoji, &mut chunk.text);
        }
        let mut found = Vec::new();
        let kinds = &*rules.settings.redact;
        let end = TextEnd {
            out: &mut chunk.text,
            repeated_keys,
            marks: (!kinds.is_empty()).then_some((kinds, &mut found)),
        };
        let kept = message_text(fields, end)
            .and_then(|()| trim_and_join(&mut chunk.text, arena_start))
            .and_then(|leading| {
                rules.allow_words(&chunk.text[arena_start..])?;
                let sent = sent_at(fields, rules.settings.date_limit.as_ref())?;
                let broken = rules
                    .special_tokens
                    .neutralize(&mut chunk.text, arena_start);
                chunk.special_token_text += broken as u64;
                let record = place(&sent, fields.date, arena_start, chunk)?;
                push_marks(&found, arena_start + leading, chunk);
                chunk.records.push(Record { sender, ..record });
                Ok(())
            });
        if kept.is_err() {
            chunk.text.truncate(arena_start);
        }
        kept
    }
}

/// Takes what the export marks in the next record's text, which begins at `start` of the arena.
fn push_marks(found: &[Finding], start: usize, chunk: &mut Chunk) {
    let record = chunk.records.len();
    let marks = found.iter().map(|finding| Mark {
        record,
        finding: Finding {
            start: finding.start.saturating_sub(start),
            end: finding.end.saturating_sub(start),
            ..*finding
        },
    });
    chunk.marks.extend(marks);
}

#[inline]
fn sender(from: StringSpan<'_>, from_id: &[u8], senders: &mut Senders) -> Result<u32, MessageDrop> {
    let written = WrittenSender {
        from: from.bytes,
        from_id,
    };
    match senders.find(written) {
        Some(index) => Ok(index),
        None => new_sender(from, from_id).map(|sender| senders.add(written, sender)),
    }
}

fn new_sender(from: StringSpan<'_>, from_id: &[u8]) -> Result<Sender, MessageDrop> {
    Ok(Sender {
        id: sender_id(from_id)?,
        name: from.decode(),
    })
}

fn sender_id(from_id: &[u8]) -> Result<Option<SenderId>, MessageDrop> {
    match Scalar::of(Some(from_id).filter(|written| !written.is_empty())) {
        Scalar::Null => Ok(None),
        Scalar::String(text) => Ok(Some(SenderId::from_text(&text.decode()))),
        Scalar::Number(number) => Ok(Some(
            number
                .parse()
                .map_or_else(|_| SenderId::Other(number.to_owned()), SenderId::Number),
        )),
        Scalar::Other => Err(MessageDrop::Malformed),
    }
}

fn sent_at(fields: &Fields<'_>, limit: Option<&DateLimit>) -> Result<SentAt, MessageDrop> {
    const UNREADABLE: MessageDrop = MessageDrop::UnreadableDate;
    let moment = match Scalar::of(fields.date_unixtime) {
        Scalar::Null => None,
        Scalar::String(text) => Some(date::parse_written_unixtime(text).ok_or(UNREADABLE)?),
        Scalar::Number(number) => Some(date::parse_unixtime(number).ok_or(UNREADABLE)?),
        Scalar::Other => return Err(UNREADABLE),
    };
    let date = match (Scalar::of(fields.date), moment) {
        (Scalar::String(text), _) => date::parse_written(text).ok_or(UNREADABLE)?,
        (Scalar::Null, Some(moment)) => Date::utc(moment),
        _ => return Err(UNREADABLE),
    };
    let time = moment.unwrap_or(date.moment);
    if limit.is_some_and(|limit| limit.is_after(date.wall, time)) {
        return Err(MessageDrop::BeforeDateLimit);
    }
    Ok(SentAt { time, date })
}

/// The record of a message whose text the chunk's arena ends with, and before it the date as written
/// where that has to be kept.
fn place(
    sent: &SentAt,
    date: Option<&[u8]>,
    arena_start: usize,
    chunk: &mut Chunk,
) -> Result<Record, MessageDrop> {
    let mut written_len = 0;
    if !sent.date.plain
        && let Scalar::String(written) = Scalar::of(date)
    {
        let written = written.decoded();
        written_len = u16::try_from(written.len()).map_err(|_| MessageDrop::UnreadableDate)?;
        chunk.text.insert_str(arena_start, &written);
    }
    let text_start = arena_start + usize::from(written_len);
    let text_len =
        u32::try_from(chunk.text.len() - text_start).map_err(|_| MessageDrop::TooLarge)?;
    Ok(Record {
        time: sent.time,
        stamp: if sent.date.plain {
            sent.date.wall
        } else {
            sent.date.moment
        },
        text_start: text_start as u64,
        text_len,
        tokens: 0,
        sender: 0,
        written_len,
        line_extra: LineExtra::default(),
    })
}

#[cfg(test)]
mod tests {
    use resonare_consumers::SpecialTokens;

    use super::*;
    use crate::json::mend::MendLog;
    use crate::settings::Settings;

    /// The text that a message with these fields is kept with, or the reason why not.
    fn text_of_message(fields: &str) -> Result<String, MessageDrop> {
        text_with_limit(fields, None)
    }

    fn text_with_limit(fields: &str, limit: Option<&str>) -> Result<String, MessageDrop> {
        let settings = Settings {
            date_limit: limit.map(|limit| DateLimit::parse(limit).unwrap()),
            ..Settings::default()
        };
        let (mut log, mut chunk) = (MendLog::default(), Chunk::default());
        let message = format!("{{{fields}}}");
        let mut cursor = Cursor::new(message.as_bytes(), 0, true, &mut log);
        let special_tokens = SpecialTokens::new(["<|im_end|>".to_owned()]);
        let rules = ReadingRules::new(&settings, &special_tokens, false);
        let (mut orders, mut senders) = (KeyOrders::default(), Senders::default());
        let message = read(&mut cursor, &rules, &mut orders, &mut senders, &mut chunk);
        match message.unwrap().dropped {
            None => Ok(chunk.records[0].text(&chunk.text).to_owned()),
            Some(reason) => {
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
    fn what_reads_as_a_special_token_is_broken() {
        assert_eq!(
            text_from(r#""text": "a<|im_end|>b""#).unwrap(),
            "a<\u{200d}|im_end|>b"
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
        let (settings, special_tokens) = (Settings::default(), SpecialTokens::default());
        let rules = ReadingRules::new(&settings, &special_tokens, false);
        let (mut orders, mut senders) = (KeyOrders::default(), Senders::default());
        let message = read(&mut cursor, &rules, &mut orders, &mut senders, &mut chunk);
        assert_eq!(message.unwrap().dropped, None);
        assert_eq!((chunk.text.as_str(), log.counts.duplicate_key), ("last", 1));
        let entity = r#""text_entities": [{"text": "a", "text": "b"}]"#;
        assert_eq!(text_from(entity).unwrap(), "b");
    }
}
