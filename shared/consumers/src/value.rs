//! JSON values that borrow from their row.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A JSON value. Objects keep their keys' order, and keys that come twice.
#[derive(Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Integer(i64),
    /// Any other number.
    Number,
    Text(Cow<'a, str>),
    List(Vec<Value<'a>>),
    Object(Object<'a>),
}

/// The members of an object.
#[derive(Debug, PartialEq)]
pub(crate) struct Object<'a>(Vec<Member<'a>>);

#[derive(Debug, PartialEq)]
struct Member<'a> {
    key: Text<'a>,
    value: Value<'a>,
}

impl<'a> Object<'a> {
    /// The value of a key; of the last, where it comes twice.
    pub(crate) fn get(&self, key: &str) -> Option<&Value<'a>> {
        let member = self.0.iter().rev().find(|member| member.key.0 == key)?;
        Some(&member.value)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|member| member.key.0.as_ref())
    }

    /// A key that comes twice, if there is one.
    pub(crate) fn repeated_key(&self) -> Option<&str> {
        const FEW: usize = 16;
        if self.0.len() <= FEW {
            let mut before = self.keys().enumerate();
            return before
                .find(|&(index, key)| self.keys().take(index).any(|other| other == key))
                .map(|(_, key)| key);
        }
        let mut seen = std::collections::HashSet::new();
        self.keys().find(|&key| !seen.insert(key))
    }
}

/// A string, borrowed where it has no escapes.
#[derive(Debug, PartialEq)]
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Text(text) => Ok(Self(text)),
            _ => Err(serde::de::Error::custom("a key is not a string")),
        }
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value).map_or(Value::Number, Value::Integer))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Value::Number)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        // A message: its role and its content.
        let mut members = Vec::with_capacity(2);
        while let Some(key) = map.next_key()? {
            let value = map.next_value()?;
            members.push(Member { key, value });
        }
        Ok(Value::Object(Object(members)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_without_escapes_is_borrowed() {
        let value: Value<'_> = serde_json::from_str(r#"["plain","a\nb"]"#).unwrap();
        let Value::List(values) = value else { panic!() };
        assert!(matches!(&values[0], Value::Text(Cow::Borrowed("plain"))));
        assert!(matches!(&values[1], Value::Text(Cow::Owned(text)) if text == "a\nb"));
    }

    #[test]
    fn a_repeated_key_is_found_among_few_and_many() {
        let many: Vec<_> = (0..40).map(|key| format!(r#""{key}":0,"#)).collect();
        let many = many.concat();
        for (text, repeated) in [
            (r#"{"a":1,"b":2}"#.to_owned(), None),
            (r#"{"a":1,"b":2,"a":3}"#.to_owned(), Some("a")),
            (format!(r#"{{{many}"x":1}}"#), None),
            (format!(r#"{{{many}"7":1}}"#), Some("7")),
        ] {
            let Value::Object(object) = serde_json::from_str(&text).unwrap() else {
                panic!()
            };
            assert_eq!(object.repeated_key(), repeated);
        }
    }
}
