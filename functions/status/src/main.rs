//! The Lambda function `status`: answers requests about jobs and the service.

use lambda_http::{Error, run};
use resonare_functions::{Deployment, api, start_log, with_caller};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_log();
    let deployment = Deployment::from_env().await?;
    let router = resonare_http::status(api(&deployment));
    run(with_caller(router, deployment.environment.owners)).await
}
