//! The routes.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};

use crate::api::Api;
use crate::problem::Problem;

mod jobs;
mod process;
mod system;

/// The routes that take payloads in.
pub fn ingress(api: Api) -> Router {
    Router::new()
        .route("/data-prep/process", post(process::process))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .with_state(api)
}

/// The routes that tell of jobs and of the service.
pub fn status(api: Api) -> Router {
    Router::new()
        .route("/data-prep/jobs", get(jobs::list))
        .route(
            "/data-prep/jobs/{run_id}",
            get(jobs::get).delete(jobs::delete),
        )
        .route("/data-prep/jobs/{run_id}/outputs/{name}", get(jobs::output))
        .route("/data-prep/system/queue", get(system::queue))
        .route("/data-prep/system/health", get(system::health))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .with_state(api)
}

async fn not_found() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "there is no such route; see /data-prep/openapi.json",
    )
}

async fn not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "the route does not take that method",
    )
}
