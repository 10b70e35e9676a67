//! What every API call goes through: its owner is determined, and a log line says how it ended.

use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use lambda_http::RequestExt as _;
use lambda_http::http::StatusCode;
use lambda_http::request::RequestContext;
use resonare_http::Problem;
use resonare_jobs::{Owner, RunId};
use tracing::{info, warn};

use crate::log;
use crate::owner::Owners;

/// Puts the owner into each request, refuses those without one, and logs how each ended.
pub fn with_caller(router: Router, owners: Owners) -> Router {
    // A layer of the routes themselves knows which of them was matched.
    router.layer(middleware::from_fn_with_state(owners, handle))
}

async fn handle(State(owners): State<Owners>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    if let Some(context) = request.lambda_context_ref() {
        log::begin_request(&context.request_id);
    }
    let context = request.extensions().get::<RequestContext>();
    let owner = context.and_then(|context| owners.of_api_caller(context));
    let call = Call {
        // Names people may have put into a query are not in it.
        route: request.extensions().get::<MatchedPath>().cloned(),
        method: request.method().as_str().to_owned(),
        run_id: run_id(request.uri().path()),
        gateway_request_id: gateway_request_id(context),
        owner: owner.as_ref().map(Owner::digest),
    };
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
    call.log(response.status(), begun);
    response
}

/// What is known of a call when it comes.
struct Call {
    route: Option<MatchedPath>,
    method: String,
    run_id: Option<RunId>,
    gateway_request_id: Option<String>,
    owner: Option<String>,
}

impl Call {
    fn log(&self, status: StatusCode, begun: Instant) {
        let route = self.route.as_ref().map_or("unknown", MatchedPath::as_str);
        let method = &*self.method;
        macro_rules! line {
            ($level:ident) => {
                $level!(
                    method,
                    route,
                    status = status.as_u16(),
                    run_id = self.run_id.map(|run_id| run_id.to_string()),
                    owner = self.owner,
                    gateway_request_id = self.gateway_request_id,
                    duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
                    "answered {method} {route} with {}",
                    status.as_u16()
                )
            };
        }
        if status.is_client_error() || status.is_server_error() {
            line!(warn);
        } else {
            line!(info);
        }
    }
}

/// The job that a path is about.
fn run_id(path: &str) -> Option<RunId> {
    path.split('/').find_map(|part| part.parse().ok())
}

/// The id under which API Gateway logs the call.
fn gateway_request_id(context: Option<&RequestContext>) -> Option<String> {
    match context? {
        RequestContext::ApiGatewayV2(context) => context.request_id.clone(),
        _ => None,
    }
}
