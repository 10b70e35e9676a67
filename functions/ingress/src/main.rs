//! The Lambda function `ingress`: accepts payloads.

use lambda_http::{Error, run};
use resonare_functions::{Deployment, api, start_log, with_caller};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_log();
    let deployment = Deployment::from_env().await?;
    let router = resonare_http::ingress(api(&deployment));
    run(with_caller(router, deployment.environment.owners)).await
}
