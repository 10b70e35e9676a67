//! The configuration of one request: what its caller may set, over what the operator has configured.

use resonare_settings::{Configuration, KEYS, REQUEST_KEYS};
use serde_json::{Map, Value};

use crate::problem::Problem;

/// The original's spelling is read in requests, too.
pub(crate) const MISSPELT: &str = "convo_block_thereshold_secs";

/// Keys whose values are texts, which a number or a truth value is not.
const TEXTS: [&str; 4] = [
    "target_name",
    "system_prompt",
    "message_delimiter",
    "model_id",
];

/// What the query of an address may set: a system prompt does not belong into one.
pub(crate) const QUERY_KEYS: [&str; 11] = [
    "target_name",
    "date_limit",
    "chat_types",
    "salvage",
    "convo_block_threshold_secs",
    "min_tokens_per_block",
    "max_tokens_per_block",
    "message_delimiter",
    "token_budget",
    "role_order",
    "model_id",
];

/// The values of a query, each key once; a list may also come as a key that is repeated.
///
/// # Errors
/// 422 if another key is repeated, or one does not belong into an address.
pub(crate) fn of_query(query: Vec<(String, String)>) -> Result<Vec<(String, String)>, Problem> {
    let mut values: Vec<(String, String)> = Vec::new();
    for (key, value) in query {
        if key == "system_prompt" {
            return Err(Problem::unprocessable(
                "system_prompt does not belong into an address; send it beside the chats in the \
                 body, or use the upload route",
            ));
        }
        match values.iter_mut().find(|(earlier, _)| *earlier == key) {
            Some((_, list)) if key == "chat_types" => {
                list.push(',');
                list.push_str(&value);
            }
            Some(_) => return Err(Problem::unprocessable(format!("{key} is given twice"))),
            None => values.push((key, value)),
        }
    }
    Ok(values)
}

/// Whether this is a key of the configuration at all, whoever may set it.
pub fn is_known(key: &str) -> bool {
    KEYS.contains(&key) || key == MISSPELT
}

/// Whether a request may set this key.
pub(crate) fn may_be_set(key: &str) -> bool {
    REQUEST_KEYS.contains(&key) || key == MISSPELT
}

/// A job's configuration: the operator's, with these values of the request over it.
///
/// # Errors
/// 422 if a key is not the request's to set, or a value is not allowed.
pub fn merge(
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
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) if TEXTS.contains(&&**key) => {
                return Err(Problem::unprocessable(format!("{key} is a text")));
            }
            // To JSON, `1.0` is a whole number.
            Value::Number(number) => {
                let text = number.to_string();
                text.strip_suffix(".0").unwrap_or(&text).to_owned()
            }
            Value::Bool(_) => value.to_string(),
            Value::Array(values) if values.iter().all(Value::is_string) => values
                .iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(","),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                return Err(Problem::unprocessable(format!(
                    "{key}: a list or an object is not allowed"
                )));
            }
        };
        Ok((key.clone(), text))
    };
    // Null is as good as nothing.
    let given = beside.iter().filter(|(_, value)| !value.is_null());
    given.map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(values: &[(&str, &str)]) -> Result<Vec<(String, String)>, Problem> {
        let owned = |&(key, value): &(&str, &str)| (key.to_owned(), value.to_owned());
        of_query(values.iter().map(owned).collect())
    }

    #[test]
    fn a_query_takes_what_a_request_may_set_but_the_system_prompt() {
        let mut keys = QUERY_KEYS.to_vec();
        keys.push("system_prompt");
        keys.sort_unstable();
        let mut request_keys = REQUEST_KEYS.to_vec();
        request_keys.sort_unstable();
        assert_eq!(keys, request_keys);
    }

    #[test]
    fn values_beside_the_chats_keep_their_types() {
        let texts = |json: &str| {
            let beside: Map<String, Value> = serde_json::from_str(json).unwrap();
            as_text(&beside)
        };
        let given = texts(r#"{"salvage":true,"min_tokens_per_block":5.0,"target_name":null}"#);
        let expected = [("salvage", "true"), ("min_tokens_per_block", "5")];
        let owned = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(given.unwrap(), owned);
        for wrong in [
            r#"{"target_name":false}"#,
            r#"{"system_prompt":1}"#,
            r#"{"chat_types":[1]}"#,
            r#"{"salvage":{}}"#,
        ] {
            assert!(texts(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_list_may_be_repeated_and_nothing_else() {
        let chats = query(&[("chat_types", "a"), ("chat_types", "b")]).unwrap();
        assert_eq!(chats, [("chat_types".to_owned(), "a,b".to_owned())]);
        assert!(query(&[("salvage", "true"), ("salvage", "true")]).is_err());
        assert!(query(&[("system_prompt", "x")]).is_err());
    }
}
