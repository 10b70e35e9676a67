//! Passing over whole values, checked but not built.

use super::cursor::{Cursor, Stop};
use super::span::StringSpan;
use super::walk;

/// The deepest nesting that is read. Telegram nests six levels; the bound keeps the scanner's state
/// small whatever the input.
pub(crate) const DEEPEST: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Value,
    FirstElement,
    FirstKey,
    Key,
    Colon,
    InString { key: bool },
    AfterValue,
}

/// Passes over one value, a token at a time. After [`Stop::Incomplete`] everything before the
/// cursor is done with, and the same scanner goes on with the bytes that follow.
pub(crate) struct ValueScanner {
    /// One bit a level: whether it is an object.
    objects: [u64; DEEPEST / 64],
    depth: usize,
    /// The deepest that it may go.
    deepest: usize,
    state: State,
    after_document_id: bool,
}

impl ValueScanner {
    pub(crate) fn new() -> Self {
        Self::within(0)
    }

    /// For a value that is so many levels deep in one that is read as a whole.
    fn within(levels: usize) -> Self {
        Self {
            objects: [0; DEEPEST / 64],
            depth: 0,
            deepest: DEEPEST - levels,
            state: State::Value,
            after_document_id: false,
        }
    }

    fn in_object(&self) -> bool {
        let level = self.depth - 1;
        self.objects[level / 64] >> (level % 64) & 1 == 1
    }

    fn open(&mut self, cursor: &mut Cursor<'_, '_>, object: bool) -> Result<(), Stop> {
        if self.depth == self.deepest {
            return Cursor::syntax(cursor.at, "nested more than 512 levels deep");
        }
        let bit = 1 << (self.depth % 64);
        let levels = &mut self.objects[self.depth / 64];
        *levels = if object {
            *levels | bit
        } else {
            *levels & !bit
        };
        self.depth += 1;
        self.after_document_id = false;
        self.state = if object {
            State::FirstKey
        } else {
            State::FirstElement
        };
        cursor.at += 1;
        Ok(())
    }

    /// Goes on until the value is passed.
    pub(crate) fn advance(&mut self, cursor: &mut Cursor<'_, '_>) -> Result<(), Stop> {
        loop {
            match self.state {
                State::InString { key } => {
                    cursor.string_tail()?;
                    self.state = if key { State::Colon } else { State::AfterValue };
                }
                State::Value => self.value(cursor)?,
                State::FirstElement => {
                    self.state = if walk::closes(cursor, b']')? {
                        self.depth -= 1;
                        State::AfterValue
                    } else {
                        State::Value
                    };
                }
                State::FirstKey => {
                    self.state = if walk::closes(cursor, b'}')? {
                        self.depth -= 1;
                        State::AfterValue
                    } else {
                        State::Key
                    };
                }
                State::Key => {
                    self.after_document_id = false;
                    cursor.peek()?;
                    // Of a key that the slice cuts short, the rest is passed over as a string's.
                    self.state = State::InString { key: true };
                    let span = walk::quoted_key(cursor)?;
                    self.after_document_id = is_document_id(span);
                    self.state = State::Colon;
                }
                State::Colon => {
                    walk::colon(cursor)?;
                    self.state = State::Value;
                }
                State::AfterValue => {
                    if self.depth == 0 {
                        return Ok(());
                    }
                    self.after_value(cursor)?;
                }
            }
        }
    }

    fn value(&mut self, cursor: &mut Cursor<'_, '_>) -> Result<(), Stop> {
        match cursor.peek()? {
            b'"' => {
                self.state = State::InString { key: false };
                cursor.at += 1;
                return Ok(());
            }
            b'{' => return self.open(cursor, true),
            b'[' => return self.open(cursor, false),
            _ => scalar_or_document_id(cursor, self.after_document_id, self.depth == 0)?,
        }
        self.state = State::AfterValue;
        Ok(())
    }

    fn after_value(&mut self, cursor: &mut Cursor<'_, '_>) -> Result<(), Stop> {
        if self.in_object() {
            if walk::after_member(cursor)? {
                self.state = State::Key;
                return Ok(());
            }
        } else if walk::after_element(cursor)? {
            self.after_document_id = false;
            self.state = State::Value;
            return Ok(());
        }
        self.depth -= 1;
        Ok(())
    }
}

fn is_document_id(key: StringSpan<'_>) -> bool {
    key.bytes == b"document_id"
}

fn scalar_or_document_id(
    cursor: &mut Cursor<'_, '_>,
    document_id: bool,
    is_root: bool,
) -> Result<(), Stop> {
    match cursor.scalar(is_root) {
        Err(Stop::Syntax { .. }) if document_id && cursor.unquoted_line()? => Ok(()),
        result => result,
    }
}

