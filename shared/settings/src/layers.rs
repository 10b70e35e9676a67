//! Where values come from, and which one counts.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use config::{Config, Environment, File, FileFormat, ValueKind};

use serde_json::{Map, Value};

use crate::value::{Given, SettingsError};

/// Read if it exists and no other file is named.
pub const DEFAULT_FILE: &str = "conf/config.yaml";

/// Every key there is.
pub const KEYS: [&str; 25] = [
    "input.mode",
    "input.file",
    "input.dir",
    "output.modes",
    "output.local_dir",
    "output.s3_bucket",
    "output.s3_region",
    "output.raw",
    "keep_input",
    "allowed_models",
    "model_id",
    "tokenizer",
    "require_exact_tokenizer",
    "target_name",
    "system_prompt",
    "date_limit",
    "chat_types",
    "salvage",
    THRESHOLD,
    "min_tokens_per_block",
    "max_tokens_per_block",
    "message_delimiter",
    "token_budget",
    "role_order",
    MISSPELT_THRESHOLD,
];

const THRESHOLD: &str = "convo_block_threshold_secs";
/// The spelling of the original's configuration file.
const MISSPELT_THRESHOLD: &str = "convo_block_thereshold_secs";

/// What a request may set: what concerns its own data.
pub const REQUEST_KEYS: [&str; 12] = [
    "target_name",
    "system_prompt",
    "date_limit",
    "chat_types",
    "salvage",
    THRESHOLD,
    "min_tokens_per_block",
    "max_tokens_per_block",
    "message_delimiter",
    "token_budget",
    "role_order",
    "model_id",
];

/// The layers above the built-in defaults.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// A file that must exist; without it [`DEFAULT_FILE`] is read if it is there.
    pub file: Option<PathBuf>,
    /// Environment variables; those that begin with `RESONARE_` count.
    pub environment: HashMap<String, String>,
    /// Keys and values of the command line or a request.
    pub overrides: Vec<(String, String)>,
    /// How errors call the last layer.
    pub overrides_origin: &'static str,
}

impl Layers {
    /// The value of each key that was given, from the latest layer that gives it.
    pub(crate) fn merge(self) -> Result<BTreeMap<String, Given>, SettingsError> {
        let mut merged = BTreeMap::new();
        let file = self.file.or_else(|| {
            let default = Path::new(DEFAULT_FILE);
            default.exists().then(|| default.to_owned())
        });
        if let Some(path) = file {
            let origin = path.display().to_string();
            add(&mut merged, from_file(path)?, &origin)?;
        }
        let environment = Environment::with_prefix("RESONARE")
            .prefix_separator("_")
            .separator("__")
            .source(Some(self.environment.clone()));
        let environment = Config::builder()
            .add_source(environment)
            .build()
            .map_err(|error| SettingsError::Unreadable {
                origin: "the environment".to_owned(),
                problem: error.to_string(),
            })?;
        add(&mut merged, flatten(environment), "the environment")?;
        let overrides = self
            .overrides
            .into_iter()
            .map(|(key, value)| (key, ValueKind::String(value)));
        add(&mut merged, overrides.collect(), self.overrides_origin)?;
        Ok(merged)
    }
}

type Flat = Vec<(String, ValueKind)>;

fn add(
    merged: &mut BTreeMap<String, Given>,
    layer: Flat,
    origin: &str,
) -> Result<(), SettingsError> {
    let correctly_spelt = layer.iter().any(|(key, _)| key == THRESHOLD);
    for (key, value) in layer {
        if !KEYS.contains(&key.as_str()) {
            return Err(SettingsError::UnknownKey {
                key,
                origin: origin.to_owned(),
            });
        }
        if key == MISSPELT_THRESHOLD && correctly_spelt {
            continue;
        }
        let key = if key == MISSPELT_THRESHOLD {
            THRESHOLD.to_owned()
        } else {
            key
        };
        merged.insert(
            key.clone(),
            Given {
                key,
                value,
                origin: origin.to_owned(),
            },
        );
    }
    Ok(())
}

fn from_file(path: PathBuf) -> Result<Flat, SettingsError> {
    let origin = path.display().to_string();
    let config = Config::builder()
        .add_source(File::from(path).format(FileFormat::Yaml))
        .build()
        .map_err(|error| SettingsError::Unreadable {
            origin,
            problem: error.to_string(),
        })?;
    Ok(flatten(config))
}

/// Keys with dots, and their values; only the groups `input` and `output` are tables.
fn flatten(config: Config) -> Flat {
    let mut flat = Vec::new();
    let tables = config.cache.into_table().unwrap_or_default();
    for (key, value) in tables {
        match value.kind {
            ValueKind::Table(table) => {
                let inner = table
                    .into_iter()
                    .map(|(name, value)| (format!("{key}.{name}"), value.kind));
                flat.extend(inner);
            }
            // An empty group of the file.
            ValueKind::Nil if matches!(key.as_str(), "input" | "output") => {}
            kind => flat.push((key, kind)),
        }
    }
    flat.sort_by(|a, b| a.0.cmp(&b.0));
    flat
}

fn as_strings(values: Vec<(String, String)>) -> Flat {
    values
        .into_iter()
        .map(|(key, value)| (key, ValueKind::String(value)))
        .collect()
}

/// Puts the values of a request over others.
pub(crate) fn add_request(
    merged: &mut BTreeMap<String, Given>,
    values: Vec<(String, String)>,
) -> Result<(), SettingsError> {
    add(merged, as_strings(values), "the request")
}

/// The values of a frozen configuration.
pub(crate) fn frozen(
    values: &Map<String, Value>,
) -> Result<BTreeMap<String, Given>, SettingsError> {
    let kind = |value: &Value| match value {
        Value::Null => ValueKind::Nil,
        Value::Bool(flag) => ValueKind::Boolean(*flag),
        Value::Number(number) => number.as_u64().map_or(ValueKind::Nil, ValueKind::U64),
        Value::String(text) => ValueKind::String(text.clone()),
        Value::Array(values) => {
            let names = values.iter().filter_map(Value::as_str);
            ValueKind::String(names.collect::<Vec<_>>().join(","))
        }
        Value::Object(_) => ValueKind::Table(config::Map::new()),
    };
    let mut merged = BTreeMap::new();
    let layer = values
        .iter()
        .map(|(key, value)| (key.clone(), kind(value)))
        .collect();
    add(&mut merged, layer, "the job's record")?;
    Ok(merged)
}
