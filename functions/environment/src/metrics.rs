//! Metrics, in the format that `CloudWatch` takes from the log.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use tracing::warn;

/// The namespace of all metrics.
const NAMESPACE: &str = "Resonare";

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Jobs that were completed.
    JobsCompleted,
    /// Jobs that failed for good.
    JobsFailed,
    /// Jobs that the sweeper took up.
    JobsSwept,
}

impl Metric {
    fn name(self) -> &'static str {
        match self {
            Self::JobsCompleted => "JobsCompleted",
            Self::JobsFailed => "JobsFailed",
            Self::JobsSwept => "JobsSwept",
        }
    }
}

/// Counts.
pub fn emit(metric: Metric, count: u64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let line = json!({
        "_aws": {
            "Timestamp": now.map_or(0, |now| now.as_millis()),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [["service"]],
                "Metrics": [{"Name": metric.name(), "Unit": "Count"}],
            }],
        },
        "service": "data-prep",
        metric.name(): count,
    });
    if let Err(error) = writeln!(std::io::stdout(), "{line}") {
        warn!("a metric is lost: {error}");
    }
}
