//! Reading single values.

use config::ValueKind;
use resonare_pipeline::TokenLimitsError;

use crate::layers::KEYS;

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A layer can't be read at all.
    #[error("failed to read the configuration from {origin}: {problem}")]
    Unreadable {
        /// The layer.
        origin: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A key that does not exist.
    #[error("unknown configuration key `{key}` (from {origin}); the keys are {}", KEYS[..KEYS.len() - 1].join(", "))]
    UnknownKey {
        /// The key.
        key: String,
        /// The layer.
        origin: String,
    },
    /// A value that its key does not allow.
    #[error("{key}: {value} (from {origin}) is not allowed; expected {allowed}")]
    WrongValue {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// The layer.
        origin: String,
        /// What would be allowed.
        allowed: String,
    },
    /// Two values that do not go together.
    #[error(transparent)]
    Limits(#[from] TokenLimitsError),
}

/// A value that some layer gave for a key.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) key: String,
    pub(crate) value: ValueKind,
    pub(crate) origin: String,
}

impl Given {
    pub(crate) fn wrong(&self, allowed: impl Into<String>) -> SettingsError {
        let value = match &self.value {
            ValueKind::String(text) => format!("{text:?}"),
            ValueKind::Nil => "null".to_owned(),
            ValueKind::Table(_) => "a group of keys".to_owned(),
            other => other.to_string(),
        };
        SettingsError::WrongValue {
            key: self.key.clone(),
            value,
            origin: self.origin.clone(),
            allowed: allowed.into(),
        }
    }

    /// A string; none where the value is null.
    pub(crate) fn text(&self) -> Result<Option<String>, SettingsError> {
        match &self.value {
            ValueKind::Nil => Ok(None),
            ValueKind::String(text) => Ok(Some(text.clone())),
            _ => Err(self.wrong("a string (in quotes)")),
        }
    }

    /// A string; none where the value is null or empty.
    pub(crate) fn filled_text(&self) -> Result<Option<String>, SettingsError> {
        Ok(self.text()?.filter(|text| !text.is_empty()))
    }

    pub(crate) fn flag(&self) -> Result<bool, SettingsError> {
        match &self.value {
            ValueKind::Boolean(flag) => Ok(*flag),
            ValueKind::String(text) if text == "true" => Ok(true),
            ValueKind::String(text) if text == "false" => Ok(false),
            _ => Err(self.wrong("true or false")),
        }
    }

    pub(crate) fn number(&self, least: u32) -> Result<u32, SettingsError> {
        let number = match &self.value {
            ValueKind::I64(number) => u32::try_from(*number).ok(),
            ValueKind::U64(number) => u32::try_from(*number).ok(),
            ValueKind::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let in_range = number.filter(|number| *number >= least);
        in_range.ok_or_else(|| self.wrong(format!("a whole number from {least} to {}", u32::MAX)))
    }

    /// A list, or a string with commas.
    pub(crate) fn list(&self) -> Result<Vec<String>, SettingsError> {
        const ALLOWED: &str = "a list, or names with commas between them";
        match &self.value {
            ValueKind::Array(values) => values
                .iter()
                .map(|value| match &value.kind {
                    ValueKind::String(text) => Ok(text.clone()),
                    _ => Err(self.wrong(ALLOWED)),
                })
                .collect(),
            ValueKind::String(text) => Ok(text
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect()),
            _ => Err(self.wrong(ALLOWED)),
        }
    }

    /// One of a few names.
    pub(crate) fn one_of<T>(
        &self,
        names: &[&str],
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, SettingsError> {
        let text = match &self.value {
            ValueKind::String(text) => text.as_str(),
            _ => "",
        };
        parse(text).ok_or_else(|| self.wrong(format!("one of {}", names.join(", "))))
    }

    /// A list of such names, not empty.
    pub(crate) fn some_of<T>(
        &self,
        names: &[&str],
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, SettingsError> {
        let chosen: Option<Vec<T>> = self.list()?.iter().map(|name| parse(name)).collect();
        chosen
            .filter(|chosen| !chosen.is_empty())
            .ok_or_else(|| self.wrong(format!("one or more of {}", names.join(", "))))
    }
}
