//! Methods of Python's strings that templates call, where the engine's own differ or are missing.

use std::collections::HashSet;

use minijinja::value::{Kwargs, Rest, Tuple, Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State};
use minijinja_contrib::pycompat;

use crate::bounds::charge;
use crate::text::{is_space, last_word, lines, next_word};

/// A method that the engine doesn't know itself.
pub(crate) fn call(
    state: &mut State,
    value: &Value,
    method: &str,
    arguments: &[Value],
) -> Result<Value, Error> {
    if value.kind() == ValueKind::String
        && let Some(text) = value.as_str()
        && let Some(result) = string_method(state, text, method, arguments)?
    {
        return Ok(result);
    }
    // They compare, or look up, what they are called with.
    if matches!(method, "get" | "count") {
        if method == "count" {
            charge(state, value, 2)?;
        }
        for argument in arguments {
            charge(state, argument, 1)?;
        }
    }
    pycompat::unknown_method_callback(state, value, method, arguments)
}

/// `value | trim(characters)`.
pub(crate) fn trim(state: &State, value: Value, characters: Option<&str>) -> Result<String, Error> {
    let text = value.to_string();
    let stripped = strip(&text, characters, Side::Both);
    charge_for_strip(state, text.len() - stripped.len(), characters)?;
    Ok(stripped.to_owned())
}

/// `value | indent(width=4, first=False, blank=False)`.
pub(crate) fn indent(
    state: &State,
    value: Value,
    width: Option<Value>,
    options: Rest<Value>,
) -> Result<String, Error> {
    let (first, blank, named): (Option<bool>, Option<bool>, Kwargs) = from_args(&options)?;
    let first = first.or(named.get("first")?).unwrap_or(false);
    let blank = blank.or(named.get("blank")?).unwrap_or(false);
    let width = match width {
        Some(width) => width,
        None => named
            .get::<Option<Value>>("width")?
            .unwrap_or(Value::from(4)),
    };
    named.assert_all_used()?;
    let indention = match width.as_str() {
        Some(text) => text.to_owned(),
        None => spaces(state, &width)?,
    };
    // As Jinja does: a text that ends with a line's end has one more line, which is empty.
    let text = format!("{value}\n");
    let lines = lines(&text, false);
    state.consume_fuel((lines.len() * (indention.len() + 1)) as u64 / 64)?;
    let mut indented = if first {
        indention.clone()
    } else {
        String::new()
    };
    for (index, line) in lines.into_iter().enumerate() {
        if index > 0 {
            indented.push('\n');
            if blank || !line.is_empty() {
                indented.push_str(&indention);
            }
        }
        indented.push_str(line);
    }
    Ok(indented)
}

/// So many spaces.
pub(crate) fn spaces(state: &State, count: &Value) -> Result<String, Error> {
    let count = usize::try_from(i64::try_from(count.clone())?).unwrap_or(0);
    state.consume_fuel(count as u64)?;
    Ok(" ".repeat(count))
}

fn string_method(
    state: &State,
    text: &str,
    method: &str,
    arguments: &[Value],
) -> Result<Option<Value>, Error> {
    // Methods read their text once; the engine charges for what they return.
    state.consume_fuel(text.len() as u64 / 16)?;
    let result = match method {
        "strip" => stripped(state, text, arguments, Side::Both)?,
        "lstrip" => stripped(state, text, arguments, Side::Left)?,
        "rstrip" => stripped(state, text, arguments, Side::Right)?,
        "split" => split(text, arguments, Side::Left)?,
        "rsplit" => split(text, arguments, Side::Right)?,
        "splitlines" => {
            let (keep_ends,): (Option<bool>,) = from_args(arguments)?;
            values(lines(text, keep_ends.unwrap_or(false)))
        }
        "partition" => partition(text, arguments, Side::Left)?,
        "rpartition" => partition(text, arguments, Side::Right)?,
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(arguments)?;
            Value::from(text.strip_prefix(prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(arguments)?;
            Value::from(text.strip_suffix(suffix).unwrap_or(text))
        }
        "isspace" => {
            let () = from_args(arguments)?;
            Value::from(!text.is_empty() && text.chars().all(is_space))
        }
        "format" if names_a_large_number(text) => {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                "a field is too wide",
            ));
        }
        _ => return Ok(None),
    };
    Ok(Some(result))
}

