//! Objects in S3, as a command reads and writes them.

use std::fs::File;
use std::io::{Read, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, bail};
use resonare_aws::{ObjectAddress, S3ObjectStore, S3UrlReader, UnknownAddress};
use resonare_jobs::causes;
use resonare_jobs::ports::{ObjectStore as _, ObjectWriter};
use tokio::runtime::Runtime;

/// Bytes that are copied between two looks at whether work is to end.
const PIECE: usize = 1 << 20;

/// The object whose URL a path is; `None` if it is the path of a file.
///
/// # Errors
/// If it names no bucket, or no object in it.
pub(crate) fn address_of(path: &Path) -> Result<Option<ObjectAddress>, UnknownAddress> {
    path.to_str().map_or(Ok(None), ObjectAddress::parse)
}

/// An object in the version that it had when it was found.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    address: ObjectAddress,
    version: Option<String>,
    pub(crate) size_bytes: u64,
}

impl std::fmt::Display for Object {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.address.fmt(out)
    }
}

/// The service, with the credentials of the SDK's default chain. Nothing is asked or started before
/// the first use.
#[derive(Clone, Debug, Default)]
pub(crate) struct S3(Arc<OnceLock<Connection>>);

#[derive(Debug)]
struct Connection {
    runtime: Runtime,
    configuration: aws_config::SdkConfig,
}

impl S3 {
    fn connection(&self) -> anyhow::Result<&Connection> {
        if let Some(connection) = self.0.get() {
            return Ok(connection);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let configuration = runtime.block_on(resonare_aws::configuration());
        let connection = Connection {
            runtime,
            configuration,
        };
        Ok(self.0.get_or_init(|| connection))
    }

    fn bucket(
        connection: &Connection,
        bucket: &str,
        region: Option<&str>,
    ) -> anyhow::Result<S3ObjectStore> {
        let mut configuration = connection.configuration.clone();
        if let Some(region) = region {
            let region = aws_config::Region::new(region.to_owned());
            configuration = configuration.into_builder().region(region).build();
        }
        if configuration.region().is_none() {
            bail!("no AWS region is set for s3://{bucket}; set AWS_REGION or AWS_PROFILE");
        }
        let client = resonare_aws::s3(&configuration);
        Ok(S3ObjectStore::plain(client, bucket.to_owned()))
    }

    /// Reads tokenizers; `url` is one that will be asked for.
    ///
    /// # Errors
    /// If no region is set.
    pub(crate) fn url_reader(&self, url: &str) -> anyhow::Result<S3UrlReader> {
        let connection = self.connection()?;
        if connection.configuration.region().is_none() {
            bail!("no AWS region is set for {url}; set AWS_REGION or AWS_PROFILE");
        }
        let client = resonare_aws::s3(&connection.configuration);
        Ok(S3UrlReader::new(
            client,
            connection.runtime.handle().clone(),
        ))
    }

    /// Looks for an object.
    ///
    /// # Errors
    /// If it is not there, or can't be asked for.
    pub(crate) fn find(&self, address: ObjectAddress) -> anyhow::Result<Object> {
        let connection = self.connection()?;
        let store = Self::bucket(connection, &address.bucket, None)?;
        let found = connection.runtime.block_on(store.find(&address.key));
        let found = found
            .map_err(|error| failed(&error))
            .with_context(|| format!("failed to read {address}"))?;
        let found = found.with_context(|| format!("{address} does not exist"))?;
        Ok(Object {
            address,
            version: found.version,
            size_bytes: found.size_bytes,
        })
    }

    /// Opens an object, in the version that was found.
    ///
    /// # Errors
    /// If it is gone or was replaced, or can't be read.
    pub(crate) fn open(&self, object: &Object) -> anyhow::Result<Box<dyn Read + Send>> {
        let ObjectAddress { bucket, key } = &object.address;
        let connection = self.connection()?;
        let store = Self::bucket(connection, bucket, None)?;
        let opened = store.open(key, object.version.as_deref());
        let opened = connection.runtime.block_on(opened);
        let opened = opened.map_err(|error| failed(&error))?;
        let opened = opened.context("it was replaced or removed before it was read")?;
        Ok(opened.reader)
    }

    /// Sends a file to an object, which is there once the upload is completed.
    ///
    /// # Errors
    /// If the file can't be read or the object can't be written, or if work was cancelled.
    pub(crate) fn upload(
        &self,
        file: &Path,
        target: &Target<'_>,
        cancelled: &AtomicBool,
    ) -> anyhow::Result<Upload> {
        let connection = self.connection()?;
        let store = Self::bucket(connection, target.bucket, target.region)?;
        let mut file = File::open(file)?;
        let writer = connection.runtime.block_on(store.create(&target.key));
        let mut writer = writer.map_err(|error| failed(&error))?;
        let mut piece = vec![0; PIECE];
        loop {
            if cancelled.load(Ordering::Relaxed) {
                bail!("interrupted");
            }
            let count = file.read(&mut piece)?;
            if count == 0 {
                break;
            }
            writer
                .write_all(&piece[..count])
                .map_err(|error| failed(&error))?;
        }
        Ok(Upload(writer))
    }

    /// Whether there is an object.
    ///
    /// # Errors
    /// If it can't be asked for.
    pub(crate) fn exists(&self, target: &Target<'_>) -> anyhow::Result<bool> {
        let connection = self.connection()?;
        let store = Self::bucket(connection, target.bucket, target.region)?;
        let found = connection.runtime.block_on(store.find(&target.key));
        Ok(found.map_err(|error| failed(&error))?.is_some())
    }

    /// Removes an object, if it is there.
    ///
    /// # Errors
    /// If that is refused.
    pub(crate) fn remove(&self, target: &Target<'_>) -> anyhow::Result<()> {
        let connection = self.connection()?;
        let store = Self::bucket(connection, target.bucket, target.region)?;
        let removed = connection.runtime.block_on(store.remove(&target.key, None));
        removed.map_err(|error| failed(&error))
    }
}

/// An object whose bytes are all sent. Unless it is completed, nothing of it is left.
pub(crate) struct Upload(Box<dyn ObjectWriter>);

impl Upload {
    /// Puts the object in its place.
    ///
    /// # Errors
    /// If that is refused.
    pub(crate) fn complete(self) -> anyhow::Result<()> {
        self.0.finish().map_err(|error| failed(&error))
    }
}

/// What is written to.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) bucket: &'a str,
    pub(crate) region: Option<&'a str>,
    pub(crate) key: String,
}

impl std::fmt::Display for Target<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "s3://{}/{}", self.bucket, self.key)
    }
}

/// Why S3 can't be used, down to the innermost cause.
fn failed(error: &dyn std::error::Error) -> anyhow::Error {
    anyhow::anyhow!("{}", causes(error))
}
