//! The HTTP API as axum routers, the same for every home.
//!
//! A home puts the caller's [`resonare_jobs::Owner`] into each request's extensions, and serves
//! [`ingress`] and [`status`], together or apart.

mod api;
mod body;
mod job_info;
mod problem;
mod request_configuration;
mod routes;

pub use api::{Api, BodyLimits, Download, Downloads, Health};
pub use job_info::JobInfo;
pub use problem::Problem;
pub use routes::{ingress, status};
