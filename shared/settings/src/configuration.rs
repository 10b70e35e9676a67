//! The whole configuration, checked.

use std::path::PathBuf;
use std::time::Duration;

use resonare_consumers::{Consumer, Setting};
use resonare_pipeline::{DateLimit, OutputFormat, Settings, Target, TokenBudget, TokenLimits};
use serde_json::{Map, Value};

use crate::consumer_rules;
use crate::error::SettingsError;
use crate::keys::Key;
use crate::layers::{Layer, Layers};
use crate::modes::{InputMode, OutputMode, RawOutput};
use crate::preset;
use crate::redaction;
use crate::redaction_rules;
use crate::values::Values;

/// Where a frozen configuration names the keys that a consumer set.
const PRESET: &str = "preset";

/// Every setting, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// What is read when no path is given.
    pub input_mode: InputMode,
    /// The file of [`InputMode::File`].
    pub input_file: PathBuf,
    /// The folder of [`InputMode::Dir`].
    pub input_dir: PathBuf,
    /// Where outputs go.
    pub output_modes: Vec<OutputMode>,
    /// Outputs go to `<output.local_dir>/<run_id>/`.
    pub output_local_dir: PathBuf,
    /// The bucket of [`OutputMode::S3`].
    pub output_s3_bucket: Option<String>,
    /// Its region, if it is not the default one.
    pub output_s3_region: Option<String>,
    /// When `raw.json` is written.
    pub output_raw: RawOutput,
    /// Whether `report.html` is written.
    pub output_report: bool,
    /// The files with blocks that are written; `train.jsonl` is, in any case.
    pub output_formats: Vec<OutputFormat>,
    /// Whether an uploaded payload outlives its job.
    pub keep_input: bool,
    /// What a request may choose as `model_id`; the operator's model if nothing is said.
    pub allowed_models: Vec<String>,
    /// The model to fine-tune.
    pub model_id: String,
    /// A tokenizer that is used instead of looking the model up.
    pub tokenizer: Option<String>,
    /// Fail rather than count with a fallback.
    pub require_exact_tokenizer: bool,
    /// What shapes the result.
    pub pipeline: Settings,
    values: Values,
}

impl Default for Configuration {
    fn default() -> Self {
        let defaults = Values::of(Vec::new()).and_then(Self::of);
        defaults.expect("the defaults of the table are allowed, and go together")
    }
}

impl Configuration {
    /// Merges the layers over the defaults.
    ///
    /// # Errors
    /// If a layer can't be read, a key is unknown or a value is not allowed.
    pub fn load(layers: Layers) -> Result<Self, SettingsError> {
        Self::of(Values::of(layers.read()?)?)
    }

    /// The configuration that [`Self::to_json`] wrote, whatever is configured now.
    ///
    /// # Errors
    /// If it is not what was written.
    pub fn from_json(frozen: &Map<String, Value>) -> Result<Self, SettingsError> {
        let mut frozen = frozen.clone();
        let names = frozen.remove(PRESET);
        let is_preset = |key: &str| {
            let names = names.as_ref().and_then(Value::as_array);
            names.is_some_and(|names| names.iter().any(|name| name == key))
        };
        let (preset, own): (Vec<_>, Vec<_>) =
            frozen.into_iter().partition(|(key, _)| is_preset(key));
        let preset = Layer {
            is_preset: true,
            ..Layer::new("what the consumer sets", preset)?
        };
        let own = Layer::new("the job's record", own)?;
        Self::of(Values::of_frozen(vec![preset, own])?)
    }

    /// Whether a run looks for the model's chat template.
    pub fn wants_chat_template(&self) -> bool {
        let consumer = self.pipeline.consumer;
        self.pipeline.token_budget == TokenBudget::Template
            || consumer.is_some_and(Consumer::trains_by_template)
    }

    /// What the consumer of the blocks set, and why.
    pub fn preset(&self) -> Vec<Setting> {
        consumer_rules::in_effect(&self.values)
    }

    /// This configuration where the model has no chat template within reach, for that reason: where the
    /// consumer wants blocks to be measured by it, they are measured as emitted.
    ///
    /// # Errors
    /// If it was not the consumer that set `token_budget: template`.
    pub fn without_chat_template(self, reason: &str) -> Result<Self, SettingsError> {
        if self.pipeline.token_budget != TokenBudget::Template {
            return Ok(self);
        }
        let key = Key::TokenBudget;
        if !self.values.is_from_preset(key) {
            return Err(SettingsError::NoChatTemplate {
                origin: self.values.origin(key),
                reason: reason.to_owned(),
            });
        }
        Self::of(self.values.with_preset_value(key, preset::RENDERED))
    }

