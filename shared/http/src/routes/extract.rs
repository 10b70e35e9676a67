//! What handlers take from a request. What cannot be read is answered with a problem document.

use std::error::Error as _;

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use resonare_jobs::RunId;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::api::Api;
use crate::problem::Problem;

/// Parts of the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub(crate) struct Path<T>(pub(crate) T);

/// The job that the path names. A name that is not a `run_id` belongs to no job.
pub(crate) struct PathRunId(pub(crate) RunId);

impl<S: Send + Sync> FromRequestParts<S> for PathRunId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        #[derive(Deserialize)]
        struct Named {
            run_id: String,
        }
        let Path(Named { run_id }) = Path::from_request_parts(parts, state).await?;
        let run_id = run_id.parse();
        run_id.map(Self).map_err(|_| Problem::not_found())
    }
}

/// The output that the path names.
#[derive(Debug, Deserialize)]
pub(crate) struct OutputName {
    pub(crate) name: String,
}

/// The query of the URL.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub(crate) struct Query<T>(pub(crate) T);

/// A small JSON body, which has to arrive without long pauses.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Api> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let read = axum::Json::<T>::from_request(request, api);
        match tokio::time::timeout(api.limits.pause, read).await {
            Ok(read) => Ok(Self(read?.0)),
            Err(_) => Err(Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "the body did not arrive in time",
            )),
        }
    }
}

impl From<PathRejection> for Problem {
    fn from(_: PathRejection) -> Self {
        // A path that cannot be read names nothing that exists.
        Self::new(StatusCode::NOT_FOUND, "there is nothing with that name")
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        // Only the source names the parameter; the rejection adds words that say nothing.
        let source = rejection.source().map(ToString::to_string);
        Self::unprocessable(source.unwrap_or_else(|| rejection.body_text()))
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}
