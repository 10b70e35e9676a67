//! The environment of a function, read once at its start.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use resonare_aws::{Clients, DynamoJobStore, S3ObjectStore, SqsQueue};
use resonare_jobs::{Jobs, Limits, Ports, SystemClock, Timings};
use resonare_settings::{Configuration, Layers};

use crate::metrics::Metrics;
use crate::owner::{Authorization, OwnerScope, Owners};

/// What `template.yaml` sets for a function.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The bucket of payloads and outputs.
    pub bucket: String,
    /// The table of records.
    pub table: String,
    /// The queue of runs to work on.
    pub queue_url: String,
    /// The stack's name, which distinguishes its metrics from those of others.
    pub stack: String,
    /// How owners are distinguished.
    pub owners: Owners,
    /// How long things take.
    pub timings: Timings,
    /// What one owner may have.
    pub limits: Limits,
    /// The operator's configuration.
    pub configuration: Arc<Configuration>,
}

/// The use cases and what they stand on, built once for all invocations.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The environment.
    pub environment: Environment,
    /// The SDK's clients.
    pub clients: Clients,
    /// Objects, and their uploads and downloads.
    pub objects: S3ObjectStore,
}

impl Environment {
    /// The names of all variables that the functions read, beside `RESONARE_…`.
    pub const VARIABLES: [&str; 17] = [
        "JOBS_BUCKET",
        "JOBS_TABLE",
        "JOBS_QUEUE_URL",
        "STACK_NAME",
        "API_AUTHORIZATION",
        "OWNER_IS",
        "LEASE_SECONDS",
        "MAX_ATTEMPTS",
        "RETENTION_DAYS",
        "MAX_ACTIVE_JOBS",
        "MAX_BYTES_PER_DAY",
        "MAX_UPLOAD_BYTES",
        "MALLOC_ARENA_MAX",
        "MALLOC_MMAP_THRESHOLD_",
        "HF_ENDPOINT",
        "HF_TOKEN_ARN",
        "PREVIOUS_TABLE",
    ];

    /// Reads the variables of this process.
    ///
    /// # Errors
    /// If one is missing or makes no sense; the error names it.
    pub fn from_env() -> anyhow::Result<Self> {
        Self::read(std::env::vars().collect())
    }

    fn read(variables: HashMap<String, String>) -> anyhow::Result<Self> {
        let text = |name: &str| {
            let value = variables.get(name).filter(|value| !value.is_empty());
            value
                .cloned()
                .with_context(|| format!("the environment variable {name} is not set"))
        };
        let number = |name: &str| -> anyhow::Result<u64> {
            let value = text(name)?;
            let number = value.parse();
            number.with_context(|| format!("{name} is {value:?}, which is not a whole number"))
        };
        let authorization = match &*text("API_AUTHORIZATION")? {
            "IAM" => Authorization::Iam,
            "JWT" => Authorization::Jwt,
            "OPEN" => Authorization::Open,
            other => bail!("API_AUTHORIZATION is {other:?}; expected IAM, JWT or OPEN"),
        };
        let owner_scope = match &*text("OWNER_IS")? {
            "ROLE" => OwnerScope::Role,
            "SESSION" => OwnerScope::Session,
            other => bail!("OWNER_IS is {other:?}; expected ROLE or SESSION"),
        };
        let timings = Timings {
            lease: Duration::from_secs(number("LEASE_SECONDS")?),
            max_attempts: u32::try_from(number("MAX_ATTEMPTS")?)?,
            retention: Duration::from_hours(24 * number("RETENTION_DAYS")?),
            ..Timings::default()
        };
        let limits = Limits {
            active_jobs: usize::try_from(number("MAX_ACTIVE_JOBS")?)?,
            bytes_per_day: number("MAX_BYTES_PER_DAY")?,
            upload_bytes: number("MAX_UPLOAD_BYTES")?,
        };
        let (bucket, table, queue_url, stack) = (
            text("JOBS_BUCKET")?,
            text("JOBS_TABLE")?,
            text("JOBS_QUEUE_URL")?,
            text("STACK_NAME")?,
        );
        // Values that are not set in the template arrive as empty strings.
        let environment = variables
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let layers = Layers {
            environment,
            ..Layers::default()
        };
        Ok(Self {
            bucket,
            table,
            queue_url,
            stack,
            owners: Owners {
                authorization,
                owner_scope,
            },
            timings,
            limits,
            configuration: Arc::new(Configuration::load(layers)?),
        })
    }
}

