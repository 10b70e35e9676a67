//! Being told to stop: nothing half-written is left.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How shells report a process that SIGINT ended.
const EXIT_STATUS: i32 = 130;

/// How long work may take to notice: reading a pipe that nothing comes from never would.
const GRACE: Duration = Duration::from_secs(2);

/// Set by SIGINT and SIGTERM.
#[derive(Debug, Default)]
pub(crate) struct Interruption {
    /// Whether work is to stop.
    pub(crate) cancelled: AtomicBool,
    unfinished: Mutex<Vec<PathBuf>>,
}

impl Interruption {
    /// Starts listening for signals.
    pub(crate) fn listen() -> Arc<Self> {
        let interruption = Arc::new(Self::default());
        let signalled = Arc::clone(&interruption);
        let installed = ctrlc::set_handler(move || {
            if !signalled.cancelled.swap(true, Ordering::Relaxed) {
                std::thread::sleep(GRACE);
            }
            signalled.remove_unfinished();
            std::process::exit(EXIT_STATUS);
        });
        if let Err(error) = installed {
            tracing::warn!(
                "failed to listen for signals, which now end the process immediately: {error}"
            );
        }
        interruption
    }

    /// These files and folders are to be removed where the process has to end before its work does.
    pub(crate) fn guard(&self, unfinished: Vec<PathBuf>) {
        *self.unfinished() = unfinished;
    }

    /// They are finished, or gone.
    pub(crate) fn release(&self) {
        self.unfinished().clear();
    }

    fn unfinished(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        self.unfinished
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn remove_unfinished(&self) {
        for path in self.unfinished().iter() {
            let removed = if path.is_dir() {
                std::fs::remove_dir_all(path)
            } else {
                std::fs::remove_file(path)
            };
            if let Err(error) = removed
                && error.kind() != ErrorKind::NotFound
            {
                tracing::warn!("failed to remove {}: {error}", path.display());
            }
        }
    }
}
