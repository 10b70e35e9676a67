//! How the description says that callers prove who they are.

use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};

use crate::api::CallerProof;

/// Says which proof calls need, where they need one.
pub(super) fn describe(description: &mut OpenApi, proof: CallerProof) {
    let (name, scheme) = match proof {
        CallerProof::None => return,
        CallerProof::Secret => (
            "secret",
            http(bearer(
                "The secret that the service was started with (`--token`)",
            )),
        ),
        CallerProof::JsonWebToken => (
            "jwt",
            http(
                bearer("A JSON web token of the issuer that the stack accepts")
                    .bearer_format("JWT"),
            ),
        ),
        CallerProof::Signature => ("sigv4", signature()),
    };
    let needed = SecurityRequirement::new(name, Vec::<String>::new());
    description.security = Some(vec![needed]);
    let components = description.components.get_or_insert_default();
    components.add_security_scheme(name, scheme);
}

fn http(scheme: HttpBuilder) -> SecurityScheme {
    SecurityScheme::Http(scheme.build())
}

fn bearer(description: &str) -> HttpBuilder {
    HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(description))
}

/// Signatures have no scheme of their own; AWS describes them like this.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authtype.html>
fn signature() -> SecurityScheme {
    let key = ApiKeyValue::with_description(
        "Authorization",
        "An AWS signature, version 4, for the service `execute-api`",
    );
    SecurityScheme::ApiKey(ApiKey::Header(key))
}
