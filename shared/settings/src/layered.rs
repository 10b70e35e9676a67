//! Which layer gives the value of a key, and whether the key allows it.

use serde_json::Value;

use crate::error::SettingsError;
use crate::keys::Key;
use crate::layers::Layer;

/// A key's value, checked.
pub(crate) fn value(layers: &[Layer], key: Key) -> Result<Value, SettingsError> {
    match given(layers, key) {
        Some((layer, value)) => check(key, value, layer),
        None => Ok(key.default_value()),
    }
}

/// The value of the last layer that gives one, with that layer.
pub(crate) fn given(layers: &[Layer], key: Key) -> Option<(&Layer, &Value)> {
    let mut later_first = layers.iter().rev();
    later_first.find_map(|layer| Some((layer, layer.values.get(&key)?)))
}

fn check(key: Key, value: &Value, layer: &Layer) -> Result<Value, SettingsError> {
    let kind = key.entry().kind;
    kind.check(value).ok_or_else(|| SettingsError::WrongValue {
        key: key.name(),
        value: match value {
            Value::String(text) => format!("{text:?}"),
            Value::Object(_) => "a group of keys".to_owned(),
            // Errors can be logged.
            Value::Array(list) if !key.is_for_queries() => format!("a list of {}", list.len()),
            other => other.to_string(),
        },
        origin: layer.origin.clone(),
        allowed: match value {
            // YAML reads what looks like a number as a number.
            Value::Number(_) | Value::Bool(_)
                if kind.check(&value.to_string().into()).is_some() =>
            {
                format!("{} (in quotes)", kind.allowed())
            }
            _ => kind.allowed(),
        },
    })
}
