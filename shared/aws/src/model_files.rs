//! The files of models in a bucket, and tokenizers that are named by their URL.

use std::io::{self, Read as _, Write as _};

use aws_sdk_s3::Client;
use resonare_jobs::ports::{ObjectStore as _, Unavailable};
use resonare_tokenizer::{FilesError, LARGEST_FILE, ModelFile, ModelFiles, ModelId, UrlReader};
use tokio::runtime::Handle;

use crate::address::ObjectAddress;
use crate::objects::S3ObjectStore;

/// A bucket, for code that may be blocked.
#[derive(Clone, Debug)]
struct BlockingBucket {
    objects: S3ObjectStore,
    runtime: Handle,
}

impl BlockingBucket {
    fn new(client: Client, bucket: String, runtime: Handle) -> Self {
        Self {
            objects: S3ObjectStore::plain(client, bucket),
            runtime,
        }
    }

    /// The URL of a key.
    fn location(&self, key: &str) -> String {
        let address = ObjectAddress {
            bucket: self.objects.bucket.clone(),
            key: key.to_owned(),
        };
        address.to_string()
    }

    fn read(&self, key: &str) -> Result<Option<Vec<u8>>, FilesError> {
        let location = || self.location(key);
        let opened = self.runtime.block_on(self.objects.open(key, None));
        let opened = opened.map_err(|error| unavailable(location(), error))?;
        let Some(mut object) = opened else {
            return Ok(None);
        };
        if object.size_bytes > LARGEST_FILE {
            return Err(FilesError::TooLarge {
                location: location(),
            });
        }
        let mut bytes = Vec::new();
        let read = object.reader.read_to_end(&mut bytes);
        read.map_err(|error| failed(location(), error))?;
        Ok(Some(bytes))
    }

    fn write(&self, key: &str, bytes: &[u8]) -> Result<(), FilesError> {
        let location = || self.location(key);
        let writer = self.runtime.block_on(self.objects.create(key));
        let mut writer = writer.map_err(|error| unavailable(location(), error))?;
        let written = writer.write_all(bytes).and_then(|()| writer.finish());
        written.map_err(|error| failed(location(), error))
    }
}

fn unavailable(location: String, error: Unavailable) -> FilesError {
    FilesError::Unavailable {
        location,
        cause: error.cause,
    }
}

fn failed(location: String, error: io::Error) -> FilesError {
    FilesError::Unavailable {
        location,
        cause: error.into(),
    }
}

/// Keeps the files of models as `tokenizers/<model id>/<name>` of a bucket, for every environment of a function.
#[derive(Clone, Debug)]
pub struct S3ModelFiles {
    bucket: BlockingBucket,
}

impl S3ModelFiles {
    /// Those of a bucket. Transfers are tasks of `runtime`, whose own threads must not call this.
    pub fn new(client: Client, bucket: String, runtime: Handle) -> Self {
        Self {
            bucket: BlockingBucket::new(client, bucket, runtime),
        }
    }

    fn key(model: &ModelId, file: ModelFile) -> String {
        format!("tokenizers/{model}/{}", file.name())
    }
}

impl ModelFiles for S3ModelFiles {
    fn read(&self, model: &ModelId, file: ModelFile) -> Result<Option<Vec<u8>>, FilesError> {
        self.bucket.read(&Self::key(model, file))
    }

    fn keep(&self, model: &ModelId, file: ModelFile, bytes: &[u8]) -> Result<(), FilesError> {
        self.bucket.write(&Self::key(model, file), bytes)
    }

    fn location(&self, model: &ModelId, file: ModelFile) -> String {
        self.bucket.location(&Self::key(model, file))
    }
}

/// Reads tokenizers of any bucket.
#[derive(Clone, Debug)]
pub struct S3UrlReader {
    client: Client,
    runtime: Handle,
}

impl S3UrlReader {
    /// Reads with this client. Transfers are tasks of `runtime`, whose own threads must not call this.
    pub fn new(client: Client, runtime: Handle) -> Self {
        Self { client, runtime }
    }
}

impl UrlReader for S3UrlReader {
    fn read(&self, url: &str) -> Result<Option<Vec<u8>>, FilesError> {
        let Ok(Some(ObjectAddress { bucket, key })) = ObjectAddress::parse(url) else {
            return Err(FilesError::NotAUrl(url.to_owned()));
        };
        BlockingBucket::new(self.client.clone(), bucket, self.runtime.clone()).read(&key)
    }
}
