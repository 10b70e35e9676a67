//! `resonare serve`: the HTTP API, workers and a sweeper in one process, without any other server.

mod data_dir;
mod disk;
mod guard;
mod health;
mod listener;
mod metrics;
mod page;
mod readiness;
mod requests;
mod signals;
mod snapshot;
mod worker;

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::routing::get;
use resonare_http::{Api, BodyLimits, CallerProof, ServerTransfers, Tickets};
use resonare_job_tokenizers::JobTokenizers;
use resonare_jobs::{
    JobStatus, Jobs, Limits, Owner, PipelineProcessor, Ports, SystemClock, Timings, causes,
};
use resonare_local::{Census, Database, FileObjectStore, SqliteJobStore, SqliteQueue};
use resonare_settings::Configuration;
use resonare_tokenizer::Lookup;
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::arguments::{ServeArguments, layers};
use crate::browser;
use crate::error::{CommandError, Result};
use crate::log;
use crate::processors::processors;
use crate::storage::s3::S3;
use crate::tokenizers;
use data_dir::DataDir;
use disk::Disk;
use guard::{Guard, Secret};
use health::ServiceHealth;
use metrics::Metrics;
use readiness::TokenizerReadiness;
use signals::Signals;
use snapshot::Watch;
use worker::Workers;

/// A crash is as often the user's doing as the job's.
const MAX_ATTEMPTS: u32 = 5;

/// The largest size of a compressed body after decompression.
const DECOMPRESSED_BYTES: u64 = 4 << 30;

/// How long receiving a body of `/data-prep/process` may take.
const BODY_TIME: Duration = Duration::from_mins(10);

/// How often a running job's progress is noted: a write costs little here.
const PROGRESS: Duration = Duration::from_secs(1);

/// How long connections may take to close.
const CONNECTION_GRACE: Duration = Duration::from_secs(5);

pub(crate) fn run(arguments: &ServeArguments) -> Result<()> {
    let configuration = Configuration::load(layers(arguments.config.clone(), Vec::new()))?;
    let address = resolve(&arguments.host, arguments.port)
        .map_err(|error| CommandError::usage(format!("--host: {error:#}")))?;
    let token = arguments.token.token.as_deref();
    if token.is_some_and(|token| token.trim().is_empty()) {
        return Err(CommandError::usage("--token (RESONARE_TOKEN) is empty"));
    }
    if token.is_none() && !address.ip().is_loopback() {
        return Err(CommandError::usage(format!(
            "others can reach {}, so requests need a secret: set one with --token or RESONARE_TOKEN",
            address.ip()
        )));
    }
    let data_dir = DataDir::open(&arguments.data_dir)?;
    // It has a runtime of its own, which has to outlive the service.
    let s3 = S3::default();
    let lookup = tokenizers::lookup(&configuration, &data_dir.tokenizers(), &s3)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("failed to start")?;
    let configuration = Arc::new(configuration);
    let service = serve(arguments, configuration, address, data_dir, lookup);
    let served = runtime.block_on(service);
    // Do not wait for a read that never returns.
    runtime.shutdown_timeout(Duration::from_secs(1));
    served
}

fn resolve(host: &str, port: u16) -> anyhow::Result<SocketAddr> {
    let ip = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = ip.parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, port));
    }
    let mut addresses = (host, port)
        .to_socket_addrs()
        .with_context(|| format!("{host:?} is not an address of this machine"))?;
    addresses
        .next()
        .context("it does not resolve to any address")
}

fn ports(
    data_dir: &DataDir,
    database: Database,
    metrics: Metrics,
) -> anyhow::Result<(Ports, SqliteJobStore, SqliteQueue)> {
    let queue = SqliteQueue::new(database.clone());
    let records = SqliteJobStore::new(database);
    let objects = FileObjectStore::open(&data_dir.objects())
        .with_context(|| format!("failed to use {}", data_dir.objects().display()))?;
    let ports = Ports {
        objects: Arc::new(objects),
        records: Arc::new(records.clone()),
        queue: Arc::new(queue.clone()),
        clock: Arc::new(SystemClock),
        observer: Arc::new(metrics),
    };
    Ok((ports, records, queue))
}

fn timings(arguments: &ServeArguments) -> Timings {
    Timings {
        lease: Duration::from_secs(arguments.lease_secs),
        beat: PROGRESS,
        retention: Duration::from_hours(24 * arguments.retention_days),
        max_attempts: MAX_ATTEMPTS,
        ..Timings::default()
    }
}

fn limits(arguments: &ServeArguments) -> Limits {
    Limits {
        active_jobs: arguments.max_active_jobs,
        upload_bytes: arguments.max_upload_bytes,
        ..Limits::NONE
    }
}

