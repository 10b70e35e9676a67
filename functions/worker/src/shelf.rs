//! Tokenizers in the bucket, for every environment of the function.

use std::path::Path;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use resonare_aws::S3ObjectStore;
use resonare_jobs::ports::{ObjectStore as _, Unavailable};
use resonare_models::Shelf;
use tracing::warn;

/// The files of a tokenizer; the last makes it whole.
const FILES: [&str; 2] = ["source.json", "tokenizer.json"];

/// Larger files are no tokenizers.
const LARGEST_FILE: u64 = 128 << 20;

/// `tokenizers/<model_id>/` of the bucket.
pub(crate) struct BucketShelf {
    objects: S3ObjectStore,
    client: Client,
}

impl BucketShelf {
    pub(crate) fn new(client: Client, bucket: String) -> Self {
        Self {
            objects: S3ObjectStore::plain(client.clone(), bucket),
            client,
        }
    }

    async fn download(objects: &S3ObjectStore, key: &str, path: &Path) -> Result<bool, String> {
        let failed = |error: Unavailable| format!("{key} cannot be read: {}", error.cause);
        let Some(mut object) = objects.open(key, None).await.map_err(failed)? else {
            return Ok(false);
        };
        if object.size_bytes > LARGEST_FILE {
            return Err(format!("{key} is too large for a tokenizer"));
        }
        let path = path.to_owned();
        let copied = tokio::task::spawn_blocking(move || -> std::io::Result<()> {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let partial = path.with_extension("partial");
            let mut file = std::fs::File::create(&partial)?;
            std::io::copy(&mut object.reader, &mut file)?;
            std::fs::rename(partial, path)
        });
        let copied = copied.await.map_err(std::io::Error::other).flatten();
        copied.map_err(|error| format!("{key} cannot be kept: {error}"))?;
        Ok(true)
    }
}

#[async_trait]
impl Shelf for BucketShelf {
    async fn local_path(&self, tokenizer: &str) -> Result<String, String> {
        let Some((bucket, key)) = tokenizer
            .strip_prefix("s3://")
            .and_then(|rest| rest.split_once('/'))
        else {
            return Ok(tokenizer.to_owned());
        };
        let objects = S3ObjectStore::plain(self.client.clone(), bucket.to_owned());
        let path = std::env::temp_dir().join("tokenizer.json");
        if Self::download(&objects, key, &path).await? {
            Ok(path.display().to_string())
        } else {
            Err(format!("there is no {tokenizer}"))
        }
    }

    async fn fetch(&self, model_id: &str, folder: &Path) -> Result<bool, String> {
        let is_path = model_id
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with('.'));
        let folder = folder.join(model_id);
        if !is_path || folder.join(FILES[1]).exists() {
            return Ok(true);
        }
        let mut found = false;
        for name in FILES {
            let key = format!("tokenizers/{model_id}/{name}");
            found = Self::download(&self.objects, &key, &folder.join(name)).await?;
        }
        // The last file makes it whole.
        Ok(found)
    }

    async fn keep(&self, model_id: &str, folder: &Path) {
        for name in FILES {
            let path = folder.join(model_id).join(name);
            let Ok(mut file) = std::fs::File::open(&path) else {
                return;
            };
            let key = format!("tokenizers/{model_id}/{name}");
            let kept = match self.objects.create(&key).await {
                Ok(mut writer) => {
                    let copied = tokio::task::spawn_blocking(move || {
                        std::io::copy(&mut file, &mut writer)?;
                        writer.finish()
                    });
                    copied.await.map_err(std::io::Error::other).flatten()
                }
                Err(error) => Err(std::io::Error::other(error)),
            };
            if let Err(error) = kept {
                warn!("a tokenizer is not kept in the bucket: {error}");
                return;
            }
        }
    }
}
