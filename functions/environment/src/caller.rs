//! What every API call goes through: its owner is determined, and a log line says how it ended.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use lambda_http::RequestExt as _;
use lambda_http::http::StatusCode;
use lambda_http::request::RequestContext;
use resonare_http::{PendingRequest, Problem};
use resonare_jobs::Owner;

use crate::log;
use crate::owner::Owners;

/// Puts the owner into each request, refuses those without one, and logs how each ended.
pub fn with_caller(router: Router, owners: Owners) -> Router {
    // A layer of the routes themselves knows which of them was matched.
    router.layer(middleware::from_fn_with_state(owners, handle))
}

async fn handle(State(owners): State<Owners>, mut request: Request, next: Next) -> Response {
    if let Some(context) = request.lambda_context_ref() {
        log::begin_request(&context.request_id);
    }
    let pending = PendingRequest::new(&request);
    let context = request.extensions().get::<RequestContext>();
    let gateway_request_id = gateway_request_id(context);
    let owner = context.and_then(|context| owners.of_api_caller(context));
    let digest = owner.as_ref().map(Owner::digest);
    let response = match owner {
        Some(owner) => {
            request.extensions_mut().insert(owner);
            next.run(request).await
        }
        None => Problem::new(
            StatusCode::UNAUTHORIZED,
            "the caller could not be identified",
        )
        .into_response(),
    };
    let answered = pending.answered(&response);
    answered.log(digest.as_deref(), gateway_request_id.as_deref());
    response
}

/// The id under which API Gateway logs the call.
fn gateway_request_id(context: Option<&RequestContext>) -> Option<String> {
    match context? {
        RequestContext::ApiGatewayV2(context) => context.request_id.clone(),
        _ => None,
    }
}
