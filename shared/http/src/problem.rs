//! Problem documents (RFC 9457): what a caller is told when a request fails.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use resonare_jobs::{JobError, causes};
use resonare_settings::SettingsError;
use serde::Serialize;
use tracing::error;
use utoipa::ToSchema;

/// An error response, with a sentence that is safe to show.
#[derive(Clone, Debug, Serialize, PartialEq, Eq, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the status tells what kind of problem it is.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The status in words.
    pub title: &'static str,
    /// The status as a number.
    pub status: u16,
    /// What is wrong, and what to do.
    pub detail: String,
    #[serde(skip)]
    retry_after: Option<Duration>,
    #[serde(skip)]
    refusal: &'static str,
}

/// Why a request was refused, for logs and metrics: of a small set, and never naming anyone. Each response that
/// is a problem has it among its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) &'static str);

/// What the status alone says.
fn usual_refusal(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "bad_request",
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method",
        StatusCode::REQUEST_TIMEOUT => "too_slow",
        StatusCode::CONFLICT => "conflict",
        StatusCode::GONE => "gone",
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "media_type",
        StatusCode::UNPROCESSABLE_ENTITY => "configuration",
        StatusCode::TOO_MANY_REQUESTS => "limit",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        _ => "error",
    }
}

impl Problem {
    /// A refusal with that status.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            retry_after: None,
            refusal: usual_refusal(status),
        }
    }

    /// The same, for a reason of its own.
    pub(crate) fn because(self, refusal: &'static str) -> Self {
        Self { refusal, ..self }
    }

    /// The same, with the time after which it is worth trying again.
    pub(crate) fn with_retry_after(self, pause: Duration) -> Self {
        Self {
            retry_after: Some(pause),
            ..self
        }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no such job")
    }

    pub(crate) fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }
}

impl From<JobError> for Problem {
    fn from(error: JobError) -> Self {
        let detail = error.to_string();
        match error {
            JobError::NotFound => Self::not_found(),
            JobError::Gone(_) => Self::new(StatusCode::GONE, detail),
            JobError::LimitReached {
                limit, retry_after, ..
            } => Self::new(StatusCode::TOO_MANY_REQUESTS, detail)
                .with_retry_after(retry_after)
                .because(limit.name()),
            JobError::UploadTooLarge(_) => Self::new(StatusCode::PAYLOAD_TOO_LARGE, detail),
            JobError::NotAwaited(_) => Self::new(StatusCode::CONFLICT, detail),
            JobError::BeingDeleted | JobError::TooSlow => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
                    .with_retry_after(Duration::from_secs(1))
            }
            JobError::NotACursor | JobError::KeyReused | JobError::ConfigurationTooLarge(_) => {
                Self::unprocessable(detail)
            }
            JobError::Unavailable(cause) => {
                error!("a request failed: {}", causes(&cause));
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "try again in a moment")
                    .with_retry_after(Duration::from_secs(5))
            }
        }
    }
}

impl From<SettingsError> for Problem {
    fn from(error: SettingsError) -> Self {
        Self::unprocessable(error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
        const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after.map(|pause| pause.as_secs().max(1));
        let refusal = Refusal(self.refusal);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
        headers.insert(header::CACHE_CONTROL, NO_STORE);
        if let Some(seconds) = retry_after {
            headers.insert(HeaderName::from_static("retry-after"), seconds.into());
        }
        response.extensions_mut().insert(refusal);
        response
    }
}
