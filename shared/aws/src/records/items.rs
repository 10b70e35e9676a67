//! The table's items: records as JSON, with what the indexes need beside it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use resonare_jobs::JobRecord;
use resonare_jobs::ports::Unavailable;

use super::keys;
use crate::failure::unavailable;

pub(super) const PORT: &str = "records";

/// Records stay this much longer than they are shown, so that the sweeper comes first.
const TTL_GRACE_SECS: i64 = 2 * 86_400;

pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn item(record: &JobRecord) -> Result<Item, Unavailable> {
    let json = serde_json::to_string(record).map_err(|error| unavailable(PORT, error))?;
    let ttl = record.expires_at.as_second() + TTL_GRACE_SECS;
    let key = keys::job(record.run_id);
    let mut item = HashMap::from([
        ("revision".to_owned(), number(record.revision)),
        ("record".to_owned(), text(json)),
        ("lane".to_owned(), text(keys::lane(record.run_id))),
        ("due".to_owned(), text(keys::due(record.due(), &key))),
        ("ttl".to_owned(), number(ttl)),
        ("pk".to_owned(), text(key)),
    ]);
    // What was deleted is in no list any more.
    if record.deleted_at.is_none() {
        let owner_status = keys::owner_status(&record.owner, record.status);
        item.insert("owner".to_owned(), text(&record.owner.0));
        item.insert("owner_status".to_owned(), text(owner_status));
        item.insert("created".to_owned(), text(keys::created(record)));
    }
    Ok(item)
}

pub(super) fn string<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

pub(super) fn integer(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

pub(super) fn record(item: &Item) -> Result<JobRecord, Unavailable> {
    let json = string(item, "record").unwrap_or_default();
    serde_json::from_str(json).map_err(|error| unavailable(PORT, error))
}
