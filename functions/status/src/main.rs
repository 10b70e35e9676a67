//! The Lambda function `status`: tells of jobs and of the service.

use lambda_http::{Error, run};
use resonare_functions::{Home, api, start_log, with_caller};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_log();
    let home = Home::from_env().await?;
    let router = resonare_http::status(api(&home));
    run(with_caller(router, home.environment.owners)).await
}
