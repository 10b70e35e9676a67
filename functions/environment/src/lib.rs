//! What the Lambda functions share: their environment, who calls, logs and metrics.

mod api;
mod environment;
mod log;
mod metrics;
mod owner;

pub use api::api;
pub use environment::{Authorization, Environment, Home};
pub use log::start_log;
pub use metrics::{Metric, emit};
pub use owner::{of_api_caller, of_principal, with_owner};
