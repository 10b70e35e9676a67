//! The description of the API, made from the routes themselves.

mod security;

use axum::http::StatusCode;
use resonare_settings::{Configuration, Key};
use utoipa::OpenApi as _;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, Header, OpenApi, Ref, RefOr, Required, ResponseBuilder};

use crate::api::CallerProof;
use crate::key_schemas;
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

/// The description of all routes, as OpenAPI 3.1, where requests come on top of this configuration and give this
/// proof.
pub fn openapi(configuration: &Configuration, proof: CallerProof) -> OpenApi {
    let mut description = Description::openapi();
    description.merge(routes::ingress().into_openapi());
    description.merge(routes::status().into_openapi());
    let process = description.paths.paths.get_mut("/data-prep/process");
    if let Some(process) = process.and_then(|item| item.post.as_mut()) {
        let parameters = process.parameters.get_or_insert_default();
        parameters.push(idempotency_key().into());
        let keys = Key::of_requests().filter(|key| key.is_for_queries());
        parameters.extend(keys.map(|key| key_schemas::query_parameter(key).into()));
    }
    let components = description.components.get_or_insert_default();
    let schemas = key_schemas::schemas(configuration);
    components.schemas.extend(schemas);
    security::describe(&mut description, proof);
    for (path, item) in &mut description.paths.paths {
        let operations = [
            &mut item.get,
            &mut item.post,
            &mut item.put,
            &mut item.delete,
        ];
        for operation in operations.into_iter().flatten() {
            match proof {
                CallerProof::Secret if path == HEALTH => operation.security = Some(Vec::new()),
                CallerProof::Secret => refuse_strangers(operation),
                CallerProof::None | CallerProof::Signature | CallerProof::JsonWebToken => {}
            }
            describe_responses(operation);
        }
    }
    description
}

fn idempotency_key() -> Parameter {
    let key = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(255))
        .pattern(Some("^[!-~]*$"));
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "For 24 hours, the same key with the same body and configuration refers to the same job",
        ))
        .schema(Some(key))
        .build()
}

/// Health checks don't know the secret.
const HEALTH: &str = "/data-prep/system/health";

/// What a caller without the secret is told.
fn refuse_strangers(operation: &mut Operation) {
    let problem = RefOr::Ref(Ref::from_schema_name("Problem"));
    let content = ContentBuilder::new().schema(Some(problem)).build();
    let refusal = ResponseBuilder::new().content("application/problem+json", content);
    let responses = &mut operation.responses.responses;
    responses.insert("401".to_owned(), refusal.build().into());
}

/// Every response has a description, if only its status in words, and says where it is worth trying again.
fn describe_responses(operation: &mut Operation) {
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
        if matches!(&**status, "429" | "503") {
            let seconds = ObjectBuilder::new().schema_type(Type::Integer);
            let mut header = Header::new(seconds);
            header.description = Some("Seconds until it is worth trying again".to_owned());
            response
                .headers
                .insert("Retry-After".to_owned(), header.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn every_route_is_described() {
        let mut configuration = Configuration::default();
        configuration.allowed_models = vec!["a/b".to_owned()];
        let description = openapi(&configuration, CallerProof::None);
        let description = serde_json::to_value(description).unwrap();
        assert_eq!(description["openapi"], "3.1.0");
        let paths: Vec<_> = description["paths"].as_object().unwrap().keys().collect();
        assert_eq!(paths.len(), 10, "{paths:?}");
        let operations = description["paths"].as_object().unwrap().values();
        for operation in operations.flat_map(|path| path.as_object().unwrap().values()) {
            for response in operation["responses"].as_object().unwrap().values() {
                assert!(!response["description"].as_str().unwrap().is_empty());
            }
        }
        let schemas = &description["components"]["schemas"];
        let config = &schemas["RequestConfiguration"];
        let properties = config["properties"].as_object().unwrap();
        assert_eq!(properties.len(), Key::of_requests().count());
        assert_eq!(properties["min_tokens_per_block"]["x-default"], 300);
        assert_eq!(properties["system_prompt"]["x-default"], Value::Null);
        assert_eq!(schemas["ModelId"]["enum"][0], "a/b");
        assert_eq!(schemas["ChatType"]["enum"][0], "saved_messages");
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

    #[test]
    fn it_says_how_callers_prove_who_they_are() {
        let configuration = Configuration::default();
        let described = |proof| serde_json::to_value(openapi(&configuration, proof)).unwrap();
        let schemes = |description: &Value| description["components"]["securitySchemes"].clone();
        let open = described(CallerProof::None);
        assert_eq!(
            (&open["security"], schemes(&open)),
            (&Value::Null, Value::Null)
        );
        let secret = described(CallerProof::Secret);
        assert_eq!(secret["security"], json!([{"secret": []}]));
        assert_eq!(schemes(&secret)["secret"]["scheme"], "bearer");
        let health = &secret["paths"][HEALTH]["get"];
        assert_eq!(health["security"], json!([]));
        assert_eq!(health["responses"]["401"], Value::Null);
        let jobs = &secret["paths"]["/data-prep/jobs"]["get"];
        assert_eq!(jobs["responses"]["401"]["description"], "Unauthorized");
        let signed = described(CallerProof::Signature);
        assert_eq!(schemes(&signed)["sigv4"]["name"], "Authorization");
        let token = described(CallerProof::JsonWebToken);
        assert_eq!(schemes(&token)["jwt"]["bearerFormat"], "JWT");
    }
}