impl Deployment {
    /// The deployment that this process's environment describes.
    ///
    /// # Errors
    /// Those of [`Environment::from_env`].
    pub async fn from_env() -> anyhow::Result<Self> {
        let environment = Environment::from_env()?;
        let clients = Clients::new(&resonare_aws::configuration().await);
        let objects = S3ObjectStore::new(clients.s3.clone(), environment.bucket.clone());
        Ok(Self {
            environment,
            clients,
            objects,
        })
    }

    /// The records of jobs.
    pub fn records(&self) -> DynamoJobStore {
        let table = self.environment.table.clone();
        DynamoJobStore::new(self.clients.dynamodb.clone(), table)
    }

    /// Where metrics go.
    pub fn metrics(&self) -> Metrics {
        Metrics::new(&self.environment.stack)
    }

    /// The use cases.
    pub fn jobs(&self) -> Jobs {
        let Environment {
            queue_url,
            timings,
            limits,
            ..
        } = &self.environment;
        let queue = SqsQueue::new(self.clients.sqs.clone(), queue_url.clone());
        let ports = Ports {
            objects: Arc::new(self.objects.clone()),
            records: Arc::new(self.records()),
            queue: Arc::new(queue),
            clock: Arc::new(SystemClock),
            observer: Arc::new(self.metrics()),
        };
        Jobs::new(ports, *timings, *limits)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use resonare_settings::Key;

    use super::*;

    fn variables() -> HashMap<String, String> {
        let known = [
            ("JOBS_BUCKET", "b"),
            ("JOBS_TABLE", "t"),
            ("JOBS_QUEUE_URL", "q"),
            ("STACK_NAME", "s"),
            ("API_AUTHORIZATION", "IAM"),
            ("OWNER_IS", "ROLE"),
            ("LEASE_SECONDS", "60"),
            ("MAX_ATTEMPTS", "3"),
            ("RETENTION_DAYS", "7"),
            ("MAX_ACTIVE_JOBS", "1"),
            ("MAX_BYTES_PER_DAY", "2"),
            ("MAX_UPLOAD_BYTES", "3"),
            ("RESONARE_MODEL_ID", "a/b"),
            ("RESONARE_TOKENIZER", ""),
            ("RESONARE_OUTPUT__RAW", "never"),
        ];
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        known.map(owned).into()
    }

    #[test]
    fn the_template_sets_what_is_read_and_nothing_else() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml");
        let template = std::fs::read_to_string(path).unwrap();
        let lines = template.lines().map(str::trim);
        let names = lines.filter_map(|line| Some(line.split_once(": ")?.0));
        let set: BTreeSet<_> = names
            .filter(|name| name.contains('_') && *name == name.to_uppercase())
            .collect();
        let of_template = Key::ALL.iter().filter(|key| key.entry().is_parameter);
        let variable =
            |key: &Key| format!("RESONARE_{}", key.name().to_uppercase().replace('.', "__"));
        let keys: BTreeSet<_> = of_template.map(variable).collect();
        let (configuration, others): (BTreeSet<_>, BTreeSet<_>) = set
            .into_iter()
            .partition(|name| name.starts_with("RESONARE_"));
        assert_eq!(others, Environment::VARIABLES.into());
        assert_eq!(configuration, keys.iter().map(String::as_str).collect());
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let environment = Environment::read(variables()).unwrap();
        assert_eq!(environment.configuration.model_id, "a/b");
        assert_eq!(environment.configuration.tokenizer, None);
        for (name, value) in [
            ("JOBS_BUCKET", ""),
            ("API_AUTHORIZATION", "NONE"),
            ("OWNER_IS", "ANYBODY"),
            ("LEASE_SECONDS", "soon"),
            ("RESONARE_TOKEN_BUDGET", "half"),
        ] {
            let mut wrong = variables();
            wrong.insert(name.to_owned(), value.to_owned());
            let error = Environment::read(wrong).unwrap_err().to_string();
            let key = name.trim_start_matches("RESONARE_").to_lowercase();
            assert!(error.contains(name) || error.contains(&key), "{error}");
        }
    }
}
