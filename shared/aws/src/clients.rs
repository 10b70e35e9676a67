//! The clients of one environment.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

/// The configuration that all clients are built from: the SDK's default chain of credentials and
/// regions, with time limits.
pub async fn configuration() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .read_timeout(Duration::from_secs(20))
        .build();
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    aws_config::from_env()
        .http_client(http)
        .retry_config(RetryConfig::standard().with_max_attempts(4))
        .timeout_config(timeouts)
        .load()
        .await
}

/// The client of S3.
pub fn s3(configuration: &SdkConfig) -> aws_sdk_s3::Client {
    // A self-hosted server has no host names for buckets.
    let own_server = configuration.endpoint_url().is_some();
    let configuration = aws_sdk_s3::config::Builder::from(configuration)
        .force_path_style(own_server)
        .build();
    aws_sdk_s3::Client::from_conf(configuration)
}

/// Clients that share their connections and credentials.
#[cfg(feature = "jobs")]
#[derive(Clone, Debug)]
pub struct Clients {
    /// S3.
    pub s3: aws_sdk_s3::Client,
    /// `DynamoDB`.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
}

#[cfg(feature = "jobs")]
impl Clients {
    /// The clients of a configuration.
    pub fn new(configuration: &SdkConfig) -> Self {
        // Records and messages are small: a call that hangs must not outlast the time that a worker keeps
        // to write down how its job ended.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(2))
            .operation_attempt_timeout(Duration::from_secs(3))
            .operation_timeout(Duration::from_secs(8))
            .build();
        let small = configuration.to_builder().timeout_config(timeouts).build();
        Self {
            s3: s3(configuration),
            dynamodb: aws_sdk_dynamodb::Client::new(&small),
            sqs: aws_sdk_sqs::Client::new(&small),
        }
    }
}
