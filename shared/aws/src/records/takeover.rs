//! The records of a table that version 0.1 wrote, taken over into one of this version.
//!
//! An index of a table can't be changed, and only one can be added with each update of a stack: the new
//! version has a table of its own.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use resonare_jobs::ports::{Unavailable, WriteOutcome};
use tokio::time::Instant;

use super::items::{Item, PORT, item, record, string, text};
use super::{DynamoJobStore, written};
use crate::failure::failed;

/// Items that are read in one call.
const PAGE: i32 = 100;

/// What was taken over in one go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TakeoverReport {
    /// Records and idempotency keys.
    pub items: u64,
    /// Whether that was the last of them.
    pub is_complete: bool,
}

impl DynamoJobStore {
    /// Takes records and idempotency keys over from another table, as many as there is time for; the
    /// next call goes on. What is there already stays as it is.
    ///
    /// # Errors
    /// If a table can't be used.
    pub async fn take_over(
        &self,
        previous: &str,
        until: Instant,
    ) -> Result<TakeoverReport, Unavailable> {
        let progress = format!("takeover#{previous}");
        let so_far = self.get_item(progress.clone()).await?.unwrap_or_default();
        let mut taken = TakeoverReport {
            items: 0,
            is_complete: so_far.contains_key("is_complete"),
        };
        let mut start = string(&so_far, "start").map(str::to_owned);
        while !taken.is_complete && Instant::now() < until {
            let from = start.map(|pk| HashMap::from([("pk".to_owned(), text(pk))]));
            let page = self
                .client
                .scan()
                .table_name(previous)
                .limit(PAGE)
                .set_exclusive_start_key(from)
                .send()
                .await
                .map_err(|error| failed(PORT, &error))?;
            for old in page.items.unwrap_or_default() {
                taken.items += u64::from(self.take(old).await?);
            }
            let last = page.last_evaluated_key;
            start = last.and_then(|key| string(&key, "pk").map(str::to_owned));
            taken.is_complete = start.is_none();
            let done = match &start {
                Some(pk) => ("start".to_owned(), text(pk)),
                None => ("is_complete".to_owned(), AttributeValue::Bool(true)),
            };
            let note = HashMap::from([("pk".to_owned(), text(&progress)), done]);
            self.put_new(note, None).await?;
        }
        Ok(taken)
    }

    /// Takes an item over; whether it was one to be taken, and was not there yet.
    async fn take(&self, old: Item) -> Result<bool, Unavailable> {
        let pk = string(&old, "pk").unwrap_or_default();
        let new = if pk.starts_with("job#") {
            match record(&old) {
                Ok(record) => item(&record)?,
                Err(error) => {
                    tracing::error!("failed to copy a record: {}", error.cause);
                    return Ok(false);
                }
            }
        } else if pk.starts_with("key#") {
            old
        } else {
            // What an owner uploaded on a day of before is forgotten.
            return Ok(false);
        };
        let unless_there = Some("attribute_not_exists(pk)");
        Ok(self.put_new(new, unless_there).await? == WriteOutcome::Done)
    }

    async fn put_new(
        &self,
        item: Item,
        condition: Option<&str>,
    ) -> Result<WriteOutcome, Unavailable> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .set_condition_expression(condition.map(str::to_owned));
        written(put.send().await)
    }
}
