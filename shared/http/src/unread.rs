//! Bodies that a refusal leaves unread.
//!
//! A connection that is closed while its sender still sends is reset, and then the sender may never
//! see why it was refused. So the rest of a body is taken and dropped for a moment.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header;
use axum::middleware::{self, Next};
use axum::response::Response;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt as _;

/// For how long the rest of a body is taken.
const PATIENCE: Duration = Duration::from_secs(2);

struct SharedBody {
    body: Body,
    was_read: bool,
}

/// A body that can be taken back after it was handed out.
#[derive(Clone)]
struct LentBody(Arc<Mutex<SharedBody>>);

impl HttpBody for LentBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shared.was_read = true;
        Pin::new(&mut shared.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        let shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shared.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shared.body.size_hint()
    }
}

/// Takes what a refused sender still sends, for a moment. For a server with connections of its own;
/// it stands before everything that refuses.
pub fn take_the_rest(router: Router) -> Router {
    router.layer(middleware::from_fn(take))
}

async fn take(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let waits_for_leave = parts.headers.contains_key(header::EXPECT);
    let lent = LentBody(Arc::new(Mutex::new(SharedBody {
        body,
        was_read: false,
    })));
    let response = next
        .run(Request::from_parts(parts, Body::new(lent.clone())))
        .await;
    let was_read = {
        let shared = lent.0.lock().unwrap_or_else(PoisonError::into_inner);
        shared.was_read
    };
    // A sender that waits for `100 Continue` has not begun, and will not.
    let sends = was_read || !waits_for_leave;
    let refuses = response.status().is_client_error() || response.status().is_server_error();
    if refuses && sends {
        let mut rest = Body::new(lent);
        let dropped = async { while let Some(Ok(_)) = rest.frame().await {} };
        // Do not wait for what comes later.
        let _in_time = tokio::time::timeout(PATIENCE, dropped).await;
    }
    response
}
