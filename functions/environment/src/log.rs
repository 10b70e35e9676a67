//! Logs: JSON lines, as `CloudWatch` reads them.

use tracing_subscriber::EnvFilter;

/// Starts the log. `RUST_LOG` says how much is told; without it, `info`.
pub fn start_log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_target(false)
        .with_current_span(false)
        // The platform has the time.
        .without_time()
        .init();
}
