//! What a consumer sets, and whether it takes what others set.

use resonare_consumers::{Consumer, Setting, TemplateFamily};
use serde_json::Value;

use crate::error::SettingsError;
use crate::keys::Key;
use crate::layers::Layer;
use crate::values::{self, Values};

/// What blocks are measured by where a consumer wants the chat template and there is none.
pub(crate) const RENDERED: &str = "rendered";

/// The layer of what a consumer sets and its place below the layer that names the consumer; `None` where
/// no layer names one, or a later one says that there is none.
pub(crate) fn layer(layers: &[Layer]) -> Result<Option<(usize, Layer)>, SettingsError> {
    let names_it = |layer: &Layer| layer.values.contains_key(&Key::Consumer);
    let Some(place) = layers.iter().rposition(names_it) else {
        return Ok(None);
    };
    let Some(consumer) = consumer(&values::value(layers, Key::Consumer)?) else {
        return Ok(None);
    };
    let model = values::value(layers, Key::ModelId)?;
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

pub(crate) fn consumer(value: &Value) -> Option<Consumer> {
    value.as_str().and_then(|name| name.parse().ok())
}

fn settings(consumer: Consumer, model: &Value) -> [Setting; 5] {
    consumer.preset(model.as_str().and_then(TemplateFamily::of_model))
}

/// What the consumer sets in these values, but for what others set after it.
pub(crate) fn in_effect(values: &Values) -> Vec<Setting> {
    let Some(consumer) = consumer(values.json(Key::Consumer)) else {
        return Vec::new();
    };
    let set = settings(consumer, values.json(Key::ModelId)).into_iter();
    set.filter_map(|setting| {
        let key = key(&setting).filter(|key| values.is_from_preset(*key))?;
        let is_second_choice = key == Key::TokenBudget && values.json(key) == RENDERED;
        Some(if is_second_choice && setting.value != RENDERED {
            Setting {
                value: RENDERED,
                why: "the model's chat template, which would tell exactly, is out of reach",
                ..setting
            }
        } else {
            setting
        })
    })
    .collect()
}

fn key(setting: &Setting) -> Option<Key> {
    Key::named(setting.key)
}

/// Whether the consumer takes blocks that are written with these values.
///
/// # Errors
/// [`SettingsError::RefusedByConsumer`] with the first key whose value it refuses.
pub(crate) fn check(values: &Values) -> Result<(), SettingsError> {
    let consumer = consumer(values.json(Key::Consumer));
    let refused = |key: Key, why: String| SettingsError::RefusedByConsumer {
        key: key.name(),
        value: match values.json(key) {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        },
        origin: values.origin(key),
        why,
    };
    let context = Key::ContextTokens;
    if values.number(context) > 0 && consumer.is_none_or(|consumer| consumer.flag().is_none()) {
        let flagging: Vec<_> = Consumer::ALL
            .into_iter()
            .filter(|consumer| consumer.flag().is_some())
            .map(Consumer::name)
            .collect();
        let who = consumer.map_or("without a consumer, lines", Consumer::title);
        let why = format!(
            "{who} can't mark messages that are not learned; {} can",
            flagging.join(", ")
        );
        return Err(refused(context, why));
    }
    let Some(consumer) = consumer else {
        return Ok(());
    };
    for setting in settings(consumer, values.json(Key::ModelId)) {
        let Some(key) = key(&setting).filter(|_| setting.is_demanded) else {
            continue;
        };
        let is_met = match values.json(key) {
            Value::Array(names) => names.iter().any(|name| name == setting.value),
            value => value == setting.value,
        };
        if !is_met {
            let (title, value, why) = (consumer.title(), setting.value, setting.why);
            return Err(refused(key, format!("{title} needs {value}: {why}")));
        }
    }
    Ok(())
}
