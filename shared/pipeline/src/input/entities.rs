//! The list of a message's text: entities, and in older exports plain strings among them.

use super::text_end::TextEnd;
use crate::funnel::MessageDrop;
use crate::json::cursor::{Cursor, Stop};
use crate::json::key_order::KeyOrder;
use crate::json::scalar::Scalar;
use crate::json::value;
use crate::json::walk::{each_element, each_member};

/// What may stand in the list beside entities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    Nothing,
    /// Plain strings.
    Strings,
}

/// The parts of a list, as written.
#[derive(Default)]
pub(super) struct Entities<'a> {
    // Most messages have one, which needs no memory of its own.
    first: Option<Entity<'a>>,
    others: Vec<Entity<'a>>,
    /// Whether something else was in it.
    is_malformed: bool,
    repeated_keys: u64,
}

#[derive(Clone, Copy, Default)]
struct Entity<'a> {
    text: Option<&'a [u8]>,
    kind: Option<&'a [u8]>,
}

impl<'a> Entities<'a> {
    /// Moves past the list at the cursor, which is whole in the slice or [`Stop::Incomplete`].
    pub(super) fn scan(
        cursor: &mut Cursor<'a, '_>,
        beside: Beside,
        order: &mut KeyOrder,
    ) -> Result<Self, Stop> {
        /// The message, the list and the entity.
        const LEVELS: usize = 3;
        let mut list = Self::default();
        each_element(cursor, |cursor| {
            let mut entity = Entity::default();
            match cursor.peek()? {
                b'"' if beside == Beside::Strings => entity.text = Some(value::skip(cursor)?),
                b'{' => each_member(cursor, order, |cursor, key| {
                    let value = value::skip_member_within(cursor, key, LEVELS)?;
                    if key.is("text") && entity.text.replace(value).is_some() {
                        list.repeated_keys += 1;
                    }
                    if key.is("type") {
                        entity.kind = Some(value);
                    }
                    Ok(())
                })?,
                _ => {
                    list.is_malformed = true;
                    value::skip_within(cursor, LEVELS - 1)?;
                    return Ok(());
                }
            }
            if list.first.is_none() {
                list.first = Some(entity);
            } else {
                list.others.push(entity);
            }
            Ok(())
        })?;
        Ok(list)
    }

    /// Appends the texts.
    pub(super) fn append(&self, end: &mut TextEnd<'_>) -> Result<(), MessageDrop> {
        *end.repeated_keys += self.repeated_keys;
        let mut is_malformed = self.is_malformed;
        for entity in self.first.iter().chain(&self.others) {
            match Scalar::of(entity.text) {
                Scalar::String(text) => {
                    let start = end.out.len();
                    text.decode_into(end.out);
                    end.mark(start, entity.kind);
                }
                Scalar::Null => {}
                Scalar::Number(_) | Scalar::Other => is_malformed = true,
            }
        }
        if is_malformed {
            return Err(MessageDrop::Malformed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::mend::MendLog;

    fn scan(list: &str, beside: Beside) -> Result<Result<String, MessageDrop>, Stop> {
        let mut log = MendLog::default();
        let mut cursor = Cursor::new(list.as_bytes(), 0, true, &mut log);
        let entities = Entities::scan(&mut cursor, beside, &mut KeyOrder::default())?;
        assert_eq!(cursor.at, list.len());
        let (mut out, mut repeated_keys) = (String::new(), 0);
        let mut end = TextEnd {
            out: &mut out,
            repeated_keys: &mut repeated_keys,
            marks: None,
        };
        Ok(entities.append(&mut end).map(|()| out))
    }

    #[test]
    fn strings_are_parts_only_where_older_exports_have_them() {
        let list = r#"["a ", {"type": "bold", "text": "b"}, {"text": null}, {}, " c"]"#;
        assert_eq!(scan(list, Beside::Strings), Ok(Ok("a b c".to_owned())));
        for (list, beside) in [
            (list, Beside::Nothing),
            (r#"[{"text": "a"}, 1]"#, Beside::Strings),
            (r#"[{"text": 1}]"#, Beside::Nothing),
            (r#"[["a"]]"#, Beside::Strings),
        ] {
            assert_eq!(
                scan(list, beside),
                Ok(Err(MessageDrop::Malformed)),
                "{list}"
            );
        }
    }

    #[test]
    fn nesting_is_as_deep_as_in_any_other_value() {
        // They are in a message.
        for (levels, is_read) in [(511, true), (512, false)] {
            let inner = levels - 2;
            let list = format!(r#"[{{"x": {}{}}}]"#, "[".repeat(inner), "]".repeat(inner));
            assert_eq!(scan(&list, Beside::Nothing).is_ok(), is_read, "{levels}");
            let inner = levels - 1;
            let list = format!("[{}{}]", "[".repeat(inner), "]".repeat(inner));
            assert_eq!(scan(&list, Beside::Nothing).is_ok(), is_read, "{levels}");
        }
    }
}
