//! The configuration of one request: what its caller may set, over what the operator has configured.

use resonare_settings::{Configuration, Key, hint};
use serde_json::{Map, Value};

use crate::problem::Problem;

/// The values of a query, each key once; a list may also come as a key that is repeated.
///
/// # Errors
/// 422 if another key is repeated, or one does not belong in a URL.
pub(crate) fn of_query(query: Vec<(String, String)>) -> Result<Vec<(String, Value)>, Problem> {
    let mut values: Vec<(String, Value)> = Vec::new();
    for (name, value) in query {
        let key = Key::named(&name);
        let name = canonical(name);
        if key.is_some_and(|key| key.is_for_requests() && !key.is_for_queries()) {
            return Err(Problem::unprocessable(format!(
                "{name} does not belong in a URL; send it beside the chats in the body, or under \
                 `config` in the body of POST /data-prep/uploads"
            )));
        }
        let is_list = key.is_some_and(|key| key.entry().kind.is_list());
        match values.iter_mut().find(|(earlier, _)| *earlier == name) {
            Some((_, Value::Array(list))) => list.push(value.into()),
            Some(_) => return Err(Problem::unprocessable(format!("{name} is given twice"))),
            None if is_list => values.push((name, vec![value].into())),
            None => values.push((name, value.into())),
        }
    }
    Ok(values)
}

/// The values next to `chats`, or under `config`; null is the same as no value.
pub(crate) fn of_body(values: Map<String, Value>) -> Vec<(String, Value)> {
    let given = values.into_iter().filter(|(_, value)| !value.is_null());
    given
        .map(|(name, value)| (canonical(name), value))
        .collect()
}

/// A key's own name for another spelling of it, so that one value does not count beside the other.
fn canonical(name: String) -> String {
    Key::named(&name).map_or(name, |key| key.name().to_owned())
}

/// The names, in both spellings, of what a request may set.
pub(crate) fn names() -> Vec<&'static str> {
    let spellings = Key::of_requests().flat_map(|key| [Some(key.name()), key.entry().alias]);
    spellings.flatten().collect()
}

/// A job's configuration: the operator's, with these values of the request over it.
///
/// # Errors
/// 422 if a key is not the request's to set, or a value is not allowed.
pub fn merge(
    operator: &Configuration,
    request: Vec<(String, Value)>,
) -> Result<Map<String, Value>, Problem> {
    for (name, _) in &request {
        check_name(name)?;
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

fn check_name(name: &str) -> Result<(), Problem> {
    let allowed: Vec<_> = Key::of_requests().collect();
    if Key::named(name).is_some_and(|key| allowed.contains(&key)) {
        return Ok(());
    }
    Err(Problem::unprocessable(format!(
        "`{name}` cannot be set by a request; {}",
        hint(name, &allowed)
    )))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn query(values: &[(&str, &str)]) -> Result<Vec<(String, Value)>, Problem> {
        let owned = |&(key, value): &(&str, &str)| (key.to_owned(), value.to_owned());
        of_query(values.iter().map(owned).collect())
    }

    fn merged(beside: Value) -> Result<Map<String, Value>, Problem> {
        let Value::Object(beside) = beside else {
            panic!("an object stands beside chats")
        };
        merge(&Configuration::default(), of_body(beside))
    }

    #[test]
    fn both_spellings_of_a_key_are_one_key() {
        let aliased = "convo_block_thereshold_secs";
        let mut values = of_body(Map::from_iter([(
            "convo_block_threshold_secs".to_owned(),
            json!(5),
        )]));
        values.extend(query(&[(aliased, "7")]).unwrap());
        let config = merge(&Configuration::default(), values).unwrap();
        assert_eq!(config["convo_block_threshold_secs"], 7, "the URL wins");
        assert!(query(&[(aliased, "7"), ("convo_block_threshold_secs", "5")]).is_err());
    }

    #[test]
    fn values_beside_the_chats_keep_their_types() {
        let json = json!({"salvage": true, "min_tokens_per_block": 5.0, "target_name": null});
        let config = merged(json).unwrap();
        assert_eq!(config["salvage"], true);
        assert_eq!(config["min_tokens_per_block"], 5);
        assert_eq!(config["target_name"], Value::Null);
        for wrong in [
            json!({"target_name": false}),
            json!({"system_prompt": 1}),
            json!({"model_id": 1}),
            json!({"message_delimiter": ["a", "b"]}),
            json!({"chat_types": [1]}),
            json!({"salvage": {}}),
        ] {
            assert!(merged(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_list_may_be_repeated_and_nothing_else() {
        let chats = query(&[("chat_types", "bot_chat"), ("chat_types", "private_group")]);
        let config = merge(&Configuration::default(), chats.unwrap()).unwrap();
        assert_eq!(config["chat_types"], json!(["bot_chat", "private_group"]));
        let commas = query(&[("chat_types", "bot_chat,private_group")]);
        assert_eq!(
            merge(&Configuration::default(), commas.unwrap()).unwrap(),
            config
        );
        assert!(query(&[("salvage", "true"), ("salvage", "true")]).is_err());
    }

    #[test]
    fn what_logs_must_not_keep_is_refused_in_a_query() {
        for key in Key::of_requests() {
            let refused = query(&[(key.name(), "x")]);
            assert_eq!(refused.is_ok(), key.is_for_queries(), "{}", key.name());
        }
        let refused = query(&[("system_prompt", "x")]).unwrap_err();
        assert_eq!(
            refused.detail,
            "system_prompt does not belong in a URL; send it beside the chats in the body, or under \
             `config` in the body of POST /data-prep/uploads"
        );
    }

    #[test]
    fn what_a_request_must_not_set_is_named() {
        let refused = merged(json!({"tokenizer": "x"})).unwrap_err();
        let expected =
            "`tokenizer` cannot be set by a request; expected one of model_id, target_name, ";
        assert!(refused.detail.starts_with(expected), "{}", refused.detail);
        let refused = merged(json!({"chat_type": "x"})).unwrap_err();
        assert_eq!(
            refused.detail,
            "`chat_type` cannot be set by a request; did you mean `chat_types`?"
        );
    }
}
