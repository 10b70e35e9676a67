//! A lock for each run id, which ends with its process.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use same_file::Handle;

/// The end of a lock file's name, `.<run id>.lock`.
const SUFFIX: &str = ".lock";

/// Keeps others from writing the outputs of a run id until it is dropped.
#[derive(Debug)]
pub(crate) struct RunLock {
    path: PathBuf,
    _file: File,
}

impl RunLock {
    /// The path of a run id's lock file.
    pub(crate) fn path(folder: &Path, run_id: &str) -> PathBuf {
        folder.join(format!(".{run_id}{SUFFIX}"))
    }

    /// The run id whose lock a file is.
    pub(crate) fn run_id(file_name: &str) -> Option<&str> {
        file_name.strip_prefix('.')?.strip_suffix(SUFFIX)
    }

    /// Takes the lock; `None` if another process, or another part of this one, has it.
    ///
    /// # Errors
    /// If the lock file can't be created, or the file system does not support locks.
    pub(crate) fn take(folder: &Path, run_id: &str) -> io::Result<Option<Self>> {
        let path = Self::path(folder, run_id);
        loop {
            let file = File::create(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // Whoever had it may have removed the file after it was opened here: then the lock is on a
            // file that nobody else will find.
            let locked = Handle::from_file(file.try_clone()?)?;
            if Handle::from_path(&path).is_ok_and(|found| found == locked) {
                return Ok(Some(Self { path, _file: file }));
            }
        }
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!("failed to remove {}: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_once_and_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let lock = RunLock::take(folder.path(), "r").unwrap();
        assert!(lock.is_some());
        assert!(RunLock::take(folder.path(), "r").unwrap().is_none());
        assert!(RunLock::take(folder.path(), "s").unwrap().is_some());
        drop(lock);
        assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
        assert!(RunLock::take(folder.path(), "r").unwrap().is_some());
    }

    #[test]
    fn the_name_of_a_lock_names_its_run() {
        let path = RunLock::path(Path::new("out"), "a.b");
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(RunLock::run_id(name), Some("a.b"));
        assert_eq!(RunLock::run_id("a.lock"), None);
    }
}
