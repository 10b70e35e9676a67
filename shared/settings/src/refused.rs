//! The error about a value that goes with no other.

use serde_json::Value;

use crate::error::SettingsError;
use crate::keys::Key;
use crate::values::Values;

/// Why the value of a key is refused, given the others.
pub(crate) fn refused(values: &Values, key: Key, why: String) -> SettingsError {
    SettingsError::Refused {
        key: key.name(),
        value: match values.json(key) {
            Value::String(text) => text.clone(),
            // Errors can be logged.
            Value::Array(list) if !key.is_for_queries() => format!("a list of {}", list.len()),
            other => other.to_string(),
        },
        origin: values.origin(key),
        why,
    }
}
