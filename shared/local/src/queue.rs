//! A queue with visibility timeouts in the embedded database.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use resonare_jobs::ports::{Message, Queue, Unavailable};
use resonare_jobs::{Owner, RunId};
use rusqlite::{OptionalExtension as _, Transaction, params};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::database::Database;

const PORT: &str = "queue";

/// A queue in a [`Database`]. Messages come in the order in which they become visible.
#[derive(Clone, Debug)]
pub struct SqliteQueue {
    database: Database,
    sent: Arc<Notify>,
}

impl SqliteQueue {
    /// The queue of this database.
    pub fn new(database: Database) -> Self {
        Self {
            database,
            sent: Arc::default(),
        }
    }

    /// Makes every message visible that an earlier process received and did not acknowledge. Only for
    /// a service of a single process.
    ///
    /// # Errors
    /// If the database can't be used.
    pub async fn recover(&self) -> Result<(), Unavailable> {
        let recover = move |transaction: &Transaction<'_>| {
            transaction.execute(
                "UPDATE messages SET visible_at = ?1 WHERE receipt IS NOT NULL",
                [after(Duration::ZERO)],
            )?;
            Ok(())
        };
        self.database.run(PORT, recover).await
    }

    /// Waits until this process sends a message. One that was sent since the last wait counts.
    pub async fn sent(&self) {
        self.sent.notified().await;
    }
}

fn after(delay: Duration) -> i64 {
    let micros = i64::try_from(delay.as_micros()).unwrap_or(i64::MAX);
    Timestamp::now().as_microsecond().saturating_add(micros)
}

#[async_trait]
impl Queue for SqliteQueue {
    async fn send(
        &self,
        run_id: RunId,
        _owner: &Owner,
        delay: Duration,
    ) -> Result<(), Unavailable> {
        let send = move |transaction: &Transaction<'_>| {
            // One that nobody has received yet serves for both.
            let waiting = transaction.execute(
                "UPDATE messages SET visible_at = min(visible_at, ?2) \
                 WHERE run_id = ?1 AND receipt IS NULL",
                params![run_id.to_string(), after(delay)],
            )?;
            if waiting == 0 {
                transaction.execute(
                    "INSERT INTO messages (run_id, visible_at) VALUES (?1, ?2)",
                    params![run_id.to_string(), after(delay)],
                )?;
            }
            Ok(())
        };
        self.database.run(PORT, send).await?;
        self.sent.notify_one();
        Ok(())
    }

    async fn receive(&self, visibility: Duration) -> Result<Option<Message>, Unavailable> {
        let receive = move |transaction: &Transaction<'_>| {
            let query = "SELECT id, run_id FROM messages WHERE visible_at <= ?1 \
                ORDER BY visible_at, id LIMIT 1";
            let found: Option<(i64, String)> = transaction
                .prepare_cached(query)?
                .query_row([after(Duration::ZERO)], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()?;
            let Some((id, run_id)) = found else {
                return Ok(None);
            };
            let Ok(run_id) = run_id.parse() else {
                // Nothing that this queue ever sent.
                transaction.execute("DELETE FROM messages WHERE id = ?1", [id])?;
                return Ok(None);
            };
            let receipt = Uuid::new_v4().to_string();
            transaction.execute(
                "UPDATE messages SET visible_at = ?2, receipt = ?3 WHERE id = ?1",
                params![id, after(visibility), receipt],
            )?;
            Ok(Some(Message { receipt, run_id }))
        };
        self.database.run(PORT, receive).await
    }

    async fn hide(&self, receipt: &str, visibility: Duration) -> Result<(), Unavailable> {
        let receipt = receipt.to_owned();
        let hide = move |transaction: &Transaction<'_>| {
            transaction.execute(
                "UPDATE messages SET visible_at = ?2 WHERE receipt = ?1",
                params![receipt, after(visibility)],
            )?;
            Ok(())
        };
        self.database.run(PORT, hide).await
    }

    async fn acknowledge(&self, receipt: &str) -> Result<(), Unavailable> {
        let receipt = receipt.to_owned();
        let acknowledge = move |transaction: &Transaction<'_>| {
            transaction.execute("DELETE FROM messages WHERE receipt = ?1", [receipt])?;
            Ok(())
        };
        self.database.run(PORT, acknowledge).await
    }

    async fn is_empty(&self) -> Result<bool, Unavailable> {
        let look = move |transaction: &Transaction<'_>| {
            let mut any = transaction.prepare_cached("SELECT 1 FROM messages LIMIT 1")?;
            Ok(!any.exists([])?)
        };
        self.database.run(PORT, look).await
    }
}
