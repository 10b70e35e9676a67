//! Metrics, in the format that `CloudWatch` takes from the log.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::io::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use resonare_jobs::{FailureKind, JobRecord, Observer, Step};
use serde_json::{Map, Value, json};
use tracing::warn;

/// The namespace of all metrics.
const NAMESPACE: &str = "Resonare";

/// What one event adds to the metrics: their names, units and values.
type Values = Vec<(&'static str, &'static str, Value)>;

/// Writes metrics, with the stack as their dimension.
#[derive(Clone, Debug)]
pub struct Metrics {
    stack: String,
}

impl Metrics {
    /// The metrics of a stack.
    pub fn new(stack: &str) -> Self {
        Self {
            stack: stack.to_owned(),
        }
    }

    /// For how long the oldest of what is due has been due.
    pub fn due_age(&self, age: Duration) {
        self.emit(vec![("DueAgeSeconds", "Seconds", json!(age.as_secs()))]);
    }

    fn emit(&self, values: Values) {
        if values.is_empty() {
            return;
        }
        let line = self.line(values, SystemTime::now());
        if let Err(error) = writeln!(std::io::stdout(), "{line}") {
            warn!("failed to write a metric: {error}");
        }
    }

    fn line(&self, values: Values, now: SystemTime) -> Value {
        let named = |(name, unit, _): &(&str, &str, Value)| json!({"Name": name, "Unit": unit});
        let since = now.duration_since(UNIX_EPOCH);
        let mut line = Map::new();
        line.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or_default()),
                "CloudWatchMetrics": [{
                    "Namespace": NAMESPACE,
                    "Dimensions": [["stack"]],
                    "Metrics": values.iter().map(named).collect::<Vec<_>>(),
                }],
            }),
        );
        line.insert("stack".to_owned(), self.stack.clone().into());
        line.extend(
            values
                .into_iter()
                .map(|(name, _, value)| (name.to_owned(), value)),
        );
        Value::Object(line)
    }
}

/// What a step adds.
fn values(job: &JobRecord, step: &Step) -> Values {
    let one = |name| vec![(name, "Count", json!(1))];
    match step {
        Step::Submitted | Step::Uploaded | Step::Admitted => one("JobsSubmitted"),
        Step::Claimed(waited) => vec![("WaitingSeconds", "Seconds", json!(waited.as_secs_f64()))],
        Step::Completed(took) => vec![
            ("JobsCompleted", "Count", json!(1)),
            ("JobSeconds", "Seconds", json!(took.as_secs_f64())),
            ("BytesRead", "Bytes", json!(job.payload.size_bytes)),
        ],
        Step::Failed(FailureKind::Refused) => one("UploadsRefused"),
        Step::Failed(_) => one("JobsFailed"),
        Step::Announced
        | Step::Held(_)
        | Step::Postponed(_)
        | Step::GivenBack
        | Step::Released
        | Step::SentAgain
        | Step::Deleted
        | Step::Expired => Vec::new(),
    }
}

impl Observer for Metrics {
    fn step(&self, job: &JobRecord, step: &Step) {
        self.emit(values(job, step));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_its_metrics_and_has_their_values() {
        let metrics = Metrics::new("mine");
        let values = vec![
            ("JobsCompleted", "Count", json!(1)),
            ("JobSeconds", "Seconds", json!(2.5)),
        ];
        let line = metrics.line(values, UNIX_EPOCH + Duration::from_secs(1));
        assert_eq!(
            line,
            json!({
                "_aws": {
                    "Timestamp": 1000,
                    "CloudWatchMetrics": [{
                        "Namespace": "Resonare",
                        "Dimensions": [["stack"]],
                        "Metrics": [
                            {"Name": "JobsCompleted", "Unit": "Count"},
                            {"Name": "JobSeconds", "Unit": "Seconds"},
                        ],
                    }],
                },
                "stack": "mine",
                "JobsCompleted": 1,
                "JobSeconds": 2.5,
            })
        );
    }
}
