//! The HTTP API as axum routers, the same for every deployment.
//!
//! A deployment puts the caller's [`resonare_jobs::Owner`] into each request's extensions, and serves
//! [`ingress`] and [`status`] separately, or [`all`] if its objects have no URLs of their own.

mod api;
mod body;
mod event_fields;
mod job_info;
mod key_schemas;
mod openapi;
mod problem;
mod readiness;
mod request_configuration;
mod request_log;
mod routers;
mod routes;
mod server_transfers;
mod tickets;
mod unread;
mod url;

pub use api::{Api, BodyLimits, CallerProof, Fault, Health};
pub use event_fields::event_fields;
pub use job_info::JobInfo;
pub use openapi::openapi;
pub use problem::Problem;
pub use request_configuration::merge;
pub use request_log::{AnsweredRequest, PendingRequest};
pub use routers::{all, ingress, status};
pub use server_transfers::ServerTransfers;
pub use tickets::Tickets;
pub use unread::take_the_rest;
