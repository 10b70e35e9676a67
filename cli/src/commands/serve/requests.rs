//! What every request goes through: it gets an id, and a line of the log says how it ended, as do the metrics.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::{self, Next};
use axum::response::Response;
use resonare_http::PendingRequest;
use tracing::{Instrument as _, error_span};
use uuid::Uuid;

use super::metrics::Metrics;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id of a proxy that is taken over.
const LONGEST_ID: usize = 64;

/// Logs and counts each request of a router, under an id that every line about it has.
pub(super) fn observed(router: Router, metrics: Metrics) -> Router {
    router.layer(middleware::from_fn_with_state(metrics, handle))
}

async fn handle(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    // Of the highest level, so that no filter takes the id from the lines that it leaves.
    let span = error_span!("request", request_id = id);
    let answering = async {
        let pending = PendingRequest::new(&request);
        let response = next.run(request).await;
        let answered = pending.answered(&response);
        answered.log(None, None);
        metrics.answered(&answered);
        response
    };
    let mut response = answering.instrument(span).await;
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// The id that a proxy has given the request, so that its log and this one agree, or a new one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let is_id = |id: &&str| {
        (1..=LONGEST_ID).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    given
        .filter(is_id)
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_proxy_is_taken_over_unless_it_could_be_anything() {
        let id = |given: &'static str| {
            let given = (REQUEST_ID, HeaderValue::from_static(given));
            request_id(&HeaderMap::from_iter([given]))
        };
        assert_eq!(id("a1.B-2_c"), "a1.B-2_c");
        for odd in ["", "a b", "Ann says: hi", "{}"] {
            assert_ne!(id(odd), odd);
        }
        assert_ne!(request_id(&HeaderMap::new()), request_id(&HeaderMap::new()));
    }
}