/// Moves past the value at the cursor, which is whole in the slice or [`Stop::Incomplete`]: then
/// the caller starts again from where it began.
#[inline]
pub(crate) fn skip<'a>(cursor: &mut Cursor<'a, '_>) -> Result<&'a [u8], Stop> {
    skip_within(cursor, 0)
}

/// As [`skip`], for a value that is so many levels deep in one that is read as a whole.
#[inline]
pub(crate) fn skip_within<'a>(
    cursor: &mut Cursor<'a, '_>,
    levels: usize,
) -> Result<&'a [u8], Stop> {
    skip_value(cursor, false, levels)
}

/// As [`skip_within`], for the value that belongs to a key.
#[inline]
pub(crate) fn skip_member_within<'a>(
    cursor: &mut Cursor<'a, '_>,
    key: StringSpan<'_>,
    levels: usize,
) -> Result<&'a [u8], Stop> {
    skip_value(cursor, is_document_id(key), levels)
}

#[inline]
fn skip_value<'a>(
    cursor: &mut Cursor<'a, '_>,
    document_id: bool,
    levels: usize,
) -> Result<&'a [u8], Stop> {
    let first = cursor.peek()?;
    let start = cursor.at;
    match first {
        b'"' => {
            cursor.string()?;
        }
        b'{' | b'[' => ValueScanner::within(levels).advance(cursor)?,
        _ => scalar_or_document_id(cursor, document_id, false)?,
    }
    Ok(&cursor.bytes()[start..cursor.at])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::mend::MendLog;
    use super::*;

    fn accepts(bytes: &[u8]) -> Result<usize, Stop> {
        let mut log = MendLog::default();
        let mut cursor = Cursor::new(bytes, 0, true, &mut log);
        ValueScanner::new().advance(&mut cursor).map(|()| cursor.at)
    }

    #[test]
    fn nesting_beyond_the_bound_is_refused_where_it_goes_too_deep() {
        assert_eq!(
            accepts(format!("{}{}", "[".repeat(512), "]".repeat(512)).as_bytes()),
            Ok(1024)
        );
        let stop = accepts("[".repeat(100_000).as_bytes());
        assert!(
            matches!(stop, Err(Stop::Syntax { at: 512, .. })),
            "{stop:?}"
        );
    }

    #[test]
    fn an_unquoted_document_id_is_read_to_the_end_of_its_line() {
        for value in [
            "video_files/sticker (2).webm",
            "(File not included.)",
            "5368.tgs",
            "files/x",
        ] {
            let text = format!("{{\"document_id\": {value},\n\"b\": 1}}");
            assert_eq!(accepts(text.as_bytes()), Ok(text.len()), "{value}");
        }
        assert!(accepts(b"{\"other\": video_files/x\n}").is_err());
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            ".{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(5, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::hash_map(".{0,6}", inner, 0..6)
                    .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_is_passed_whole(value in json(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let text = text.unwrap();
            prop_assert_eq!(accepts(text.as_bytes()), Ok(text.len()));
        }

        #[test]
        fn it_accepts_what_serde_json_accepts(text in r#"[\[\]{}":,\\ntrue0-9eE.\- a]{0,24}"#) {
            if serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok() {
                let end = accepts(text.as_bytes());
                prop_assert!(end.is_ok_and(|end| text[end..].trim().is_empty()), "{:?}", text);
            } else if let Ok(end) = accepts(text.as_bytes()) {
                // A prefix may be a value of its own; the whole text must then go on after it.
                let prefix = serde_json::from_str::<serde::de::IgnoredAny>(&text[..end]);
                prop_assert!(prefix.is_ok() && !text[end..].trim().is_empty(), "{:?}", text);
            }
        }

        #[test]
        fn cutting_the_input_anywhere_changes_nothing(value in json(), cut in any::<prop::sample::Index>()) {
            let text = serde_json::to_string_pretty(&value).unwrap();
            let cut = cut.index(text.len());
            let mut log = MendLog::default();
            let mut scanner = ValueScanner::new();
            let mut first = Cursor::new(&text.as_bytes()[..cut], 0, false, &mut log);
            let done = scanner.advance(&mut first);
            let at = first.at;
            if done.is_err() {
                prop_assert_eq!(done, Err(Stop::Incomplete));
                let mut second = Cursor::new(&text.as_bytes()[at..], at as u64, true, &mut log);
                prop_assert_eq!(scanner.advance(&mut second), Ok(()));
                prop_assert_eq!(at + second.at, text.len());
            }
        }
    }
}
