//! What the Lambda functions share: their environment, callers, logs and metrics.

mod api;
mod caller;
mod environment;
mod log;
mod metrics;
mod owner;

pub use api::api;
pub use caller::with_caller;
pub use environment::{Deployment, Environment};
pub use log::{begin_request, start_log};
pub use metrics::Metrics;
pub use owner::{Authorization, OwnerScope, Owners};
