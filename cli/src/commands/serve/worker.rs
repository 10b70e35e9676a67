//! Workers that take jobs from the queue, and the sweeper.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use resonare_jobs::ports::Unavailable;
use resonare_jobs::{Jobs, Processor, causes};
use resonare_local::{Database, SqliteQueue};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::error;

/// How often the queue is looked at when nothing was sent: messages become visible again.
const LOOK: Duration = Duration::from_millis(500);

const SWEEP: Duration = Duration::from_mins(1);

/// The pause after a failure that is not a job's.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Workers and the sweeper at work.
pub(crate) struct Workers {
    tasks: JoinSet<()>,
    stop: Arc<Stop>,
}

/// Tells all workers and the sweeper to stop.
#[derive(Default)]
struct Stop {
    told: AtomicBool,
    notify: Notify,
}

impl Stop {
    fn is_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    async fn pause(&self, pause: Duration) {
        let told = self.notify.notified();
        if !self.is_told() {
            let _either = tokio::time::timeout(pause, told).await;
        }
    }
}

struct Worker {
    jobs: Jobs,
    queue: SqliteQueue,
    processor: Arc<dyn Processor>,
    stop: Arc<Stop>,
}

impl Workers {
    /// Starts that many workers, and one sweeper.
    pub(crate) fn start(
        jobs: Jobs,
        (database, queue): (Database, SqliteQueue),
        processor: Arc<dyn Processor>,
        count: NonZeroUsize,
    ) -> Self {
        let stop = Arc::new(Stop::default());
        let mut tasks = JoinSet::new();
        for _ in 0..count.get() {
            let worker = Arc::new(Worker {
                jobs: jobs.clone(),
                queue: queue.clone(),
                processor: Arc::clone(&processor),
                stop: Arc::clone(&stop),
            });
            tasks.spawn(worker.run());
        }
        let sweeper = Arc::clone(&stop);
        tasks.spawn(async move {
            while !sweeper.is_told() {
                for result in [jobs.sweep(None).await.map(|_| ()), database.tidy().await] {
                    if let Err(failure) = result {
                        error!("{}", causes(&failure));
                    }
                }
                sweeper.pause(SWEEP).await;
            }
        });
        Self { tasks, stop }
    }

    /// Takes no more jobs, and returns running ones to the queue.
    pub(crate) async fn stop(mut self) {
        self.stop.told.store(true, Ordering::Relaxed);
        self.stop.notify.notify_waiters();
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Worker {
    async fn run(self: Arc<Self>) {
        while !self.stop.is_told() {
            // A task of its own: whatever happens to one job, the next is taken.
            let worker = Arc::clone(&self);
            match tokio::spawn(async move { worker.take_one().await }).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => {
                    tokio::select! {
                        () = self.queue.sent() => {}
                        () = self.stop.pause(LOOK) => {}
                    }
                }
                Ok(Err(failure)) => {
                    error!("{}", causes(&failure));
                    self.stop.pause(AFTER_FAILURE).await;
                }
                Err(panic) => {
                    error!("a worker failed: {panic}");
                    self.stop.pause(AFTER_FAILURE).await;
                }
            }
        }
    }

    /// Handles one message, if there is one.
    async fn take_one(&self) -> Result<bool, Unavailable> {
        let Some(message) = self.jobs.receive().await? else {
            return Ok(false);
        };
        let (processor, stop) = (&*self.processor, &self.stop.told);
        self.jobs.handle(&message, processor, stop).await?;
        Ok(true)
    }
}
