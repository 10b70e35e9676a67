//! From the SDK's errors to the ports' own.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use resonare_jobs::causes;
use resonare_jobs::ports::Unavailable;

/// A port that can't be used, and why.
pub(crate) fn unavailable(
    port: &'static str,
    cause: impl Into<Box<dyn Error + Send + Sync>>,
) -> Unavailable {
    Unavailable {
        port,
        cause: cause.into(),
    }
}

/// A port that can't be used since a call of the SDK failed.
///
/// A refusal's own text is left out: S3 names user, action and object in it, and an object's key may
/// name people.
pub(crate) fn failed<E>(port: &'static str, error: &SdkError<E, HttpResponse>) -> Unavailable
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let Some(refusal) = error.as_service_error() else {
        return unavailable(port, causes(error));
    };
    let code = refusal.code().unwrap_or("a refusal without a code");
    let status = error
        .raw_response()
        .map_or(0, |response| response.status().as_u16());
    let request = refusal.meta().extra("aws_request_id").unwrap_or("unknown");
    unavailable(port, format!("{code} (status {status}, request {request})"))
}

/// Whether a call was refused with one of these codes.
pub(crate) fn has_code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>, codes: &[&str]) -> bool {
    error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code)
        .is_some_and(|code| codes.contains(&code))
}
