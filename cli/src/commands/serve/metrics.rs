//! `GET /metrics`: what the service does, for Prometheus. No label names a job or anybody, and each has few values.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use resonare_http::AnsweredRequest;
use resonare_jobs::{JobRecord, Observer, Step};

use super::snapshot::Snapshot;

type Labels<const N: usize> = [(&'static str, String); N];
type Count<const N: usize> = Family<Labels<N>, Counter>;

/// Seconds: from a small export on a fast machine to hours.
const JOB_SECONDS: [f64; 14] = [
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0, 600.0, 1800.0, 3600.0, 10800.0,
];

/// The version of the format.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Makes the histograms of a family.
#[derive(Clone)]
struct Seconds;

impl MetricConstructor<Histogram> for Seconds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(JOB_SECONDS)
    }
}

/// What is counted as it happens. Clones count together.
#[derive(Clone)]
pub(super) struct Metrics {
    requests: Count<3>,
    refusals: Count<1>,
    steps: Count<1>,
    failures: Count<1>,
    received: Counter,
    durations: Family<Labels<1>, Histogram, Seconds>,
    waits: Histogram,
}

impl Metrics {
    /// Nothing has happened yet.
    pub(super) fn new() -> Self {
        Self {
            requests: Count::default(),
            refusals: Count::default(),
            steps: Count::default(),
            failures: Count::default(),
            received: Counter::default(),
            durations: Family::new_with_constructor(Seconds),
            waits: Seconds.new_metric(),
        }
    }

    /// Counts a request.
    pub(super) fn answered(&self, answered: &AnsweredRequest) {
        let labels = [
            ("method", answered.method.to_owned()),
            ("route", answered.route().to_owned()),
            ("status", answered.status.as_u16().to_string()),
        ];
        self.requests.get_or_create(&labels).inc();
        let submits = answered.method != "GET" && is_submission(answered.route());
        if let Some(refusal) = answered.refusal.filter(|_| submits) {
            let labels = [("reason", refusal.to_owned())];
            self.refusals.get_or_create(&labels).inc();
        }
    }

    /// Everything, with what is the case now.
    pub(super) fn answer(&self, now: &Snapshot) -> Response {
        let mut registry = Registry::with_prefix("resonare");
        self.register(&mut registry);
        register_snapshot(&mut registry, now);
        let mut text = String::new();
        if encode(&mut text, &registry).is_err() {
            unreachable!("a string takes everything that is written");
        }
        ([(header::CONTENT_TYPE, TEXT)], text).into_response()
    }

    fn register(&self, registry: &mut Registry) {
        registry.register(
            "requests",
            "Requests that were answered, by route and status",
            self.requests.clone(),
        );
        registry.register(
            "refusals",
            "Submissions that were refused, by reason",
            self.refusals.clone(),
        );
        registry.register(
            "job_steps",
            "Steps of jobs: submitted, claimed (an attempt), postponed (it is tried again), completed, failed and others",
            self.steps.clone(),
        );
        registry.register(
            "job_failures",
            "Jobs that failed for good, by kind",
            self.failures.clone(),
        );
        registry.register(
            "received_bytes",
            "Bytes of the exports of submitted jobs",
            self.received.clone(),
        );
        registry.register(
            "job_duration_seconds",
            "How long jobs took that completed, or failed since they were first started",
            self.durations.clone(),
        );
        registry.register(
            "job_wait_seconds",
            "How long jobs waited in the queue before an attempt",
            self.waits.clone(),
        );
    }
}

fn is_submission(route: &str) -> bool {
    route == "/data-prep/process" || route.starts_with("/data-prep/uploads")
}

fn register_snapshot(registry: &mut Registry, now: &Snapshot) {
    let mut gauge = |name: &str, help: &str, values: &[(Option<(&'static str, &str)>, f64)]| {
        let family: Family<Vec<(&'static str, String)>, Gauge<f64, std::sync::atomic::AtomicU64>> =
            Family::default();
        for (label, value) in values {
            let labels: Vec<_> = label
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect();
            family.get_or_create(&labels).set(*value);
        }
        registry.register(name, help, family);
    };
    if let Some(census) = &now.census {
        let jobs = census
            .jobs
            .map(|(status, count)| (Some(("state", status.name())), count as f64));
        gauge("jobs", "Jobs that are stored, by state", &jobs);
        gauge(
            "oldest_queued_job_age_seconds",
            "For how long the oldest queued job has waited; 0 if none waits",
            &[(None, now.oldest_queued_age.as_secs_f64())],
        );
        gauge(
            "queue_messages",
            "Messages to workers, those of running jobs included",
            &[(None, census.messages as f64)],
        );
    }
    let faults = ["disk", "database", "tokenizer"].map(|kind| {
        let is_there = now.faults.iter().any(|fault| fault.kind == kind);
        (Some(("reason", kind)), f64::from(u8::from(is_there)))
    });
    gauge(
        "degraded",
        "1 where the service's health has that fault, else 0",
        &faults,
    );
    if let Some(space) = &now.disk {
        gauge(
            "disk_free_bytes",
            "Free bytes of the disk that holds the jobs",
            &[(None, space.free_bytes as f64)],
        );
        gauge(
            "disk_size_bytes",
            "Size of the disk that holds the jobs",
            &[(None, space.total_bytes as f64)],
        );
    }
    let version = env!("CARGO_PKG_VERSION");
    gauge(
        "build_info",
        "The version of the service",
        &[(Some(("version", version)), 1.0)],
    );
}

impl Observer for Metrics {
    fn step(&self, job: &JobRecord, step: &Step) {
        let label = |name, value: &str| [(name, value.replace(' ', "_"))];
        self.steps.get_or_create(&label("step", step.name())).inc();
        let duration = step.duration(job).map(|duration| duration.as_secs_f64());
        match step {
            Step::Submitted | Step::Uploaded => {
                self.received.inc_by(job.payload.size_bytes);
            }
            Step::Claimed(waited) => self.waits.observe(waited.as_secs_f64()),
            Step::Failed(kind) => {
                self.failures
                    .get_or_create(&label("kind", kind.name()))
                    .inc();
            }
            _ => {}
        }
        if let (Step::Completed(_) | Step::Failed(_), Some(duration)) = (step, duration) {
            let labels = label("outcome", step.name());
            self.durations.get_or_create(&labels).observe(duration);
        }
    }
}
