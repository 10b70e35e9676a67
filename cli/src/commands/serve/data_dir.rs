//! The data folder, which one process at a time may use.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use resonare_local::Database;

/// What it holds is private.
#[cfg(unix)]
const OWNER_ONLY: u32 = 0o700;

/// An exclusive hold on a data folder.
pub(crate) struct DataDir {
    root: PathBuf,
    service: PathBuf,
    scratch: PathBuf,
    /// The lock is released when the process ends, however it ends.
    _lock: File,
}

impl DataDir {
    /// Locks the folder, and creates it if necessary.
    ///
    /// # Errors
    /// If it can't be used, or another process is using it.
    pub(crate) fn open(data_dir: &Path) -> anyhow::Result<Self> {
        let service = data_dir.join("service");
        let scratch = service.join("scratch");
        let open = || -> std::io::Result<File> {
            fs::create_dir_all(data_dir)?;
            let mut private = DirBuilder::new();
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut private, OWNER_ONLY);
            private.recursive(true).create(&scratch)?;
            File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(service.join("lock"))
        };
        let lock = open().with_context(|| format!("failed to use {}", data_dir.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "another `resonare serve` is using {}; stop it, or choose another --data-dir",
                data_dir.display()
            ),
            Err(TryLockError::Error(error)) => {
                return Err(error)
                    .with_context(|| format!("failed to lock {}", data_dir.display()));
            }
        }
        Ok(Self {
            root: data_dir.to_owned(),
            service,
            scratch,
            _lock: lock,
        })
    }

    /// Payloads and outputs.
    pub(crate) fn objects(&self) -> PathBuf {
        self.service.join("objects")
    }

    /// Records and queue.
    pub(crate) fn database(&self) -> anyhow::Result<Database> {
        let path = self.service.join("jobs.sqlite");
        Database::open(&path).with_context(|| format!("failed to open {}", path.display()))
    }

    /// The folder for temporary files.
    pub(crate) fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// Holds `<model_id>/tokenizer.json`.
    pub(crate) fn tokenizers(&self) -> PathBuf {
        self.root.join("tokenizers")
    }
}
