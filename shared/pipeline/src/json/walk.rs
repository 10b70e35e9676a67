//! Walking the members of an object and the elements of a list.
//!
//! The steps ([`open_object`], [`key`], [`after_member`] and their like for lists) are what everyone
//! who walks is made of: [`each_member`] and [`each_element`] inside a value that is whole, and the
//! reader of an export, which makes an attempt of each step, on a window that slides.

use super::cursor::{Cursor, Stop};
use super::key_order::{KeyOrder, Place};
use super::span::StringSpan;

/// Moves past a closing bracket if it comes next, and says whether it did.
#[inline]
pub(crate) fn closes(cursor: &mut Cursor<'_, '_>, bracket: u8) -> Result<bool, Stop> {
    let closes = cursor.peek()? == bracket;
    cursor.at += usize::from(closes);
    Ok(closes)
}

/// Moves past the opening bracket of an object, and of an empty one past the closing bracket, too.
/// `true` if a member follows.
#[inline]
pub(crate) fn open_object(cursor: &mut Cursor<'_, '_>) -> Result<bool, Stop> {
    cursor.expect(b'{', "expected an object")?;
    Ok(!closes(cursor, b'}')?)
}

/// Moves past a key and its colon.
#[inline]
pub(crate) fn key<'a>(cursor: &mut Cursor<'a, '_>) -> Result<StringSpan<'a>, Stop> {
    let key = quoted_key(cursor)?;
    colon(cursor)?;
    Ok(key)
}

/// Moves past a key.
#[inline]
pub(crate) fn quoted_key<'a>(cursor: &mut Cursor<'a, '_>) -> Result<StringSpan<'a>, Stop> {
    if cursor.peek()? != b'"' {
        return Cursor::syntax(cursor.at, "expected a key in quotes");
    }
    cursor.string()
}

/// Moves past the colon after a key.
#[inline]
pub(crate) fn colon(cursor: &mut Cursor<'_, '_>) -> Result<(), Stop> {
    cursor.expect(b':', "expected `:` after a key")
}

/// Moves past what follows a member. `true` if another member does.
#[inline]
pub(crate) fn after_member(cursor: &mut Cursor<'_, '_>) -> Result<bool, Stop> {
    after(cursor, b'}', "expected `,` or `}`")
}

/// Moves past the opening bracket of a list, and of an empty one past the closing bracket, too.
/// `true` if an element follows.
#[inline]
pub(crate) fn open_list(cursor: &mut Cursor<'_, '_>) -> Result<bool, Stop> {
    cursor.expect(b'[', "expected a list")?;
    Ok(!closes(cursor, b']')?)
}

/// Moves past what follows an element. `true` if another element does.
#[inline]
pub(crate) fn after_element(cursor: &mut Cursor<'_, '_>) -> Result<bool, Stop> {
    after(cursor, b']', "expected `,` or `]`")
}

#[inline]
fn after(cursor: &mut Cursor<'_, '_>, bracket: u8, problem: &'static str) -> Result<bool, Stop> {
    let next = cursor.peek()?;
    if next != b',' && next != bracket {
        return Cursor::syntax(cursor.at, problem);
    }
    cursor.at += 1;
    Ok(next == b',')
}

