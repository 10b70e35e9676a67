//! What a value may be.
//!
//! Values come as text (an environment variable, an option, a query, metadata) or typed (YAML, JSON).
//! [`Kind::check`] reads both and gives one form, the one that a job's record keeps.

use resonare_pipeline::{DateLimit, Fraction};
use serde_json::Value;

/// What the value of a key may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text; empty text or null stands for none.
    Text,
    /// Any text, also empty text; null stands for empty text.
    TextOrEmpty,
    /// The name of something; empty text or null stands for none.
    Name,
    /// A path in the file system.
    Path,
    /// The id of a model.
    Model,
    /// Ids of models; null stands for the configured one.
    Models,
    /// True or false.
    Flag,
    /// A whole number.
    Number {
        /// The smallest that is allowed.
        least: u32,
        /// The largest that is allowed.
        most: u32,
    },
    /// A date or date-time; empty text, null and `None` stand for none.
    Date,
    /// One of these names.
    OneOf(&'static [&'static str]),
    /// One of these names; empty text and null stand for none.
    OptionalOneOf(&'static [&'static str]),
    /// One or more of these names.
    SomeOf(&'static [&'static str]),
    /// Any of these names, perhaps none; null stands for none, and `all` for all.
    AnyOf(&'static [&'static str]),
    /// Any texts, perhaps none; null stands for none. In one text, commas separate them that have no backslash
    /// before them.
    Texts,
    /// A part of a whole that is not all of it.
    Fraction,
}

/// What stands for every name of a kind.
const ALL: &str = "all";

impl Kind {
    /// Whether a key of this kind takes several values.
    pub fn is_list(self) -> bool {
        matches!(
            self,
            Self::Models | Self::SomeOf(_) | Self::AnyOf(_) | Self::Texts
        )
    }

    /// Whether empty text means something: another value than the default, or none.
    pub(crate) fn takes_empty_text(self) -> bool {
        match self {
            Self::Text
            | Self::TextOrEmpty
            | Self::Name
            | Self::Models
            | Self::Date
            | Self::OptionalOneOf(_)
            | Self::AnyOf(_)
            | Self::Texts => true,
            Self::Path
            | Self::Model
            | Self::Flag
            | Self::Number { .. }
            | Self::OneOf(_)
            | Self::SomeOf(_)
            | Self::Fraction => false,
        }
    }

    /// What is allowed, in words that follow "expected".
    pub fn allowed(self) -> String {
        match self {
            Self::Text | Self::TextOrEmpty => "text".to_owned(),
            Self::Name => "a name".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Model => "the id of a model".to_owned(),
            Self::Models => "a list of model ids, or ids separated by commas".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Number { least, most } => format!("a whole number from {least} to {most}"),
            Self::Date => {
                "an ISO 8601 date or date-time such as 2024-01-31; leave it out for none".to_owned()
            }
            Self::OneOf(names) => format!("one of {}", names.join(", ")),
            Self::OptionalOneOf(names) => {
                format!("one of {}; leave it out for none", names.join(", "))
            }
            Self::SomeOf(names) => format!("one or more of {}", names.join(", ")),
            Self::AnyOf(names) => format!("any of {}, or {ALL}", names.join(", ")),
            Self::Texts => "a list of texts, or texts separated by commas".to_owned(),
            Self::Fraction => format!(
                "a number from 0 to below 1, with at most {} decimal places",
                Fraction::DECIMAL_PLACES
            ),
        }
    }

