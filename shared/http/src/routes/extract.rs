//! What handlers take from a request; what cannot be read is a problem like others.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;

use serde::de::DeserializeOwned;

use crate::api::Api;
use crate::problem::Problem;

/// Parts of the address.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub(crate) struct Path<T>(pub(crate) T);

/// The query of the address.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub(crate) struct Query<T>(pub(crate) T);

/// A small JSON body, which has to come without long pauses.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Api> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let read = axum::Json::<T>::from_request(request, api);
        match tokio::time::timeout(api.limits.pause, read).await {
            Ok(read) => Ok(Self(read?.0)),
            Err(_) => Err(Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "the body did not come in time",
            )),
        }
    }
}

impl From<PathRejection> for Problem {
    fn from(_: PathRejection) -> Self {
        // What cannot be read names nothing.
        Self::new(StatusCode::NOT_FOUND, "there is nothing of that name")
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::unprocessable(rejection.body_text())
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}
