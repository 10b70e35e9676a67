//! Where values come from.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::SettingsError;
use crate::file;
use crate::keys::Key;
use crate::misspelling::hint;

/// Read if it exists and no other file is named.
const DEFAULT_FILE: &str = "conf/config.yaml";

/// What the names of environment variables begin with, in lower case.
const PREFIX: &str = "resonare_";

/// The layers above the built-in defaults.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// A file that must exist; without it `conf/config.yaml` is read if it is there.
    pub file: Option<PathBuf>,
    /// Environment variables; those that begin with `RESONARE_` count.
    pub environment: HashMap<String, String>,
    /// Keys and values of the command line.
    pub overrides: Vec<(String, Value)>,
    /// The name of the last layer in errors.
    pub overrides_origin: &'static str,
}

/// The values of one layer, as they were given.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub(crate) origin: String,
    pub(crate) values: BTreeMap<Key, Value>,
    /// Whether a consumer set them.
    pub(crate) is_preset: bool,
}

impl Layers {
    /// Each layer by itself, the one that overrides the others last.
    pub(crate) fn read(self) -> Result<Vec<Layer>, SettingsError> {
        let mut layers = Vec::new();
        let file = self.file.or_else(|| {
            let default = Path::new(DEFAULT_FILE);
            default.exists().then(|| default.to_owned())
        });
        if let Some(path) = file {
            let origin = path.display().to_string();
            let values = file::read(&path).map_err(|problem| SettingsError::Unreadable {
                origin: origin.clone(),
                problem,
            })?;
            layers.push(Layer::new(&origin, values)?);
        }
        let environment = variables(self.environment);
        layers.push(Layer::new("the environment", environment)?);
        layers.push(Layer::new(self.overrides_origin, self.overrides)?);
        Ok(layers)
    }
}

impl Layer {
    /// A layer with these keys and values; of a key that comes twice, the later value counts, and of
    /// two spellings the right one.
    pub(crate) fn new(
        origin: &str,
        given: impl IntoIterator<Item = (String, Value)>,
    ) -> Result<Self, SettingsError> {
        let (mut values, mut misspelt) = (BTreeMap::new(), BTreeMap::new());
        for (name, value) in given {
            let Some(key) = Key::named(&name) else {
                return Err(unknown_key(name, origin));
            };
            if name == key.name() {
                values.insert(key, value);
            } else {
                misspelt.insert(key, value);
            }
        }
        for (key, value) in misspelt {
            values.entry(key).or_insert(value);
        }
        Ok(Self {
            origin: origin.to_owned(),
            values,
            is_preset: false,
        })
    }
}

/// `RESONARE_OUTPUT__RAW` sets `output.raw`.
fn variables(environment: HashMap<String, String>) -> Vec<(String, Value)> {
    let setting = |(name, value): (String, String)| {
        let name = name.to_lowercase();
        let key = name.strip_prefix(PREFIX)?.replace("__", ".");
        // A variable that has to be there can be left empty where that is no value.
        let takes_it = |key: Key| key.entry().kind.takes_empty_text();
        let is_left_empty = value.is_empty() && !Key::named(&key).is_none_or(takes_it);
        (!is_left_empty).then(|| (key, value.into()))
    };
    let mut values: Vec<(String, Value)> = environment.into_iter().filter_map(setting).collect();
    // Errors are to be the same each time.
    values.sort_by(|one, other| one.0.cmp(&other.0));
    values
}

fn unknown_key(key: String, origin: &str) -> SettingsError {
    SettingsError::UnknownKey {
        hint: hint(&key, Key::ALL),
        key,
        origin: origin.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn layer(given: &[(&str, Value)]) -> Result<Layer, SettingsError> {
        let owned = |(name, value): &(&str, Value)| ((*name).to_owned(), value.clone());
        Layer::new("here", given.iter().map(owned))
    }

    #[test]
    fn of_two_spellings_the_right_one_counts_whatever_their_order() {
        let right = ("convo_block_threshold_secs", json!(1));
        let misspelt = ("convo_block_thereshold_secs", json!(2));
        for given in [
            [right.clone(), misspelt.clone()],
            [misspelt.clone(), right.clone()],
        ] {
            let values = layer(&given).unwrap().values;
            assert_eq!(values[&Key::ConvoBlockThresholdSecs], 1);
        }
        let values = layer(&[misspelt]).unwrap().values;
        assert_eq!(values[&Key::ConvoBlockThresholdSecs], 2);
    }

    #[test]
    fn of_a_key_that_comes_twice_the_later_value_counts() {
        let given = [("target_name", json!("A")), ("target_name", json!("B"))];
        assert_eq!(layer(&given).unwrap().values[&Key::TargetName], "B");
    }

    #[test]
    fn a_variable_that_is_left_empty_sets_nothing_unless_that_is_a_value() {
        let given = [
            ("RESONARE_ROLE_ORDER", ""),
            ("RESONARE_SALVAGE", ""),
            ("RESONARE_MESSAGE_DELIMITER", ""),
            ("RESONARE_CONSUMER", ""),
        ];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let names: Vec<_> = variables(given.into())
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["consumer", "message_delimiter"]);
    }

    #[test]
    fn a_key_that_does_not_exist_is_named_with_the_one_that_was_probably_meant() {
        let error = |name| layer(&[(name, json!(1))]).unwrap_err().to_string();
        insta::assert_snapshot!(error("tokeniser"), @"unknown configuration key `tokeniser` (from here); did you mean `tokenizer`?");
        let far = error("colour");
        assert!(
            far.starts_with(
                "unknown configuration key `colour` (from here); expected one of model_id, "
            ),
            "{far}"
        );
    }
}
