//! Submissions that cannot succeed are refused immediately.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Map, Value};

use crate::api::Api;
use crate::problem::Problem;

/// When it is worth asking again.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// Checks whether an export of that many bytes could be stored. It is asked before the first byte of it is.
pub(crate) async fn check_room(api: &Api, size_bytes: u64) -> Result<(), Problem> {
    if api.health.has_room(size_bytes).await {
        return Ok(());
    }
    let detail = "the service has no room for this export at the moment; ask its operator, who finds the \
                  reason at /data-prep/system/health";
    Err(unavailable(detail).because("no_room"))
}

/// Checks whether jobs of this configuration can be worked on.
pub(crate) async fn check_model(api: &Api, config: &Map<String, Value>) -> Result<(), Problem> {
    let model_id = config.get("model_id").and_then(Value::as_str);
    let model_id = model_id.unwrap_or(&api.configuration.model_id);
    if api.health.obstacle(model_id).await.is_none() {
        return Ok(());
    }
    let detail = format!(
        "the service has no tokenizer for {model_id} at the moment, and takes no exports for it; ask its \
         operator, who finds the reason at /data-prep/system/health and in the log"
    );
    Err(unavailable(detail).because("no_tokenizer"))
}

fn unavailable(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).with_retry_after(LOOK_AGAIN)
}
