//! A worker's part of a job against an S3 server: what it downloads, and what it does with it. The
//! server and the credentials are those of the SDK's environment variables.

use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use resonare_aws::S3ObjectStore;
use resonare_job_tokenizers::JobTokenizers;
use resonare_jobs::ports::ObjectStore;
use resonare_jobs::{Attempt, JobRecord, PipelineProcessor, Processor as _, Verdict};
use resonare_settings::Configuration;
use resonare_tokenizer::{FolderModelFiles, Hub, Lookup, NoUrls};
use serde_json::json;

const USAGE: &str = "usage: object upload EXPORT BUCKET | download BUCKET | process BUCKET RAW";
const RUN_ID: &str = "0197a4d2-0000-7000-8000-000000000000";
const PAYLOAD: &str = "bench/payload";

async fn upload(store: &S3ObjectStore, export: &Path) -> anyhow::Result<()> {
    let mut file = std::fs::File::open(export)?;
    let mut writer = store.create(PAYLOAD).await?;
    let copied = tokio::task::spawn_blocking(move || {
        io::copy(&mut file, &mut writer)?;
        writer.flush()?;
        writer.finish()
    });
    Ok(copied.await??)
}

async fn download(store: &S3ObjectStore) -> anyhow::Result<()> {
    let object = store.open(PAYLOAD, None).await?;
    let mut object = object.context("nothing was uploaded")?;
    let copied = tokio::task::spawn_blocking(move || io::copy(&mut object.reader, &mut io::sink()));
    copied.await??;
    Ok(())
}

async fn process(store: S3ObjectStore, raw: &str) -> anyhow::Result<()> {
    let mut config = Configuration::default().to_json();
    config.insert("output.raw".to_owned(), raw.into());
    config.insert("tokenizer".to_owned(), "o200k_base".into());
    let found = store.find(PAYLOAD).await?.context("nothing was uploaded")?;
    let job: JobRecord = serde_json::from_value(json!({
        "schema_version": 1, "revision": 1, "write_id": RUN_ID, "run_id": RUN_ID, "owner": "bench",
        "status": "RUNNING", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        "expires_at": "2036-01-01T00:00:00Z", "config": config,
        "payload": {"key": PAYLOAD, "version": found.version, "size_bytes": found.size_bytes},
    }))?;
    let processor = PipelineProcessor {
        objects: Arc::new(store),
        models: JobTokenizers::new(Lookup {
            files: Arc::new(FolderModelFiles::new(std::env::temp_dir())),
            urls: Arc::new(NoUrls),
            hub: Hub::new(None, None),
        }),
        threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        scratch_dir: std::env::temp_dir(),
        outputs_are_on_s3: true,
    };
    match processor.process(&job, &Attempt::default()).await {
        Verdict::Completed { .. } => Ok(()),
        verdict => bail!("{verdict:?}"),
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let configuration = resonare_aws::configuration().await;
    let store =
        |bucket: &str| S3ObjectStore::plain(resonare_aws::s3(&configuration), bucket.to_owned());
    match arguments.as_slice() {
        ["upload", export, bucket] => upload(&store(bucket), Path::new(export)).await,
        ["download", bucket] => download(&store(bucket)).await,
        ["process", bucket, raw] => process(store(bucket), raw).await,
        _ => bail!(USAGE),
    }
}
