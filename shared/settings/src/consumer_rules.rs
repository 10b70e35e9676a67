//! What a consumer set, and whether it takes what others set.

use resonare_consumers::{Consumer, Setting, SystemAs};
use resonare_pipeline::OutputFormat;
use serde_json::Value;

use crate::error::SettingsError;
use crate::keys::Key;
use crate::preset::{RENDERED, consumer, key, settings};
use crate::refused::refused;
use crate::values::Values;

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

/// Whether the consumer takes blocks that are written with these values.
///
/// # Errors
/// [`SettingsError::Refused`] with the first key whose value it refuses.
pub(crate) fn check(values: &Values) -> Result<(), SettingsError> {
    let consumer = consumer(values.json(Key::Consumer));
    check_context(values, consumer)?;
    let Some(consumer) = consumer else {
        return Ok(());
    };
    for setting in settings(consumer, values.json(Key::ModelId)) {
        let Some(key) = key(&setting).filter(|_| setting.is_demanded) else {
            continue;
        };
        let is_met = match values.json(key) {
            Value::Array(names) => names.iter().any(|name| name == setting.value),
            // A prompt that is not written can't be refused.
            value if key == Key::SystemAs => {
                value == setting.value
                    || value == SystemAs::None.name()
                    || values.json(Key::SystemPrompt).is_null()
            }
            value => value == setting.value,
        };
        if !is_met {
            let (title, value, why) = (consumer.title(), setting.value, setting.why);
            return Err(refused(
                values,
                key,
                format!("{title} needs {value}: {why}"),
            ));
        }
    }
    Ok(())
}

/// Whether there can be context, and leaves room for a block.
fn check_context(values: &Values, consumer: Option<Consumer>) -> Result<(), SettingsError> {
    let context = Key::ContextTokens;
    if values.number(context) == 0 {
        return Ok(());
    }
    if consumer.is_none_or(|consumer| consumer.flag().is_none()) {
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
        return Err(refused(values, context, why));
    }
    let unmarked = [OutputFormat::Bedrock, OutputFormat::ShareGpt].map(OutputFormat::name);
    let formats = values.names(Key::OutputFormats);
    if let Some(format) = formats.iter().find(|format| unmarked.contains(&&***format)) {
        let why = format!("{format} can't mark messages that are not learned");
        return Err(refused(values, context, why));
    }
    let (min, max) = (Key::MinTokensPerBlock, Key::MaxTokensPerBlock);
    let room = values.number(max).saturating_sub(values.number(min));
    if values.number(context) > room {
        let why = format!(
            "between {} and {} there is room for {room}",
            min.name(),
            max.name()
        );
        return Err(refused(values, context, why));
    }
    Ok(())
}
