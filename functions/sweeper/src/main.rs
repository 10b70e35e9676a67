//! The Lambda function `sweeper`: on a schedule, repairs what crashes left behind.

use std::time::{Duration, SystemTime};

use lambda_runtime::{Context, Error, LambdaEvent, run, service_fn};
use resonare_aws::DynamoJobStore;
use resonare_functions::{Deployment, Metrics, begin_request, start_log};
use resonare_jobs::{Jobs, causes};
use serde_json::Value;
use tokio::time::Instant;
use tracing::info;

/// Time reserved for finishing what was begun.
const RESERVE: Duration = Duration::from_secs(15);

/// Names the table of version 0.1 whose records are taken over.
const PREVIOUS_TABLE: &str = "PREVIOUS_TABLE";

struct Sweeper {
    jobs: Jobs,
    records: DynamoJobStore,
    metrics: Metrics,
    previous_table: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_log();
    let deployment = Deployment::from_env().await?;
    let previous_table = std::env::var(PREVIOUS_TABLE).ok();
    let sweeper = Sweeper {
        jobs: deployment.jobs(),
        records: deployment.records(),
        metrics: deployment.metrics(),
        previous_table: previous_table.filter(|table| !table.is_empty()),
    };
    run(service_fn(|event: LambdaEvent<Value>| {
        sweeper.sweep(event.context)
    }))
    .await
}

impl Sweeper {
    async fn sweep(&self, context: Context) -> Result<(), Error> {
        begin_request(&context.request_id);
        let until = until(&context);
        let swept = self.jobs.sweep(Some(until)).await.inspect_err(|error| {
            tracing::error!("the sweep failed: {}", causes(error));
        })?;
        self.metrics.due_age(swept.oldest_due);
        if let Some(previous) = &self.previous_table {
            self.take_over(previous, until).await?;
        }
        if swept.left > 0 {
            return Err(format!("{} jobs are left for the next sweep", swept.left).into());
        }
        Ok(())
    }

    async fn take_over(&self, previous: &str, until: Instant) -> Result<(), Error> {
        let taken = self.records.take_over(previous, until).await?;
        if taken.items > 0 {
            info!(
                items = taken.items,
                is_complete = taken.is_complete,
                "copied {} items from the table of version 0.1",
                taken.items
            );
        }
        Ok(())
    }
}

/// When nothing more is to be begun.
fn until(context: &Context) -> Instant {
    let left = context.deadline().duration_since(SystemTime::now());
    Instant::now() + left.unwrap_or_default().saturating_sub(RESERVE)
}
