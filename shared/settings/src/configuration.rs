//! The configuration as one checked whole.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use resonare_pipeline::{
    CHAT_TYPES, DateLimit, RoleOrder, Settings, Target, TokenBudget, TokenLimits,
};
use serde_json::{Map, Value, json};

use crate::layers::{self, Layers};
use crate::value::{Given, SettingsError};

/// What `prepare` reads where no path is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputMode {
    /// `input.file`.
    File,
    /// `input.dir`.
    Dir,
}

/// Where outputs go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputMode {
    /// A folder below `output.local_dir`.
    Local,
    /// The bucket `output.s3_bucket`.
    S3,
}

/// When `raw.json` is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawOutput {
    /// Only where outputs go to S3.
    S3,
    /// Wherever outputs go.
    Always,
    /// Nowhere.
    Never,
}

impl InputMode {
    const NAMES: [&str; 2] = ["file", "dir"];

    fn parse(name: &str) -> Option<Self> {
        match name {
            "file" => Some(Self::File),
            "dir" => Some(Self::Dir),
            _ => None,
        }
    }
}

impl OutputMode {
    const NAMES: [&str; 2] = ["local", "s3"];

    fn parse(name: &str) -> Option<Self> {
        match name {
            "local" => Some(Self::Local),
            "s3" => Some(Self::S3),
            _ => None,
        }
    }
}

impl RawOutput {
    /// Whether `raw.json` is written to a place, which is on S3 or not.
    pub fn is_written(self, on_s3: bool) -> bool {
        match self {
            Self::S3 => on_s3,
            Self::Always => true,
            Self::Never => false,
        }
    }

    const NAMES: [&str; 3] = ["s3", "always", "never"];