    /// The value in the form that this kind has everywhere; `None` if it is not allowed.
    pub(crate) fn check(self, value: &Value) -> Option<Value> {
        match self {
            Self::Text | Self::Name => text_or_null(value),
            Self::TextOrEmpty => match value {
                Value::Null => Some("".into()),
                Value::String(_) => Some(value.clone()),
                _ => None,
            },
            Self::Path | Self::Model => text_or_null(value).filter(Value::is_string),
            Self::Models if value.is_null() => Some(Value::Null),
            Self::Models => names(value).map(Value::from),
            Self::Flag => flag(value).map(Value::from),
            Self::Number { least, most } => number(value)
                .filter(|number| (least..=most).contains(number))
                .map(Value::from),
            Self::Date => date_or_null(value),
            Self::OneOf(allowed) => one_of(allowed, value.as_str()?).map(Value::from),
            Self::OptionalOneOf(allowed) => match text_or_null(value)? {
                Value::Null => Some(Value::Null),
                name => Self::OneOf(allowed).check(&name),
            },
            Self::SomeOf(allowed) => {
                let names = all_of(allowed, value).filter(|names| !names.is_empty())?;
                Some(names.into())
            }
            Self::AnyOf(_) | Self::Texts if value.is_null() => Some(Value::Array(Vec::new())),
            // An option with nothing in it was meant to have something.
            Self::AnyOf(_) | Self::Texts if is_list_of_nothing(value) => None,
            Self::AnyOf(allowed) => match &*names(value)? {
                [all] if all.eq_ignore_ascii_case(ALL) => Some(allowed.to_vec().into()),
                _ => all_of(allowed, value).map(Value::from),
            },
            Self::Texts => texts(value).map(Value::from),
            Self::Fraction => fraction(value),
        }
    }
}

/// The name among those that are allowed, in whatever case it was written.
fn one_of(allowed: &[&'static str], name: &str) -> Option<&'static str> {
    let mut allowed = allowed.iter().copied();
    allowed.find(|allowed| allowed.eq_ignore_ascii_case(name))
}

/// Text, or null where it is empty.
fn text_or_null(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) if text.is_empty() => Some(Value::Null),
        Value::String(_) | Value::Null => Some(value.clone()),
        _ => None,
    }
}

fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn number(value: &Value) -> Option<u32> {
    match value {
        // To JSON, `1.0` is a whole number.
        Value::Number(number) => {
            let text = number.to_string();
            text.strip_suffix(".0").unwrap_or(&text).parse().ok()
        }
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn date_or_null(value: &Value) -> Option<Value> {
    let text = match value {
        Value::Null => return Some(Value::Null),
        Value::String(text) => text.clone(),
        // 20240131
        Value::Number(number) if number.is_u64() => number.to_string(),
        _ => return None,
    };
    // What users of the original write for no limit.
    if matches!(text.trim(), "" | "null" | "None" | "none") {
        return Some(Value::Null);
    }
    DateLimit::parse(&text).is_some().then(|| text.into())
}

/// A list of these names.
fn all_of(allowed: &[&'static str], value: &Value) -> Option<Vec<&'static str>> {
    let names = names(value)?;
    names.iter().map(|name| one_of(allowed, name)).collect()
}

fn is_list_of_nothing(value: &Value) -> bool {
    let texts = value.as_array().filter(|texts| !texts.is_empty());
    texts.is_some_and(|texts| texts.iter().all(|text| text == ""))
}

/// A list of texts, or texts with commas between them.
fn texts(value: &Value) -> Option<Vec<String>> {
    let texts: Vec<_> = match value {
        Value::String(text) => separated(text),
        Value::Array(values) => {
            let texts = values.iter().map(|value| match value {
                // The id of a chat.
                Value::Number(number) if !number.is_f64() => Some(number.to_string()),
                value => value.as_str().map(str::to_owned),
            });
            texts.collect::<Option<_>>()?
        }
        _ => return None,
    };
    let texts = texts.iter().map(|text| text.trim());
    let texts = texts.filter(|text| !text.is_empty());
    Some(texts.map(str::to_owned).collect())
}

/// What is between the commas of a text; a backslash makes one a part of what it is in.
fn separated(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for piece in text.split(',') {
        let part = parts.last_mut().expect("there is one from the start");
        if let Some(escaped) = piece.strip_suffix('\\') {
            part.push_str(escaped);
            part.push(',');
        } else {
            part.push_str(piece);
            parts.push(String::new());
        }
    }
    parts
}

/// A fraction as it was written, where it is one.
fn fraction(value: &Value) -> Option<Value> {
    let number = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    Fraction::parse(&number)?;
    number.parse().map(Value::Number).ok()
}

/// A list of names, or names with commas between them.
fn names(value: &Value) -> Option<Vec<String>> {
    let texts = match value {
        Value::String(text) => vec![text.as_str()],
        Value::Array(values) => values.iter().map(Value::as_str).collect::<Option<_>>()?,
        _ => return None,
    };
    let names = texts.iter().flat_map(|text| text.split(',')).map(str::trim);
    Some(
        names
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_has_one_form_however_it_was_written() {
        let number = Kind::Number { least: 1, most: 9 };
        let some = Kind::SomeOf(&["a", "b"]);
        for (kind, written, form) in [
            (Kind::Text, json!(""), json!(null)),
            (Kind::Text, json!(" a, b "), json!(" a, b ")),
            (Kind::TextOrEmpty, json!(null), json!("")),
            (Kind::TextOrEmpty, json!(""), json!("")),
            (Kind::Name, json!(null), json!(null)),
            (Kind::Models, json!(null), json!(null)),
            (Kind::Models, json!(""), json!([])),
            (Kind::OneOf(&["a", "b"]), json!("A"), json!("a")),
            (some, json!("B,a"), json!(["b", "a"])),
            (Kind::Flag, json!("false"), json!(false)),
            (number, json!(" 9 "), json!(9)),
            (number, json!(1.0), json!(1)),
            (Kind::Date, json!("None"), json!(null)),
            (Kind::Date, json!(20_240_131), json!("20240131")),
            (Kind::OneOf(&["a", "b"]), json!("b"), json!("b")),
            (Kind::OptionalOneOf(&["a", "b"]), json!("b"), json!("b")),
            (Kind::OptionalOneOf(&["a", "b"]), json!(""), json!(null)),
            (some, json!("b , a,"), json!(["b", "a"])),
            (some, json!(["a,b"]), json!(["a", "b"])),
            (Kind::AnyOf(&["a", "b"]), json!(null), json!([])),
            (Kind::AnyOf(&["a", "b"]), json!(""), json!([])),
            (Kind::AnyOf(&["a", "b"]), json!("b,a"), json!(["b", "a"])),
            (Kind::AnyOf(&["a", "b"]), json!(["all"]), json!(["a", "b"])),
            (Kind::Texts, json!("a\\, b, c\\d"), json!(["a, b", "c\\d"])),
            (Kind::Texts, json!(null), json!([])),
            (Kind::Texts, json!("a, b,"), json!(["a", "b"])),
            (Kind::Texts, json!([" a, b ", "", 5]), json!(["a, b", "5"])),
            (Kind::Fraction, json!(" 0.05 "), json!(0.05)),
            (Kind::Fraction, json!(0), json!(0)),
        ] {
            assert_eq!(kind.check(&written), Some(form), "{kind:?} {written}");
        }
    }

    #[test]
    fn what_is_of_another_kind_is_not_allowed() {
        let number = Kind::Number { least: 1, most: 9 };
        let some = Kind::SomeOf(&["a", "b"]);
        for (kind, written) in [
            (Kind::Text, json!(5)),
            (Kind::TextOrEmpty, json!(false)),
            (Kind::Path, json!("")),
            (Kind::Model, json!(null)),
            (Kind::Models, json!([1])),
            (Kind::Flag, json!("yes")),
            (Kind::Flag, json!(null)),
            (number, json!(0)),
            (number, json!(10)),
            (number, json!(1.5)),
            (number, json!(-1)),
            (number, json!(["5"])),
            (Kind::Date, json!("soon")),
            (Kind::Date, json!(true)),
            (Kind::OneOf(&["a", "b"]), json!("c")),
            (Kind::OptionalOneOf(&["a", "b"]), json!("c")),
            (Kind::OneOf(&["a", "b"]), json!(null)),
            (some, json!("")),
            (some, json!(["a", "c"])),
            (some, json!({})),
            (Kind::AnyOf(&["a", "b"]), json!(["a", "c"])),
            (Kind::AnyOf(&["a", "b"]), json!([""])),
            (Kind::AnyOf(&["a", "b"]), json!(["all", "a"])),
            (Kind::Texts, json!([""])),
            (Kind::Texts, json!(["a", true])),
            (Kind::Texts, json!(5)),
            (Kind::Fraction, json!(1)),
            (Kind::Fraction, json!(-0.1)),
            (Kind::Fraction, json!("half")),
            (Kind::Fraction, json!("0.12345678")),
        ] {
            assert_eq!(kind.check(&written), None, "{kind:?} {written}");
        }
    }
}
