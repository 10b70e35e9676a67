//! Walking the members of an object and the elements of a list.
//!
//! The steps ([`open_object`], [`key`], [`after_member`] and their like for lists) are what everyone
//! who walks is made of: [`each_member`] and [`each_element`] inside a value that is whole, and the
//! reader of an export, which makes an attempt of each step, on a window that slides.

use super::cursor::{Cursor, Stop};
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

/// Calls `member` at the value of each member of the object at the cursor.
#[inline]
pub(crate) fn each_member<'a, 'm>(
    cursor: &mut Cursor<'a, 'm>,
    mut member: impl FnMut(&mut Cursor<'a, 'm>, StringSpan<'a>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    cursor.expect(b'{', "expected an object")?;
    let opened = cursor.at;
    if closes(cursor, b'}')? {
        return Ok(());
    }
    let gap = cursor.gap_since(opened);
    let mut next = key(cursor)?;
    loop {
        member(cursor, next)?;
        next = match gap.and_then(|gap| cursor.key_after(gap)) {
            Some(key) => key,
            None if after_member(cursor)? => key(cursor)?,
            None => return Ok(()),
        };
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
        let (mut log, mut parts) = (MendLog::default(), Vec::new());
        let mut cursor = Cursor::new(text.as_bytes(), 0, true, &mut log);
        let part = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        if text.starts_with('{') {
            each_member(&mut cursor, |cursor, key| {
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

    proptest! {
        // Most members are written like the first, which is read faster; none of the others may be taken for one.
        #[test]
        fn members_are_read_however_each_is_written(
            usual in "(\n {0,20})?",
            members in prop::collection::vec(
                ("[a-z\"\n:,]{0,70}", any::<bool>(), "[ \n]{0,3}", "( ?: ?|:)", 0..1000_u32), 1..12),
        ) {
            let written: Vec<_> = members.iter().map(|(key, is_usual, gap, colon, value)| {
                let gap = if *is_usual { &usual } else { gap };
                format!("{gap}{}{colon}{value}", serde_json::Value::from(key.as_str()))
            }).collect();
            let text = format!("{{{}\n}}", written.join(","));
            let expected: Vec<_> =
                members.iter().flat_map(|member| [member.0.clone(), member.4.to_string()]).collect();
            prop_assert_eq!(walked(&text).unwrap(), expected);
            for end in 0..text.len() {
                let (mut log, cut) = (MendLog::default(), &text[..end]);
                let mut cursor = Cursor::new(cut.as_bytes(), 0, false, &mut log);
                let read = each_member(&mut cursor, |cursor, _| value::skip(cursor).map(|_| ()));
                prop_assert_eq!(read, Err(Stop::Incomplete), "{}", cut);
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