    fn parse(name: &str) -> Option<Self> {
        match name {
            "s3" => Some(Self::S3),
            "always" => Some(Self::Always),
            "never" => Some(Self::Never),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// Every setting, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// What is read where no path is given.
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
    /// Its region, where it is not the default one.
    pub output_s3_region: Option<String>,
    /// When `raw.json` is written.
    pub output_raw: RawOutput,
    /// Whether an uploaded payload outlives its job.
    pub keep_input: bool,
    /// What a request may choose as `model_id`; the configured model if nothing is said.
    pub allowed_models: Vec<String>,
    /// The model to be fine-tuned.
    pub model_id: String,
    /// A tokenizer that is used instead of looking the model up.
    pub tokenizer: Option<String>,
    /// Fail rather than count with a fallback.
    pub require_exact_tokenizer: bool,
    /// What shapes the result.
    pub pipeline: Settings,
    target_name: Option<String>,
    date_limit: Option<String>,
}

impl Default for Configuration {
    fn default() -> Self {
        let model_id = "meta-llama/Llama-3.2-1B".to_owned();
        Self {
            input_mode: InputMode::File,
            input_file: "./data/raw/result.json".into(),
            input_dir: "./data/raw/chats/".into(),
            output_modes: vec![OutputMode::Local],
            output_local_dir: "./data/processed/".into(),
            output_s3_bucket: None,
            output_s3_region: None,
            output_raw: RawOutput::S3,
            keep_input: false,
            allowed_models: vec![model_id.clone()],
            model_id,
            tokenizer: None,
            require_exact_tokenizer: false,
            pipeline: Settings::default(),
            target_name: None,
            date_limit: None,
        }
    }
}

impl Configuration {
    /// Merges the layers over the defaults.
    ///
    /// # Errors
    /// If a layer can't be read, a key is unknown or a value is not allowed.
    pub fn load(layers: Layers) -> Result<Self, SettingsError> {
        Self::from_given(layers.merge()?)
    }

    /// The configuration that [`Self::to_json`] wrote, whatever is configured now.
    ///
    /// # Errors
    /// If it is not what was written.
    pub fn from_json(frozen: &Map<String, Value>) -> Result<Self, SettingsError> {
        Self::from_given(layers::frozen(frozen)?)
    }

    /// This configuration with the values of a request over it.
    ///
    /// # Errors
    /// If a key is unknown or a value is not allowed.
    pub fn with_request(&self, values: Vec<(String, String)>) -> Result<Self, SettingsError> {
        let mut given = layers::frozen(&self.to_json())?;
        layers::add_request(&mut given, values)?;
        let merged = Self::from_given(given)?;
        Ok(Self {
            allowed_models: self.allowed_models.clone(),
            keep_input: self.keep_input,
            ..merged
        })
    }

    fn from_given(given: BTreeMap<String, Given>) -> Result<Self, SettingsError> {
        let mut configuration = Self::default();
        let (mut min, mut max) = (None, None);
        for given in given.values() {
            match given.key.as_str() {
                "min_tokens_per_block" => min = Some(given.number(0)?),
                "max_tokens_per_block" => max = Some(given.number(1)?),
                _ => configuration.set(given)?,
            }
        }
        configuration.pipeline.limits = TokenLimits::new(
            min.unwrap_or(TokenLimits::DEFAULT_MIN),
            max.unwrap_or(TokenLimits::DEFAULT_MAX),
        )?;
        if !given.contains_key("allowed_models") {
            configuration.allowed_models = vec![configuration.model_id.clone()];
        }
        Ok(configuration)
    }

    fn set(&mut self, given: &Given) -> Result<(), SettingsError> {
        let path = || -> Result<PathBuf, SettingsError> {
            Ok(given
                .filled_text()?
                .ok_or_else(|| given.wrong("a path"))?
                .into())
        };
        let pipeline = &mut self.pipeline;
        match given.key.as_str() {
            "input.mode" => self.input_mode = given.one_of(&InputMode::NAMES, InputMode::parse)?,
            "input.file" => self.input_file = path()?,
            "input.dir" => self.input_dir = path()?,
            "output.modes" => {
                self.output_modes = given.some_of(&OutputMode::NAMES, OutputMode::parse)?;
            }
            "output.local_dir" => self.output_local_dir = path()?,
            "output.s3_bucket" => self.output_s3_bucket = given.filled_text()?,
            "output.s3_region" => self.output_s3_region = given.filled_text()?,
            "output.raw" => self.output_raw = given.one_of(&RawOutput::NAMES, RawOutput::parse)?,
            "keep_input" => self.keep_input = given.flag()?,
            "allowed_models" => self.allowed_models = given.list()?,
            "model_id" => {
                self.model_id = given
                    .filled_text()?
                    .ok_or_else(|| given.wrong("a model's name"))?;
            }
            "tokenizer" => self.tokenizer = given.filled_text()?,
            "require_exact_tokenizer" => self.require_exact_tokenizer = given.flag()?,
            "target_name" => {
                self.target_name = given.filled_text()?;
                pipeline.target = self.target_name.as_deref().map(Target::parse);
            }
            "system_prompt" => pipeline.system_prompt = given.filled_text()?,
            "date_limit" => {
                self.date_limit = given.filled_text()?.filter(|text| !is_none(text));
                pipeline.date_limit = match &self.date_limit {
                    None => None,
                    Some(text) => Some(DateLimit::parse(text).ok_or_else(|| {
                        given.wrong("an ISO 8601 date or date-time such as 2024-01-31, or null")
                    })?),
                };
            }
            "chat_types" => {
                let known = |name: &str| CHAT_TYPES.contains(&name).then(|| name.to_owned());
                pipeline.chat_types = given.some_of(&CHAT_TYPES, known)?;
            }
            "salvage" => pipeline.salvage = given.flag()?,
            "convo_block_threshold_secs" => {
                pipeline.threshold = Duration::from_secs(given.number(0)?.into());
            }
            "message_delimiter" => {
                pipeline.message_delimiter = given.text()?.unwrap_or_default();
            }
            "token_budget" => {
                pipeline.token_budget =
                    given.one_of(TokenBudget::NAMES, |name| name.parse().ok())?;
            }
            "role_order" => {
                pipeline.role_order = given.one_of(RoleOrder::NAMES, |name| name.parse().ok())?;
            }
            other => unreachable!("`{other}` is no key"),
        }
        Ok(())
    }

    /// The settings that shape a result, as `stats.json` keeps them: the same for the same result,
    /// so without the places that things are read from and written to.
    pub fn to_json(&self) -> Map<String, Value> {
        let pipeline = &self.pipeline;
        let budget = match pipeline.token_budget {
            TokenBudget::Content => "content",
            TokenBudget::Rendered => "rendered",
        };
        let order = match pipeline.role_order {
            RoleOrder::AsIs => "as_is",
            RoleOrder::UserFirst => "user_first",
        };
        let pairs = [
            ("model_id", json!(self.model_id)),
            ("tokenizer", json!(self.tokenizer)),
            (
                "require_exact_tokenizer",
                json!(self.require_exact_tokenizer),
            ),
            ("target_name", json!(self.target_name)),
            ("system_prompt", json!(pipeline.system_prompt)),
            ("date_limit", json!(self.date_limit)),
            ("chat_types", json!(pipeline.chat_types)),
            ("salvage", json!(pipeline.salvage)),
            (
                "convo_block_threshold_secs",
                json!(pipeline.threshold.as_secs()),
            ),
            ("min_tokens_per_block", json!(pipeline.limits.min())),
            ("max_tokens_per_block", json!(pipeline.limits.max())),
            ("message_delimiter", json!(pipeline.message_delimiter)),
            ("token_budget", json!(budget)),
            ("role_order", json!(order)),
            ("output.raw", json!(self.output_raw.name())),
            ("keep_input", json!(self.keep_input)),
        ];
        pairs
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    }
}

/// What the original's users write for "no limit".
fn is_none(text: &str) -> bool {
    matches!(text.trim(), "" | "null" | "None" | "none")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(
        yaml: &str,
        environment: &[(&str, &str)],
        overrides: &[(&str, &str)],
    ) -> Result<Configuration, SettingsError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yaml");
        std::fs::write(&file, yaml).unwrap();
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        };
        Configuration::load(Layers {
            file: Some(file),
            environment: owned(environment).into_iter().collect(),
            overrides: owned(overrides),
            overrides_origin: "the command line",
        })
    }

