//! Reading a YAML file.

use std::path::Path;

use config::{Config, File, FileFormat, ValueKind};
use serde_json::{Map, Value};

use crate::keys::Key;

/// The keys of a file, with dots, and their values.
///
/// # Errors
/// What is wrong with the file.
pub(crate) fn read(path: &Path) -> Result<Vec<(String, Value)>, String> {
    let file = File::from(path).format(FileFormat::Yaml);
    let config = Config::builder().add_source(file).build();
    let tables = config
        .map_err(|error| error.to_string())?
        .cache
        .into_table();
    let mut values = Vec::new();
    for (key, value) in tables.unwrap_or_default() {
        match value.kind {
            ValueKind::Table(table) => values.extend(
                table
                    .into_iter()
                    .map(|(name, value)| (format!("{key}.{name}"), json(value.kind))),
            ),
            // An empty group.
            ValueKind::Nil if Key::is_group(&key) => {}
            kind => values.push((key, json(kind))),
        }
    }
    // The file's own order is lost; errors are to be the same each time.
    values.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(values)
}

fn json(kind: ValueKind) -> Value {
    match kind {
        ValueKind::Nil => Value::Null,
        ValueKind::Boolean(flag) => flag.into(),
        ValueKind::I64(number) => number.into(),
        ValueKind::U64(number) => number.into(),
        ValueKind::Float(number) => number.into(),
        // YAML has no such numbers.
        ValueKind::I128(number) => number.to_string().into(),
        ValueKind::U128(number) => number.to_string().into(),
        ValueKind::String(text) => text.into(),
        ValueKind::Array(values) => values.into_iter().map(|value| json(value.kind)).collect(),
        ValueKind::Table(table) => {
            let values = table
                .into_iter()
                .map(|(key, value)| (key, json(value.kind)));
            Value::Object(values.collect::<Map<_, _>>())
        }
    }
}
