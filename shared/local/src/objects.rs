//! Objects as files: written aside, made durable, then renamed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use resonare_jobs::ports::{ObjectReader, ObjectStore, ObjectWriter, StoredObject, Unavailable};
use tempfile::NamedTempFile;

/// Holds what is not finished.
const STAGING: &str = ".staging";

/// Objects as files below a folder, in the folders that their keys name.
#[derive(Clone, Debug)]
pub struct FileObjectStore {
    root: PathBuf,
}

/// A key is a path of names that stay below the root.
fn is_key(key: &str) -> bool {
    let name = |name: &str| !name.is_empty() && !name.starts_with('.') && !name.contains('\0');
    key.split('/').all(name)
}

/// A file's name in the staging folder begins with its key, so that it is found by it.
fn staged(key: &str) -> String {
    key.replace('/', "~")
}

fn unless_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes a folder, again where somebody puts a file into it meanwhile.
fn remove_folder(folder: &Path) -> io::Result<()> {
    const ATTEMPTS: usize = 50;
    for _ in 0..ATTEMPTS {
        match unless_missing(fs::remove_dir_all(folder)) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                std::thread::sleep(Duration::from_millis(2));
            }
            removed => return removed,
        }
    }
    unless_missing(fs::remove_dir_all(folder))
}

fn entries(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

async fn blocking<T: Send + 'static>(
    action: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Unavailable> {
    let result = tokio::task::spawn_blocking(action)
        .await
        .map_err(io::Error::other)
        .flatten();
    result.map_err(|cause| Unavailable {
        port: "objects",
        cause: cause.into(),
    })
}

impl FileObjectStore {
    /// The objects below `root`, which is created if need be. What an earlier process left
    /// unfinished is removed: there is one process at a time.
    ///
    /// # Errors
    /// If the folder can't be used.
    pub fn open(root: &Path) -> io::Result<Self> {
        let staging = root.join(STAGING);
        unless_missing(fs::remove_dir_all(&staging))?;
        fs::create_dir_all(&staging)?;
        Ok(Self {
            root: root.to_owned(),
        })
    }

    fn path(&self, key: &str) -> io::Result<PathBuf> {
        if is_key(key) {
            Ok(self.root.join(key))
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "not a key"))
        }
    }

    fn create_blocking(&self, key: &str) -> io::Result<Box<dyn ObjectWriter>> {
        let path = self.path(key)?;
        let file = tempfile::Builder::new()
            .prefix(&format!("{}~", staged(key)))
            .tempfile_in(self.root.join(STAGING))?;
        Ok(Box::new(FileWriter { file, path }))
    }

    fn remove_blocking(&self, prefix: &str) -> io::Result<()> {
        self.path(prefix.trim_end_matches('/'))?;
        for entry in entries(&self.root.join(STAGING))? {
            if entry
                .file_name()
                .to_string_lossy()
                .starts_with(&staged(prefix))
            {
                unless_missing(fs::remove_file(entry.path()))?;
            }
        }
        let (folder, beginning) = prefix.rsplit_once('/').unwrap_or(("", prefix));
        let folder = self.root.join(folder);
        if beginning.is_empty() {
            return remove_folder(&folder);
        }
        for entry in entries(&folder)? {
            if entry.file_name().to_string_lossy().starts_with(beginning) {
                let path = entry.path();
                if path.is_dir() {
                    remove_folder(&path)?;
                } else {
                    unless_missing(fs::remove_file(path))?;
                }
            }
        }
        Ok(())
    }
}

struct FileWriter {
    file: NamedTempFile,
    path: PathBuf,
}

impl Write for FileWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl ObjectWriter for FileWriter {
    fn finish(self: Box<Self>) -> io::Result<()> {
        let Self { file, path } = *self;
        file.as_file().sync_all()?;
        let folder = path.parent().expect("a key lies below the root");
        fs::create_dir_all(folder)?;
        file.persist(&path)?;
        // The name is durable once its folders are.
        for folder in path.ancestors().skip(1).take(3) {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

#[async_trait]
impl ObjectStore for FileObjectStore {
    async fn create(&self, key: &str) -> Result<Box<dyn ObjectWriter>, Unavailable> {
        let (store, key) = (self.clone(), key.to_owned());
        blocking(move || store.create_blocking(&key)).await
    }

    async fn open(
        &self,
        key: &str,
        _version: Option<&str>,
    ) -> Result<Option<ObjectReader>, Unavailable> {
        let (store, key) = (self.clone(), key.to_owned());
        let open = move || match File::open(store.path(&key)?) {
            Ok(file) => {
                let size_bytes = file.metadata()?.len();
                Ok(Some(ObjectReader {
                    reader: Box::new(file),
                    size_bytes,
                }))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        blocking(open).await
    }

    async fn remove(&self, key: &str, _version: Option<&str>) -> Result<(), Unavailable> {
        let (store, key) = (self.clone(), key.to_owned());
        blocking(move || unless_missing(fs::remove_file(store.path(&key)?))).await
    }

    async fn remove_all(&self, prefix: &str) -> Result<(), Unavailable> {
        let (store, prefix) = (self.clone(), prefix.to_owned());
        blocking(move || store.remove_blocking(&prefix)).await
    }

    async fn find(&self, key: &str) -> Result<Option<StoredObject>, Unavailable> {
        let (store, key) = (self.clone(), key.to_owned());
        let find = move || match fs::metadata(store.path(&key)?) {
            Ok(found) => Ok(Some(StoredObject {
                size_bytes: found.len(),
                version: None,
                last_modified: None,
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        blocking(find).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_below_the_root() {
        for good in ["a", "a/b", "0190/data/train.jsonl"] {
            assert!(is_key(good), "{good}");
        }
        for bad in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            "..",
            "a/../b",
            ".staging/x",
            "a/.b",
        ] {
            assert!(!is_key(bad), "{bad}");
        }
    }
}
