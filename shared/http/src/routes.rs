//! The routes.

use axum::Router;
use axum::http::StatusCode;
use resonare_jobs::RunId;
use serde::Serialize;
use tracing::error;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::Api;
use crate::problem::Problem;
use crate::transfers;

pub(crate) mod extract;
mod jobs;
mod process;
mod system;
mod uploads;

pub(crate) fn ingress_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(process::process))
        .routes(routes!(uploads::begin))
        .routes(routes!(uploads::parts))
        .routes(routes!(uploads::complete))
}

pub(crate) fn status_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::get, jobs::delete))
        .routes(routes!(jobs::output))
        .routes(routes!(system::queue))
        .routes(routes!(system::health))
        .routes(routes!(system::openapi_json))
}

/// The routes that take payloads in.
pub fn ingress(api: Api) -> Router {
    complete(ingress_router(), api)
}

/// The routes that tell of jobs and of the service.
pub fn status(api: Api) -> Router {
    complete(status_router(), api)
}

/// All routes, for a home that is one server: uploads and downloads pass through it, too.
pub fn all(api: Api) -> Router {
    let router = ingress_router()
        .merge(status_router())
        .merge(transfers::routes());
    complete(router, api)
}

fn ingress_router() -> Router<Api> {
    ingress_routes().split_for_parts().0
}

fn status_router() -> Router<Api> {
    status_routes().split_for_parts().0
}

fn complete(router: Router<Api>, api: Api) -> Router {
    router
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .with_state(api)
}

/// The answer to a submission.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Accepted {
    /// `queued`.
    status: &'static str,
    /// The same in words.
    message: &'static str,
    /// The job's name.
    #[schema(value_type = String, format = Uuid)]
    run_id: RunId,
}

impl Accepted {
    pub(crate) fn queued(run_id: RunId) -> Self {
        Self {
            status: "queued",
            message: "Job accepted and enqueued",
            run_id,
        }
    }
}

/// Brings something to its end even if the caller hangs up meanwhile.
pub(crate) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    tokio::spawn(work).await.unwrap_or_else(|error| {
        error!("a request failed: {error}");
        Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "something went wrong; look whether it happened before you try again",
        ))
    })
}

/// The name of a job in an address; what can be none is no job.
pub(crate) fn run_id(text: &str) -> Result<RunId, Problem> {
    text.parse().map_err(|_| Problem::not_found())
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
