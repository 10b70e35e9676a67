//! What follows from `redact`.

use resonare_pipeline::PSEUDONYM_OF_TARGET;
use serde_json::{Map, Value};

use crate::error::SettingsError;
use crate::keys::Key;
use crate::layered::value;
use crate::layers::Layer;

/// Keys whose values are shown as their number.
const LISTS: [Key; 3] = [Key::ExcludeChats, Key::ExcludeWords, Key::RedactWords];

/// What `redact` sets, as a layer, and its place below the layer that gives it: raw chats would hold all that
/// is to be replaced.
pub(crate) fn layer(layers: &[Layer]) -> Result<Option<(usize, Layer)>, SettingsError> {
    let gives_it = |layer: &Layer| layer.values.contains_key(&Key::Redact);
    let Some(place) = layers.iter().rposition(gives_it) else {
        return Ok(None);
    };
    if !is_on(&value(layers, Key::Redact)?) {
        return Ok(None);
    }
    let raw = (Key::OutputRaw.name().to_owned(), "never".into());
    Ok(Some((place, Layer::new("what redact sets", [raw])?)))
}

fn is_on(kinds: &Value) -> bool {
    kinds.as_array().is_some_and(|kinds| !kinds.is_empty())
}

/// A job's configuration as it may be shown: where personal data is replaced, without names and words.
pub fn public(mut frozen: Map<String, Value>) -> Map<String, Value> {
    if !frozen.get(Key::Redact.name()).is_some_and(is_on) {
        return frozen;
    }
    for (name, value) in &mut frozen {
        if LISTS.iter().any(|key| key.name() == name) {
            *value = value.as_array().map_or(0, Vec::len).into();
        } else if name == Key::TargetName.name() && !value.is_null() {
            *value = PSEUDONYM_OF_TARGET.into();
        }
    }
    frozen
}