    fn error(yaml: &str, environment: &[(&str, &str)], overrides: &[(&str, &str)]) -> String {
        let text = load(yaml, environment, overrides).unwrap_err().to_string();
        // The file's folder is a temporary one.
        match (text.find("(from /"), text.find("config.yaml)")) {
            (Some(start), Some(end)) => format!("{}(from {}", &text[..start], &text[end..]),
            _ => text,
        }
    }

    #[test]
    fn an_empty_file_changes_no_default() {
        assert_eq!(load("", &[], &[]).unwrap(), Configuration::default());
    }

    #[test]
    fn the_shipped_file_holds_the_defaults() {
        let shipped = include_str!("../../../conf/config.yaml");
        assert_eq!(load(shipped, &[], &[]).unwrap(), Configuration::default());
    }

    #[test]
    fn later_layers_win() {
        let yaml = "min_tokens_per_block: 1\nmax_tokens_per_block: 2\noutput:\n  local_dir: a\n";
        let environment = [
            ("RESONARE_MAX_TOKENS_PER_BLOCK", "20"),
            ("RESONARE_OUTPUT__LOCAL_DIR", "b"),
            ("OTHER", "x"),
        ];
        let configuration = load(yaml, &environment, &[("output.local_dir", "c")]).unwrap();
        assert_eq!(
            configuration.pipeline.limits,
            TokenLimits::new(1, 20).unwrap()
        );
        assert_eq!(configuration.output_local_dir, PathBuf::from("c"));
    }

