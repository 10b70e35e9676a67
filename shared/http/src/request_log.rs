//! The log's line about a request, the same in every deployment: what was asked and how it ended, without the
//! query, names or contents.

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use resonare_jobs::RunId;
use tracing::{info, warn};

use crate::problem::Refusal;

/// A request that is being handled.
#[derive(Debug)]
pub struct PendingRequest {
    method: &'static str,
    route: Option<MatchedPath>,
    run_id: Option<RunId>,
    begun: Instant,
}

/// A request that was answered.
#[derive(Debug)]
pub struct AnsweredRequest {
    /// The method, `OTHER` if no route has it.
    pub method: &'static str,
    /// The route as it is declared, without what the caller put into the path.
    route: Option<MatchedPath>,
    /// The status of the answer.
    pub status: StatusCode,
    /// Why it was refused, in a word or two that never name anyone.
    pub refusal: Option<&'static str>,
    /// How long it took until the answer began.
    pub duration: Duration,
    run_id: Option<RunId>,
}

impl PendingRequest {
    /// A request that begins now. Only a layer of the routes themselves knows which of them was matched.
    pub fn new(request: &Request) -> Self {
        Self {
            method: known_method(request.method()),
            route: request.extensions().get::<MatchedPath>().cloned(),
            run_id: run_id(request.uri().path()),
            begun: Instant::now(),
        }
    }

    /// The same, answered.
    pub fn answered(self, response: &Response) -> AnsweredRequest {
        let refusal = response.extensions().get::<Refusal>();
        AnsweredRequest {
            method: self.method,
            route: self.route,
            status: response.status(),
            refusal: refusal.map(|Refusal(reason)| *reason),
            duration: self.begun.elapsed(),
            run_id: self.run_id,
        }
    }
}

impl AnsweredRequest {
    /// The route as it is declared; `unknown` if there is none.
    pub fn route(&self) -> &str {
        self.route.as_ref().map_or("unknown", MatchedPath::as_str)
    }

    /// Writes the line. On AWS, requests have owners, and an id in API Gateway's own log.
    pub fn log(&self, owner: Option<&str>, gateway_request_id: Option<&str>) {
        let (method, route) = (self.method, self.route());
        macro_rules! line {
            ($level:ident) => {
                $level!(
                    method,
                    route,
                    status = self.status.as_u16(),
                    refusal = self.refusal,
                    run_id = self.run_id.map(|run_id| run_id.to_string()),
                    owner,
                    gateway_request_id,
                    duration_ms = u64::try_from(self.duration.as_millis()).unwrap_or(u64::MAX),
                    "answered {method} {route} with {}",
                    self.status.as_u16()
                )
            };
        }
        if self.status.is_client_error() || self.status.is_server_error() {
            line!(warn);
        } else {
            line!(info);
        }
    }
}

/// A method may be any text; logs and metrics know those that the routes have.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

/// The job that a path is about.
fn run_id(path: &str) -> Option<RunId> {
    path.split('/').find_map(|part| part.parse().ok())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::response::IntoResponse as _;

    use super::*;
    use crate::problem::Problem;

    #[test]
    fn it_knows_the_job_and_why_a_request_was_refused_but_not_what_was_asked() {
        let path = "/data-prep/jobs/0190c0de-0000-7000-8000-000000000001/x?name=Ann";
        let request = Request::builder().method("BREW").uri(path);
        let pending = PendingRequest::new(&request.body(Body::empty()).unwrap());
        let answered = pending.answered(&Problem::not_found().into_response());
        assert_eq!(
            (answered.method, answered.route(), answered.refusal),
            ("OTHER", "unknown", Some("not_found"))
        );
        assert!(answered.run_id.is_some());
        assert_eq!(answered.status, StatusCode::NOT_FOUND);
    }
}
