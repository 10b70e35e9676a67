//! Work that goes on when its caller hangs up.

use axum::http::StatusCode;
use tracing::{Instrument as _, error};

use crate::problem::Problem;

/// Finishes something even if the caller hangs up meanwhile.
pub(crate) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    tokio::spawn(work.in_current_span())
        .await
        .unwrap_or_else(|error| {
            error!("a request failed: {error}");
            Err(Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "something went wrong; check whether the request took effect before you try again",
            ))
        })
}
