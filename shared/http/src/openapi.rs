//! The description of the API, made from the routes themselves.

use axum::http::StatusCode;
use resonare_settings::{Key, Kind};
use utoipa::OpenApi as _;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{
    AdditionalProperties, AnyOfBuilder, ArrayBuilder, ObjectBuilder, Schema, SchemaFormat, Type,
};
use utoipa::openapi::{OpenApi, PathItem, RefOr, Required};

use crate::routes;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Resonare Data Prep",
        description = "Turns Telegram exports into token-bounded conversation blocks for fine-tuning a \
            language model. Errors are problem documents (RFC 9457). Times are RFC 3339, UTC."
    ),
    tags(
        (name = "submission", description = "Submitting exports"),
        (name = "jobs", description = "Jobs and their results"),
        (name = "system", description = "The state of the service"),
    )
)]
struct Description;

/// The description of all routes, as OpenAPI 3.1, where a request may choose among these models.
pub fn openapi(models: &[String]) -> OpenApi {
    let mut description = Description::openapi();
    description.merge(routes::ingress().into_openapi());
    description.merge(routes::status().into_openapi());
    let process = description.paths.paths.get_mut("/data-prep/process");
    if let Some(process) = process.and_then(|item| item.post.as_mut()) {
        let parameters = process.parameters.get_or_insert_default();
        let keys = Key::of_requests().filter(|key| key.is_for_queries());
        parameters.extend(keys.map(|key| query_parameter(key, models).into()));
    }
    let schemas = description.components.as_mut().map(|all| &mut all.schemas);
    if let Some(RefOr::T(Schema::Object(upload))) =
        schemas.and_then(|schemas| schemas.get_mut("UploadRequest"))
    {
        let config = upload_configuration(models);
        upload.properties.insert("config".to_owned(), config.into());
    }
    for item in description.paths.paths.values_mut() {
        describe_responses(item);
    }
    description
}

/// Every response has a description, if only its status in words.
fn describe_responses(item: &mut PathItem) {
    let operations = [
        &mut item.get,
        &mut item.post,
        &mut item.put,
        &mut item.delete,
    ];
    for operation in operations.into_iter().flatten() {
        for (status, response) in &mut operation.responses.responses {
            let RefOr::T(response) = response else {
                continue;
            };
            let words = StatusCode::from_bytes(status.as_bytes())
                .ok()
                .and_then(|status| status.canonical_reason());
            if let Some(words) = words.filter(|_| response.description.is_empty()) {
                words.clone_into(&mut response.description);
            }
        }
    }
}

/// What a configuration key takes.
fn schema_of(key: Key, models: &[String]) -> Schema {
    let object = |kind| ObjectBuilder::new().schema_type(kind);
    let one_of = |names: &[&str]| object(Type::String).enum_values(Some(names.iter().copied()));
    let format = |name: &str| {
        let format = SchemaFormat::Custom(name.to_owned());
        object(Type::String).format(Some(format))
    };
    match key.entry().kind {
        Kind::Text | Kind::TextOrEmpty | Kind::Name | Kind::Path => {
            Schema::from(object(Type::String))
        }
        Kind::Model => {
            let models: Vec<_> = models.iter().map(String::as_str).collect();
            Schema::from(one_of(&models))
        }
        Kind::Models | Kind::Texts => Schema::from(ArrayBuilder::new().items(object(Type::String))),
        Kind::Flag => Schema::from(object(Type::Boolean)),
        Kind::Number { least, most } => {
            let number = object(Type::Integer);
            Schema::from(number.minimum(Some(least)).maximum(Some(most)))
        }
        Kind::Date => Schema::from(
            AnyOfBuilder::new()
                .item(format("date"))
                .item(format("date-time"))
                .item(one_of(&["", "null", "None"])),
        ),
        Kind::OneOf(names) => Schema::from(one_of(names)),
        Kind::OptionalOneOf(names) => {
            let names = names.iter().copied().chain([""]);
            Schema::from(object(Type::String).enum_values(Some(names)))
        }
        Kind::SomeOf(names) => {
            Schema::from(ArrayBuilder::new().items(one_of(names)).min_items(Some(1)))
        }
        Kind::AnyOf(names) => Schema::from(ArrayBuilder::new().items(one_of(names))),
        Kind::Fraction => {
            let number = object(Type::Number).minimum(Some(0.0));
            Schema::from(number.exclusive_maximum(Some(1.0)))
        }
    }
}

/// A configuration key in a query.
fn query_parameter(key: Key, models: &[String]) -> Parameter {
    let entry = key.entry();
    // A list is one value, its parts joined by commas.
    let explode = entry.kind.is_list().then_some(false);
    ParameterBuilder::new()
        .name(entry.name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(entry.help))
        .schema(Some(schema_of(key, models)))
        .explode(explode)
        .build()
}

/// The configuration that comes with an upload.
fn upload_configuration(models: &[String]) -> Schema {
    let none = || ObjectBuilder::new().schema_type(Type::Null);
    let mut keys = ObjectBuilder::new()
        .schema_type(Type::Object)
        .additional_properties(Some(AdditionalProperties::FreeForm(false)));
    for key in Key::of_requests() {
        let value = AnyOfBuilder::new()
            .description(Some(key.entry().help))
            .item(schema_of(key, models));
        keys = keys.property(key.name(), value.item(none()));
    }
    Schema::from(AnyOfBuilder::new().item(keys).item(none()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described() {
        let models = ["a/b".to_owned()];
        let description = serde_json::to_value(openapi(&models)).unwrap();
        assert_eq!(description["openapi"], "3.1.0");
        let paths: Vec<_> = description["paths"].as_object().unwrap().keys().collect();
        assert_eq!(paths.len(), 10, "{paths:?}");
        let operations = description["paths"].as_object().unwrap().values();
        for operation in operations.flat_map(|path| path.as_object().unwrap().values()) {
            for response in operation["responses"].as_object().unwrap().values() {
                assert!(!response["description"].as_str().unwrap().is_empty());
            }
        }
        let config = &description["components"]["schemas"]["UploadRequest"]["properties"]["config"];
        let properties = config["anyOf"][0]["properties"].as_object().unwrap();
        assert_eq!(properties.len(), Key::of_requests().count());
        assert_eq!(properties["model_id"]["anyOf"][0]["enum"][0], "a/b");
        let parameters = &description["paths"]["/data-prep/process"]["post"]["parameters"];
        let names: Vec<_> = parameters
            .as_array()
            .unwrap()
            .iter()
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        for key in Key::of_requests() {
            let name = key.name();
            assert!(properties.contains_key(name), "{name}");
            assert_eq!(names.contains(&name), key.is_for_queries(), "{name}");
        }
    }
}
