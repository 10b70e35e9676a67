//! Whether the service has what it needs: a tokenizer, room on its disk, a database that takes writes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use resonare_http::{Fault, Health};
use resonare_jobs::causes;
use resonare_local::Database;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::disk::Disk;
use super::readiness::TokenizerReadiness;

/// How long the database may take for a write.
const PATIENCE: Duration = Duration::from_secs(2);

/// For how long an answer of the database counts: whoever asks often does not make it write often.
const REMEMBERED: Duration = Duration::from_secs(5);

/// Everything that the service's health depends on.
#[derive(Clone)]
pub(super) struct ServiceHealth {
    tokenizers: TokenizerReadiness,
    disk: Disk,
    database: Database,
    written: Arc<Mutex<Option<TestWrite>>>,
}

/// What the database's last write for this purpose came to.
struct TestWrite {
    at: Instant,
    /// Why it failed.
    problem: Option<String>,
}

impl ServiceHealth {
    pub(super) fn new(tokenizers: TokenizerReadiness, disk: Disk, database: Database) -> Self {
        Self {
            tokenizers,
            disk,
            database,
            written: Arc::default(),
        }
    }

    /// Why the database takes no writes.
    async fn database_fault(&self) -> Option<Fault> {
        let mut written = self.written.lock().await;
        let reason = match &*written {
            Some(write) if write.at.elapsed() < REMEMBERED => write.problem.clone(),
            _ => {
                let problem = match timeout(PATIENCE, self.database.check_writable()).await {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => Some(format!(
                        "the database of the jobs cannot be written: {}",
                        causes(&*error.cause)
                    )),
                    Err(_) => Some("the database of the jobs does not answer".to_owned()),
                };
                *written = Some(TestWrite {
                    at: Instant::now(),
                    problem: problem.clone(),
                });
                problem
            }
        };
        reason.map(|reason| Fault {
            kind: "database",
            reason,
        })
    }
}

#[async_trait]
impl Health for ServiceHealth {
    /// There is no bucket on one machine.
    async fn bucket_answers(&self) -> Option<bool> {
        None
    }

    async fn obstacle(&self, model_id: &str) -> Option<String> {
        self.tokenizers.obstacle(model_id).await
    }

    async fn has_room(&self, size_bytes: u64) -> bool {
        self.disk.has_room(size_bytes)
    }

    async fn faults(&self) -> Vec<Fault> {
        let database = self.database_fault().await;
        self.disk.fault().into_iter().chain(database).collect()
    }
}