    /// This configuration with the values of a request over it.
    ///
    /// # Errors
    /// If a key is unknown or a value is not allowed.
    pub fn with_request(&self, values: Vec<(String, Value)>) -> Result<Self, SettingsError> {
        let request = Layer::new("the request", values)?;
        Ok(Self {
            // Not the model that the request chooses.
            allowed_models: self.allowed_models.clone(),
            ..Self::of(self.values.with(request)?)?
        })
    }

    fn of(values: Values) -> Result<Self, SettingsError> {
        consumer_rules::check(&values)?;
        redaction_rules::check(&values)?;
        let model_id = values.text(Key::ModelId);
        let allowed_models = values.optional_names(Key::AllowedModels);
        Ok(Self {
            input_mode: values.choice(Key::InputMode),
            input_file: values.text(Key::InputFile).into(),
            input_dir: values.text(Key::InputDir).into(),
            output_modes: values.choices(Key::OutputModes),
            output_local_dir: values.text(Key::OutputLocalDir).into(),
            output_s3_bucket: values.optional_text(Key::OutputS3Bucket),
            output_s3_region: values.optional_text(Key::OutputS3Region),
            output_raw: values.choice(Key::OutputRaw),
            output_report: values.flag(Key::OutputReport),
            output_formats: values.choices(Key::OutputFormats),
            keep_input: values.flag(Key::KeepInput),
            allowed_models: allowed_models.unwrap_or_else(|| vec![model_id.clone()]),
            model_id,
            tokenizer: values.optional_text(Key::Tokenizer),
            require_exact_tokenizer: values.flag(Key::RequireExactTokenizer),
            pipeline: pipeline(&values)?,
            values,
        })
    }

    /// What [`Self::to_json`] gives, as it may be shown.
    pub fn to_public_json(&self) -> Map<String, Value> {
        redaction::public(self.to_json())
    }

    /// The settings that shape a result, as a job keeps them: the same for the same result, so without the
    /// places that things are read from and written to.
    pub fn to_json(&self) -> Map<String, Value> {
        let keys = Key::ALL.iter().filter(|key| key.entry().is_frozen);
        let mut frozen: Map<_, _> = keys
            .map(|key| (key.name().to_owned(), self.values.json(*key).clone()))
            .collect();
        let preset: Vec<_> = self.preset().iter().map(|setting| setting.key).collect();
        if !preset.is_empty() {
            frozen.insert(PRESET.to_owned(), preset.into());
        }
        frozen
    }
}

/// What shapes the result.
fn pipeline(values: &Values) -> Result<Settings, SettingsError> {
    let target = values.optional_text(Key::TargetName);
    let date_limit = values.optional_text(Key::DateLimit);
    let threshold = values.number(Key::ConvoBlockThresholdSecs);
    Ok(Settings {
        target: target.as_deref().map(Target::parse),
        system_prompt: values.optional_text(Key::SystemPrompt),
        date_limit: date_limit.as_deref().and_then(DateLimit::parse),
        chat_types: values.names(Key::ChatTypes),
        salvage: values.flag(Key::Salvage),
        threshold: Duration::from_secs(threshold.into()),
        limits: limits(values)?,
        message_delimiter: values.text(Key::MessageDelimiter),
        token_budget: values.choice(Key::TokenBudget),
        role_order: values.choice(Key::RoleOrder),
        consumer: preset::consumer(values.json(Key::Consumer)),
        system_as: values.choice(Key::SystemAs),
        loss: values.choice(Key::Loss),
        context_tokens: values.number(Key::ContextTokens),
        repeated_messages: values.choice(Key::RepeatedMessages),
        exclude_chats: values.names(Key::ExcludeChats),
        exclude_words: values.names(Key::ExcludeWords),
        redact: values.choices(Key::Redact),
        redact_words: values.names(Key::RedactWords),
        min_chat_messages: values.number(Key::MinChatMessages),
        speaker_names: values.flag(Key::SpeakerNames),
        topics: values.flag(Key::Topics),
        reply_context: values.flag(Key::ReplyContext),
        media_placeholders: values.flag(Key::MediaPlaceholders),
        forwarded: values.choice(Key::Forwarded),
        deduplicate: values.choice(Key::Deduplicate),
        validation_fraction: values.fraction(Key::ValidationFraction),
        report_samples: report_samples(values),
    })
}

/// None where there is no report to show them.
fn report_samples(values: &Values) -> u32 {
    if values.flag(Key::OutputReport) {
        values.number(Key::ReportSamples)
    } else {
        0
    }
}

fn limits(values: &Values) -> Result<TokenLimits, SettingsError> {
    let (min_key, max_key) = (Key::MinTokensPerBlock, Key::MaxTokensPerBlock);
    let (min, max) = (values.number(min_key), values.number(max_key));
    TokenLimits::new(min, max).map_err(|_| SettingsError::Limits {
        min,
        min_origin: values.origin(min_key),
        max,
        max_origin: values.origin(max_key),
    })
}

#[cfg(test)]
mod tests;
