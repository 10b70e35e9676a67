//! The configuration of one request: what its caller may set, over what the operator has configured.

use resonare_settings::{Configuration, REQUEST_KEYS};
use serde_json::{Map, Value};

use crate::problem::Problem;

/// The original's spelling is read in requests, too.
const MISSPELT: &str = "convo_block_thereshold_secs";

/// Whether a request may set this key.
pub(crate) fn may_be_set(key: &str) -> bool {
    REQUEST_KEYS.contains(&key) || key == MISSPELT
}

/// A job's configuration: the operator's, with these values of the request over it.
///
/// # Errors
/// 422 if a key is not the request's to set, or a value is not allowed.
pub(crate) fn merge(
    operator: &Configuration,
    request: Vec<(String, String)>,
) -> Result<Map<String, Value>, Problem> {
    for (key, _) in &request {
        if !may_be_set(key) {
            let allowed = REQUEST_KEYS.join(", ");
            return Err(Problem::unprocessable(format!(
                "`{key}` cannot be set by a request; what can be set is {allowed}"
            )));
        }
    }
    let merged = operator.with_request(request)?;
    if !operator.allowed_models.contains(&merged.model_id) {
        let allowed = operator.allowed_models.join(", ");
        let chosen = &merged.model_id;
        return Err(Problem::unprocessable(format!(
            "model_id: {chosen:?} is not allowed; expected one of {allowed}"
        )));
    }
    Ok(merged.to_json())
}

/// Values that stand beside the chats, as the text that the configuration reads.
pub(crate) fn as_text(beside: &Map<String, Value>) -> Result<Vec<(String, String)>, Problem> {
    let text = |(key, value): (&String, &Value)| {
        let text = match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Array(values) if values.iter().all(Value::is_string) => values
                .iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(","),
            Value::Array(_) | Value::Object(_) => {
                return Err(Problem::unprocessable(format!(
                    "{key}: a list or an object is not allowed"
                )));
            }
        };
        Ok((key.clone(), text))
    };
    beside.iter().map(text).collect()
}
