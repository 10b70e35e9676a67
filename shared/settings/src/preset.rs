//! What a consumer sets, as a layer among the others.

use resonare_consumers::{Consumer, Setting, TemplateFamily};
use serde_json::Value;

use crate::error::SettingsError;
use crate::keys::Key;
use crate::layered::value;
use crate::layers::Layer;

/// What blocks are measured by where a consumer wants the chat template and there is none.
pub(crate) const RENDERED: &str = "rendered";

/// The layer of what a consumer sets and its place below the layer that names the consumer; `None` where
/// no layer names one, or a later one says that there is none.
pub(crate) fn layer(layers: &[Layer]) -> Result<Option<(usize, Layer)>, SettingsError> {
    let names_it = |layer: &Layer| layer.values.contains_key(&Key::Consumer);
    let Some(place) = layers.iter().rposition(names_it) else {
        return Ok(None);
    };
    let Some(consumer) = consumer(&value(layers, Key::Consumer)?) else {
        return Ok(None);
    };
    let model = value(layers, Key::ModelId)?;
    let set = settings(consumer, &model)
        .into_iter()
        .map(|setting| (setting.key.to_owned(), Value::from(setting.value)));
    let layer = Layer::new(&format!("what {consumer} sets"), set)?;
    Ok(Some((
        place,
        Layer {
            is_preset: true,
            ..layer
        },
    )))
}

/// The consumer that a value names.
pub(crate) fn consumer(name: &Value) -> Option<Consumer> {
    name.as_str().and_then(|name| name.parse().ok())
}

/// All that it sets for a model.
pub(crate) fn settings(consumer: Consumer, model: &Value) -> [Setting; 5] {
    consumer.preset(model.as_str().and_then(TemplateFamily::of_model))
}

/// The key that it sets.
pub(crate) fn key(setting: &Setting) -> Option<Key> {
    Key::named(setting.key)
}
