//! Which value of a key applies, and where it comes from.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::str::FromStr;

use resonare_pipeline::Fraction;
use serde_json::Value;

use crate::error::SettingsError;
use crate::keys::Key;
use crate::layered::{given, value};
use crate::layers::Layer;
use crate::preset;
use crate::redaction;

/// The value of every key, checked. The layers stay, so that it can be said which one gave a value,
/// and so that others can be put over them.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    by_key: BTreeMap<Key, Value>,
    /// As they were given.
    layers: Vec<Layer>,
    /// With what a consumer sets among them.
    effective: Vec<Layer>,
}

/// The same values, wherever they come from.
impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        self.by_key == other.by_key
    }
}

impl Eq for Values {}

impl Values {
    /// Of each key the value of the last layer that gives one, else the default. What a consumer sets
    /// counts as a layer just below the one that names it.
    pub(crate) fn of(layers: Vec<Layer>) -> Result<Self, SettingsError> {
        let mut effective = layers.clone();
        if let Some((place, layer)) = preset::layer(&layers)? {
            effective.insert(place, layer);
        }
        if let Some((place, layer)) = redaction::layer(&effective)? {
            effective.insert(place, layer);
        }
        Self::resolve(layers, effective)
    }

    /// The same, where the layers already hold what a consumer sets.
    pub(crate) fn of_frozen(layers: Vec<Layer>) -> Result<Self, SettingsError> {
        Self::resolve(layers.clone(), layers)
    }

    fn resolve(layers: Vec<Layer>, effective: Vec<Layer>) -> Result<Self, SettingsError> {
        let values = Key::ALL
            .iter()
            .map(|&key| Ok((key, value(&effective, key)?)));
        Ok(Self {
            by_key: values.collect::<Result<_, SettingsError>>()?,
            layers,
            effective,
        })
    }

    /// These values with another one in place of what a consumer set.
    pub(crate) fn with_preset_value(mut self, key: Key, value: &str) -> Self {
        self.by_key.insert(key, value.into());
        for layer in self.effective.iter_mut().filter(|layer| layer.is_preset) {
            layer.values.insert(key, value.into());
        }
        self
    }

    /// Whether a value is one that a consumer set.
    pub(crate) fn is_from_preset(&self, key: Key) -> bool {
        given(&self.effective, key).is_some_and(|(layer, _)| layer.is_preset)
    }

    /// These values, with those of another layer over them.
    pub(crate) fn with(&self, layer: Layer) -> Result<Self, SettingsError> {
        Self::of([self.layers.clone(), vec![layer]].concat())
    }

    /// The layer that a value comes from, as errors call it.
    pub(crate) fn origin(&self, key: Key) -> String {
        let given = given(&self.effective, key);
        given.map_or_else(
            || "the defaults".to_owned(),
            |(layer, _)| layer.origin.clone(),
        )
    }

    /// A value as a job's record keeps it.
    pub(crate) fn json(&self, key: Key) -> &Value {
        &self.by_key[&key]
    }

    pub(crate) fn flag(&self, key: Key) -> bool {
        let flag = self.json(key).as_bool();
        flag.expect("the kind of the key makes its value a flag")
    }

    pub(crate) fn number(&self, key: Key) -> u32 {
        let number = self.json(key).as_u64();
        number
            .and_then(|number| number.try_into().ok())
            .expect("the kind of the key makes its value a number")
    }

    pub(crate) fn fraction(&self, key: Key) -> Fraction {
        let fraction = Fraction::parse(&self.json(key).to_string());
        fraction.expect("the kind of the key makes its value a fraction")
    }

    pub(crate) fn optional_text(&self, key: Key) -> Option<String> {
        self.json(key).as_str().map(str::to_owned)
    }

    pub(crate) fn text(&self, key: Key) -> String {
        self.optional_text(key)
            .expect("the kind of the key makes its value text")
    }

    /// A list of names, where one is set.
    pub(crate) fn optional_names(&self, key: Key) -> Option<Vec<String>> {
        let names = self.json(key).as_array()?.iter().filter_map(Value::as_str);
        Some(names.map(str::to_owned).collect())
    }

    pub(crate) fn names(&self, key: Key) -> Vec<String> {
        self.optional_names(key)
            .expect("the kind of the key makes its value a list")
    }

    pub(crate) fn choice<T: FromStr<Err: Debug>>(&self, key: Key) -> T {
        choice(&self.text(key))
    }

    pub(crate) fn choices<T: FromStr<Err: Debug>>(&self, key: Key) -> Vec<T> {
        self.names(key).iter().map(|name| choice(name)).collect()
    }
}

fn choice<T: FromStr<Err: Debug>>(name: &str) -> T {
    name.parse()
        .expect("the kind of the key allows the names of this type alone")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_layer_that_gives_a_key_counts_and_is_known() {
        let layer =
            |origin, key: Key, value| Layer::new(origin, [(key.name().to_owned(), value)]).unwrap();
        let values = Values::of(vec![
            layer("one", Key::Salvage, json!(true)),
            layer("two", Key::RoleOrder, json!("user_first")),
            layer("three", Key::RoleOrder, json!("as_is")),
        ]);
        let values = values.unwrap();
        assert!(values.flag(Key::Salvage));
        assert_eq!(values.text(Key::RoleOrder), "as_is");
        let origins = [Key::Salvage, Key::RoleOrder, Key::ModelId].map(|key| values.origin(key));
        assert_eq!(origins, ["one", "three", "the defaults"]);
        let over = values.with(layer("four", Key::RoleOrder, json!("user_first")));
        assert_eq!(over.unwrap().origin(Key::RoleOrder), "four");
    }

    #[test]
    fn a_value_that_a_later_layer_replaces_is_not_checked() {
        let layer = |value| Layer::new("x", [("salvage".to_owned(), json!(value))]).unwrap();
        assert!(Values::of(vec![layer("perhaps"), layer("true")]).is_ok());
        assert!(Values::of(vec![layer("true"), layer("perhaps")]).is_err());
    }
}
