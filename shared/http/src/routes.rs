//! The routes and what each of them does.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, put};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::Api;
use crate::problem::Problem;

mod accepted;
mod contents;
mod export;
mod extract;
mod jobs;
mod process;
mod system;
mod to_the_end;
mod uploads;

pub(crate) use system::Description;

/// The routes that take payloads in.
pub(crate) fn ingress() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(process::process))
        .routes(routes!(uploads::begin))
        .routes(routes!(uploads::parts))
        .routes(routes!(uploads::complete))
}

/// The routes that tell of jobs and of the service. They need a [`Description`].
pub(crate) fn status() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::get, jobs::delete))
        .routes(routes!(jobs::output))
        .routes(routes!(system::queue))
        .routes(routes!(system::health))
        .routes(routes!(system::openapi_json))
}

/// The routes that [`crate::ServerTransfers`] gives out.
pub(crate) fn contents() -> Router<Api> {
    Router::new()
        .route("/data-prep/uploads/{run_id}/content", put(contents::upload))
        .route(
            "/data-prep/jobs/{run_id}/outputs/{name}/content",
            get(contents::download),
        )
}

pub(crate) async fn not_found() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "there is no such route; see /data-prep/openapi.json",
    )
}

pub(crate) async fn not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this route does not support that method",
    )
}
