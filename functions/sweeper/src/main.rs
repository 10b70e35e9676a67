//! The Lambda function `sweeper`: on a schedule, mends what crashes left behind.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use resonare_functions::{Home, Metric, emit, start_log};
use resonare_jobs::{Jobs, causes};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_log();
    let jobs = Home::from_env().await?.jobs();
    run(service_fn(|_: LambdaEvent<Value>| sweep(&jobs))).await
}

async fn sweep(jobs: &Jobs) -> Result<(), Error> {
    match jobs.sweep().await {
        Ok(swept) => {
            emit(
                Metric::JobsSwept,
                swept.sent_again + swept.released + swept.failed,
            );
            Ok(())
        }
        Err(error) => {
            tracing::error!("the sweep did not end: {}", causes(&error));
            Err(error.into())
        }
    }
}