/// Calls `member` at the value of each member of the object at the cursor. `order` remembers the keys of earlier objects
/// that resemble it.
#[inline]
pub(crate) fn each_member<'a, 'm>(
    cursor: &mut Cursor<'a, 'm>,
    order: &mut KeyOrder,
    mut member: impl FnMut(&mut Cursor<'a, 'm>, StringSpan<'a>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut place = Place::Beginning;
    loop {
        let slice = &cursor.bytes()[cursor.at..];
        let next = if let Some(expected) = order.expected(place, slice) {
            cursor.at += expected.value;
            place = expected.place;
            StringSpan {
                bytes: &slice[expected.key],
                escaped: Some(false),
            }
        } else {
            let start = cursor.at;
            let has_next = match place {
                Place::Beginning => open_object(cursor)?,
                Place::After(_) | Place::Unknown => after_member(cursor)?,
            };
            if !has_next {
                return Ok(());
            }
            let key = key(cursor)?;
            place = order.remember(place, slice, key, cursor.at - 1 - start);
            key
        };
        member(cursor, next)?;
    }
}

/// Calls `element` at each element of the list at the cursor.
#[inline]
pub(crate) fn each_element<'a, 'm>(
    cursor: &mut Cursor<'a, 'm>,
    mut element: impl FnMut(&mut Cursor<'a, 'm>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut more = open_list(cursor)?;
    while more {
        element(cursor)?;
        more = after_element(cursor)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::mend::MendLog;
    use crate::json::value;

    /// The keys and values of an object, or the elements of a list.
    fn walked(text: &str) -> Result<Vec<String>, Stop> {
        walked_in_order(text, &mut KeyOrder::default())
    }

    fn walked_in_order(text: &str, order: &mut KeyOrder) -> Result<Vec<String>, Stop> {
        let (mut log, mut parts) = (MendLog::default(), Vec::new());
        let mut cursor = Cursor::new(text.as_bytes(), 0, true, &mut log);
        let part = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        if text.starts_with('{') {
            each_member(&mut cursor, order, |cursor, key| {
                parts.push(key.decode());
                parts.push(part(value::skip(cursor)?));
                Ok(())
            })?;
        } else {
            each_element(&mut cursor, |cursor| {
                parts.push(part(value::skip(cursor)?));
                Ok(())
            })?;
        }
        assert_eq!(cursor.at, text.len());
        Ok(parts)
    }

    #[test]
    fn every_member_and_element_is_visited_once_and_in_order() {
        assert_eq!(walked("{}").unwrap(), [""; 0]);
        assert_eq!(walked("[ ]").unwrap(), [""; 0]);
        let object = r#"{ "a" : 1 , "b":{"c": [2]}, "": null}"#;
        assert_eq!(
            walked(object).unwrap(),
            ["a", "1", "b", r#"{"c": [2]}"#, "", "null"]
        );
        assert_eq!(walked("[1 , [2,3],{}]").unwrap(), ["1", "[2,3]", "{}"]);
    }

    /// What precedes the value of a member, mostly written in one way, and its key.
    fn prefix() -> impl Strategy<Value = (String, String)> {
        let usual = prop::sample::select(vec!["id", "type", "document_id", "from"]);
        let key = prop_oneof![4 => usual.prop_map(str::to_owned), 1 => "[a-z\"\n:,\t]{0,40}"];
        let gap = prop_oneof![4 => Just("\n  ".to_owned()), 1 => "[ \n]{0,3}"];
        let colon = prop_oneof![4 => Just(": ".to_owned()), 1 => " ?: {0,2}"];
        (gap, key, colon).prop_map(|(gap, key, colon)| {
            let quoted = serde_json::Value::from(key.as_str());
            (format!("{gap}{quoted}{colon}"), key)
        })
    }

    fn object(members: impl Iterator<Item = String>) -> String {
        let members: Vec<_> = members.collect();
        format!("{{{}\n}}", members.join(","))
    }

    /// How far and with what the members of an object are read.
    fn read(text: &str, is_last: bool, order: &mut KeyOrder) -> (Result<(), Stop>, usize, String) {
        let mut log = MendLog {
            keep_edits: true,
            ..MendLog::default()
        };
        let mut cursor = Cursor::new(text.as_bytes(), 0, is_last, &mut log);
        let result = each_member(&mut cursor, order, |cursor, key| {
            value::skip_member_within(cursor, key, 0).map(|_| ())
        });
        let at = cursor.at;
        (result, at, format!("{log:?}"))
    }

    proptest! {
        // What comes as it did in the objects before is read faster; nothing else may be taken for it.
        #[test]
        fn members_are_read_however_each_is_written(
            objects in prop::collection::vec(prop::collection::vec((prefix(), 0..1000_u32), 0..8), 1..8),
        ) {
            let mut order = KeyOrder::default();
            for members in objects {
                let text = object(members.iter().map(|((prefix, _), value)| format!("{prefix}{value}")));
                let expected = members.into_iter().flat_map(|((_, key), value)| [key, value.to_string()]);
                let expected: Vec<_> = expected.collect();
                prop_assert_eq!(walked_in_order(&text, &mut order).unwrap(), expected);
            }
        }

        #[test]
        fn what_was_remembered_changes_neither_mends_nor_errors(
            objects in prop::collection::vec(
                prop::collection::vec(
                    (prefix(), prop::sample::select(
                        vec!["1", "\"a\"", "\"\\x41\"", "\"\u{1}\"", "\"\\ud83d\"", "not quoted", "[{}]", "tru"])),
                    0..8),
                1..8),
            broken in prop::option::weighted(0.3, (any::<prop::sample::Index>(), prop::sample::select(vec!["", "\"", "}", "\\"]))),
        ) {
            let mut order = KeyOrder::default();
            for members in objects {
                let mut text = object(members.iter().map(|((prefix, _), value)| format!("{prefix}{value}")));
                if let Some((at, instead)) = &broken {
                    let at = at.index(text.len());
                    if text.is_char_boundary(at) && text.is_char_boundary(at + 1) {
                        text.replace_range(at..=at, instead);
                    }
                }
                for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
                    for is_last in [false, true] {
                        let by_itself = read(&text[..end], is_last, &mut KeyOrder::default());
                        prop_assert_eq!(read(&text[..end], is_last, &mut order), by_itself, "{}", &text[..end]);
                    }
                }
            }
        }
    }

    #[test]
    fn what_breaks_the_walk_is_named_where_it_stands() {
        for (text, at, problem) in [
            ("[1 2]", 3, "expected `,` or `]`"),
            ("[1}", 2, "expected `,` or `]`"),
            ("[1,]", 3, "expected a value"),
            (r#"{"a" 1}"#, 5, "expected `:` after a key"),
            (r#"{"a": 1]"#, 7, "expected `,` or `}`"),
            (r#"{"a": 1,}"#, 8, "expected a key in quotes"),
            ("{a: 1}", 1, "expected a key in quotes"),
        ] {
            assert_eq!(walked(text), Err(Stop::Syntax { at, problem }), "{text}");
        }
    }
}