async fn serve(
    arguments: &ServeArguments,
    configuration: Arc<Configuration>,
    address: SocketAddr,
    data_dir: DataDir,
    lookup: Lookup,
) -> Result<()> {
    let tokenizers = JobTokenizers::new(lookup);
    let readiness = TokenizerReadiness::new(tokenizers.clone(), Arc::clone(&configuration));
    if let Err(error) = readiness.look_at_start().await {
        return Err(CommandError::usage(causes(&error)));
    }
    let database = data_dir.database()?;
    let metrics = Metrics::new();
    let (ports, records, queue) = ports(&data_dir, database.clone(), metrics.clone())?;
    let timings = timings(arguments);
    let jobs = Jobs::new(ports.clone(), timings, limits(arguments));
    let recovered = async {
        records.recover(ports.clock.now()).await?;
        queue.recover().await?;
        jobs.recover().await
    };
    recovered.await.context("failed to recover earlier jobs")?;

    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("failed to listen on {address}; choose another with --host and --port")
    })?;
    let address = listener.local_addr()?;
    let processor = PipelineProcessor {
        objects: Arc::clone(&ports.objects),
        models: tokenizers,
        threads: threads(arguments),
        scratch_dir: data_dir.scratch().to_owned(),
        outputs_are_on_s3: false,
    };
    let disk = Disk::new(data_dir.scratch(), arguments.min_free_bytes);
    let health = ServiceHealth::new(readiness, disk.clone(), database.clone());
    let watch = Watch {
        database: database.clone(),
        disk,
        health: health.clone(),
        model_id: configuration.model_id.clone(),
    };
    let workers = Workers::start(
        jobs.clone(),
        (database.clone(), queue),
        Arc::new(processor),
        arguments.jobs,
    );
    let tickets = Tickets::new(Arc::clone(&ports.clock));
    let secret = arguments.token.token.as_deref();
    let secret = secret.map(|token| Secret::new(token, tickets));
    let transfers = ServerTransfers {
        objects: ports.objects,
        clock: ports.clock,
        timings,
        tickets: secret.as_ref().map(|secret| secret.tickets.clone()),
    };
    let guard = Guard::new(
        address.ip(),
        &arguments.allow_host,
        secret,
        Owner("local".to_owned()),
    );
    let api = api(jobs, configuration, health, transfers, arguments);
    let router = resonare_http::all(api).merge(for_prometheus(metrics.clone(), watch));
    let router = router.merge(page::routes());
    let router = requests::observed(guard.protect(router), metrics);
    let router = resonare_http::take_the_rest(router);
    // Whoever reads that it listens may tell it to stop.
    let mut stop = Signals::listen()?;
    info!(version = env!("CARGO_PKG_VERSION"), %address, "started");
    let url = format!("http://{address}");
    log::say_listening(&url, arguments.log_format)?;
    if arguments.open {
        // A browser has no way to an address that stands for all of them.
        browser::show(
            url.replace("//0.0.0.0:", "//127.0.0.1:")
                .replace("//[::]:", "//[::1]:"),
        );
    }

    let connections = listener::serve(&listener, router, stop.wait()).await;
    info!("stopping: running jobs return to the queue");
    let ended = async { tokio::join!(workers.stop(), connections.end(CONNECTION_GRACE)) };
    tokio::select! {
        _ = ended => say_stopped(&database, arguments).await,
        () = stop.wait() => {
            warn!("stopped immediately: running jobs resume at the next start");
            return Err(CommandError::INTERRUPTED);
        }
    }
    Ok(())
}

/// Says what is kept for the next start.
async fn say_stopped(database: &Database, arguments: &ServeArguments) {
    let place = arguments.data_dir.display();
    let waiting = match Census::take(database).await {
        Ok(census) => census.count(JobStatus::Queued) + census.count(JobStatus::AwaitingUpload),
        Err(error) => {
            warn!("stopped; the jobs could not be counted: {}", causes(&error));
            return;
        }
    };
    if waiting == 0 {
        info!(waiting, "stopped; finished jobs are kept in {place}");
    } else {
        info!(
            waiting,
            "stopped; {waiting} unfinished jobs are kept in {place} and go on at the next start"
        );
    }
}

/// The route that Prometheus asks.
fn for_prometheus(metrics: Metrics, watch: Watch) -> Router {
    let answer = move || async move { metrics.answer(&watch.look().await) };
    Router::new().route("/metrics", get(answer))
}

fn threads(arguments: &ServeArguments) -> NonZeroUsize {
    let share = NonZeroUsize::new(processors().get() / arguments.jobs.get());
    arguments
        .threads
        .unwrap_or(share.unwrap_or(NonZeroUsize::MIN))
}

fn api(
    jobs: Jobs,
    configuration: Arc<Configuration>,
    health: ServiceHealth,
    transfers: ServerTransfers,
    arguments: &ServeArguments,
) -> Api {
    let transfers = Arc::new(transfers);
    Api {
        jobs,
        configuration,
        limits: BodyLimits {
            bytes: arguments.max_body_bytes,
            decompressed_bytes: DECOMPRESSED_BYTES,
            pause: Duration::from_secs(arguments.max_pause_secs),
            total: BODY_TIME,
            instead: "send larger exports with POST /data-prep/uploads, as `resonare submit` does",
        },
        uploads: transfers.clone(),
        downloads: transfers,
        health: Arc::new(health),
        proof: match arguments.token.token {
            Some(_) => CallerProof::Secret,
            None => CallerProof::None,
        },
        lists_jobs: true,
    }
}
