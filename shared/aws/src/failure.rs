//! From the SDK's errors to the ports' own.

use std::error::Error;

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