    #[test]
    fn both_spellings_of_the_threshold_are_read() {
        let seconds = |configuration: Configuration| configuration.pipeline.threshold.as_secs();
        assert_eq!(
            seconds(load("convo_block_thereshold_secs: 7", &[], &[]).unwrap()),
            7
        );
        assert_eq!(
            seconds(load("convo_block_threshold_secs: 8", &[], &[]).unwrap()),
            8
        );
        let environment = [("RESONARE_CONVO_BLOCK_THERESHOLD_SECS", "9")];
        assert_eq!(
            seconds(load("convo_block_threshold_secs: 8", &environment, &[]).unwrap()),
            9
        );
    }

    #[test]
    fn a_frozen_configuration_is_the_same_whatever_is_configured_later() {
        let overrides = [
            ("target_name", "user5"),
            ("system_prompt", "a, b"),
            ("date_limit", "2024-01-31"),
            ("chat_types", "bot_chat,personal_chat"),
            ("salvage", "true"),
            ("message_delimiter", ""),
            ("min_tokens_per_block", "0"),
            ("role_order", "user_first"),
            ("token_budget", "rendered"),
            ("output.raw", "always"),
            ("keep_input", "true"),
        ];
        for overrides in [&[][..], &overrides] {
            let configuration = load("", &[], overrides).unwrap();
            let frozen = configuration.to_json();
            let thawed = Configuration::from_json(&frozen).unwrap();
            assert_eq!(thawed.to_json(), frozen);
            assert_eq!(thawed.pipeline, configuration.pipeline);
        }
    }

    #[test]
    fn none_is_written_in_several_ways() {
        for yaml in [
            "date_limit: null",
            "date_limit:",
            "date_limit: None",
            "date_limit: ''",
        ] {
            assert_eq!(
                load(yaml, &[], &[]).unwrap().pipeline.date_limit,
                None,
                "{yaml}"
            );
        }
        assert!(
            load("date_limit: 2024-01-31", &[], &[])
                .unwrap()
                .pipeline
                .date_limit
                .is_some()
        );
    }

    #[test]
    fn lists_are_lists_or_names_with_commas() {
        let types = |configuration: Configuration| configuration.pipeline.chat_types;
        let yaml = "chat_types: [personal_chat, private_group]";
        assert_eq!(
            types(load(yaml, &[], &[]).unwrap()),
            ["personal_chat", "private_group"]
        );
        let environment = [("RESONARE_CHAT_TYPES", "bot_chat, personal_chat")];
        assert_eq!(
            types(load("", &environment, &[]).unwrap()),
            ["bot_chat", "personal_chat"]
        );
    }

    #[test]
    fn errors_name_key_value_origin_and_what_is_allowed() {
        insta::assert_snapshot!(error("max_tokens_per_block: many", &[], &[]), @r#"max_tokens_per_block: "many" (from config.yaml) is not allowed; expected a whole number from 1 to 4294967295"#);
        insta::assert_snapshot!(error("", &[("RESONARE_SALVAGE", "maybe")], &[]), @r#"salvage: "maybe" (from the environment) is not allowed; expected true or false"#);
        insta::assert_snapshot!(error("", &[], &[("date_limit", "soon")]), @r#"date_limit: "soon" (from the command line) is not allowed; expected an ISO 8601 date or date-time such as 2024-01-31, or null"#);
        insta::assert_snapshot!(error("role_order: 5", &[], &[]), @"role_order: 5 (from config.yaml) is not allowed; expected one of as_is, user_first");
        insta::assert_snapshot!(error("min_tokens_per_block: 800", &[], &[]), @"min_tokens_per_block (800) must be below max_tokens_per_block (800)");
        assert!(
            error("tokeniser: x", &[], &[]).starts_with("unknown configuration key `tokeniser`")
        );
        assert!(
            error("output: {dir: x}", &[], &[])
                .starts_with("unknown configuration key `output.dir`")
        );
        assert!(
            error("chat_types: [personal]", &[], &[])
                .contains("expected one or more of saved_messages")
        );
        assert!(error("a: [", &[], &[]).starts_with("failed to read the configuration"));
    }
}
