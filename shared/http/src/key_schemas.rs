//! Configuration keys, as the description has them: each set of names is a schema of its own, so that generated
//! clients have one type for it.

use resonare_settings::{Configuration, Key, Kind, public};
use serde_json::{Map, Value};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{
    AdditionalProperties, AnyOfBuilder, ArrayBuilder, ObjectBuilder, Ref, Schema, Type,
};
use utoipa::openapi::{RefOr, Required};
use utoipa::{PartialSchema, ToSchema};

/// The name of the schema for the names that a key chooses among: `ChatType` of `chat_types`.
fn schema_name(key: Key) -> String {
    let words = key.name().split(['_', '.']);
    let capitalized = words.map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_ascii_uppercase() + rest
    });
    let name: String = capitalized.collect();
    match name.strip_suffix('s') {
        Some(one) if key.entry().kind.is_list() => one.to_owned(),
        _ => name,
    }
}

/// The names that a key chooses among, if there is a fixed set of them.
fn names(key: Key, models: &[String]) -> Option<Vec<&str>> {
    match key.entry().kind {
        Kind::Model => Some(models.iter().map(String::as_str).collect()),
        Kind::OneOf(names)
        | Kind::OptionalOneOf(names)
        | Kind::SomeOf(names)
        | Kind::AnyOf(names) => Some(names.to_vec()),
        Kind::Text
        | Kind::TextOrEmpty
        | Kind::Name
        | Kind::Path
        | Kind::Models
        | Kind::Flag
        | Kind::Number { .. }
        | Kind::Date
        | Kind::Texts
        | Kind::Fraction => None,
    }
}

/// The schemas of keys of requests that come on top of this configuration, and of the names that they refer to.
pub(crate) fn schemas(operator: &Configuration) -> Vec<(String, RefOr<Schema>)> {
    let models = &operator.allowed_models;
    let of_names = Key::of_requests().filter_map(|key| {
        let names = object(Type::String).enum_values(Some(names(key, models)?));
        let described = names.description(Some(key.entry().help));
        Some((schema_name(key), described.into()))
    });
    let of_keys = (
        RequestConfiguration::name().into_owned(),
        keys(&public(operator.to_json())).into(),
    );
    of_names.chain([of_keys]).collect()
}

fn object(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind)
}

/// What a key takes.
fn schema_of(key: Key) -> RefOr<Schema> {
    let name = || RefOr::Ref(Ref::from_schema_name(schema_name(key)));
    match key.entry().kind {
        // Dates have more forms than the formats of JSON Schema, and their help says which.
        Kind::Text | Kind::TextOrEmpty | Kind::Name | Kind::Path | Kind::Date => {
            object(Type::String).into()
        }
        Kind::Model | Kind::OneOf(_) | Kind::OptionalOneOf(_) => name(),
        Kind::Models | Kind::Texts => ArrayBuilder::new().items(object(Type::String)).into(),
        Kind::Flag => object(Type::Boolean).into(),
        Kind::Number { least, most } => {
            let number = object(Type::Integer);
            number.minimum(Some(least)).maximum(Some(most)).into()
        }
        Kind::SomeOf(_) => ArrayBuilder::new().items(name()).min_items(Some(1)).into(),
        Kind::AnyOf(_) => ArrayBuilder::new().items(name()).into(),
        Kind::Fraction => {
            let number = object(Type::Number).minimum(Some(0.0));
            number.exclusive_maximum(Some(1.0)).into()
        }
    }
}

/// A key in a query.
pub(crate) fn query_parameter(key: Key) -> Parameter {
    let entry = key.entry();
    // A list is one value, its parts joined by commas.
    let explode = entry.kind.is_list().then_some(false);
    ParameterBuilder::new()
        .name(entry.name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(entry.help))
        .schema(Some(schema_of(key)))
        .explode(explode)
        .build()
}

/// The configuration that comes with an upload.
pub(crate) struct RequestConfiguration;

impl PartialSchema for RequestConfiguration {
    fn schema() -> RefOr<Schema> {
        keys(&Map::new()).into()
    }
}

impl ToSchema for RequestConfiguration {}

/// The keys of requests. What the operator has set counts where a request says nothing: not as a `default`, which
/// generated clients would send, so that it counted as what the request says.
fn keys(operator: &Map<String, Value>) -> Schema {
    let mut keys = object(Type::Object)
        .description(Some(
            "Configuration keys and their values; null stands for none.",
        ))
        .additional_properties(Some(AdditionalProperties::FreeForm(false)));
    for key in Key::of_requests() {
        let set = operator.get(key.name()).filter(|value| !value.is_null());
        // The description is for everybody; the target is a person.
        let set = set.filter(|_| key.is_for_queries() && key != Key::TargetName);
        let extension = set.map(|value| ExtensionsBuilder::new().add("x-default", value.clone()));
        let value = AnyOfBuilder::new()
            .description(Some(key.entry().help))
            .item(schema_of(key))
            .item(object(Type::Null))
            .extensions(extension.map(ExtensionsBuilder::build));
        keys = keys.property(key.name(), value);
    }
    keys.into()
}