/// The side of a text that a method begins at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
    Both,
}

fn stripped(state: &State, text: &str, arguments: &[Value], side: Side) -> Result<Value, Error> {
    let (characters,): (Option<&str>,) = from_args(arguments)?;
    let stripped = strip(text, characters, side);
    charge_for_strip(state, text.len() - stripped.len(), characters)?;
    Ok(Value::from(stripped))
}

/// Charges for the bytes that went, and for the characters that each was compared with.
fn charge_for_strip(state: &State, gone: usize, characters: Option<&str>) -> Result<(), Error> {
    state.consume_fuel((gone + characters.map_or(0, str::len)) as u64)
}

fn strip<'t>(text: &'t str, characters: Option<&str>, side: Side) -> &'t str {
    // To compare with a few characters is faster than to look them up.
    let many = characters.filter(|characters| characters.len() > 16);
    let many: Option<HashSet<char>> = many.map(|characters| characters.chars().collect());
    let goes = |character: char| match (&many, characters) {
        (Some(many), _) => many.contains(&character),
        (None, Some(few)) => few.contains(character),
        (None, None) => is_space(character),
    };
    match side {
        Side::Left => text.trim_start_matches(goes),
        Side::Right => text.trim_end_matches(goes),
        Side::Both => text.trim_matches(goes),
    }
}

/// `str.split` and `str.rsplit`, with `sep` and `maxsplit` by place or by name.
fn split(text: &str, arguments: &[Value], side: Side) -> Result<Value, Error> {
    let (separator, limit, named): (Option<&str>, Option<i64>, Kwargs) = from_args(arguments)?;
    let separator = match separator {
        Some(separator) => Some(separator),
        None => named.get("sep")?,
    };
    let limit = match limit {
        Some(limit) => Some(limit),
        None => named.get("maxsplit")?,
    };
    named.assert_all_used()?;
    let cuts = usize::try_from(limit.unwrap_or(-1)).unwrap_or(usize::MAX - 1);
    let parts = match (separator, side) {
        (Some(""), _) => {
            return Err(Error::new(ErrorKind::InvalidOperation, "empty separator"));
        }
        (Some(separator), Side::Right) => {
            let mut parts: Vec<&str> = text.rsplitn(cuts + 1, separator).collect();
            parts.reverse();
            parts
        }
        (Some(separator), _) => text.splitn(cuts + 1, separator).collect(),
        (None, Side::Right) => words_from_right(text, cuts),
        (None, _) => words_from_left(text, cuts),
    };
    Ok(values(parts))
}

fn words_from_left(text: &str, cuts: usize) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some((word, after)) = next_word(rest) {
        if words.len() == cuts {
            words.push(rest.trim_start_matches(is_space));
            break;
        }
        words.push(word);
        rest = after;
    }
    words
}

fn words_from_right(text: &str, cuts: usize) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some((before, word)) = last_word(rest) {
        if words.len() == cuts {
            words.push(rest.trim_end_matches(is_space));
            break;
        }
        words.push(word);
        rest = before;
    }
    words.reverse();
    words
}

fn partition(text: &str, arguments: &[Value], side: Side) -> Result<Value, Error> {
    let (separator,): (&str,) = from_args(arguments)?;
    let found = if side == Side::Right {
        text.rsplit_once(separator)
    } else {
        text.split_once(separator)
    };
    let parts = match found {
        Some((before, after)) => [before, separator, after],
        None if side == Side::Right => ["", "", text],
        None => [text, "", ""],
    };
    Ok(Value::from(Tuple::from(parts.map(Value::from))))
}

/// Whether a format could ask for a field of 10,000 characters or more.
fn names_a_large_number(format: &str) -> bool {
    let mut runs = format.split(|character: char| !character.is_ascii_digit());
    runs.any(|digits| digits.len() > 4)
}

fn values(parts: Vec<&str>) -> Value {
    parts.into_iter().map(Value::from).collect()
}
