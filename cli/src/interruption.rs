//! Being told to stop: nothing half-written is left.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::CommandError;

/// How shells report a process that SIGINT ended.
const EXIT_STATUS: i32 = 130;

/// How long work may take to notice: reading a pipe that nothing comes from never would.
const GRACE: Duration = Duration::from_secs(2);

/// How soon a pause ends once it is to.
const LOOK: Duration = Duration::from_millis(100);

/// Set by SIGINT and SIGTERM.
#[derive(Debug, Default)]
pub(crate) struct Interruption {
    /// Whether work is to stop.
    pub(crate) cancelled: AtomicBool,
    unfinished: Mutex<Vec<PathBuf>>,
    remains: Mutex<Vec<String>>,
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
            // The work has not come to saying it.
            signalled.error().report();
            std::process::exit(EXIT_STATUS);
        });
        if let Err(error) = installed {
            tracing::warn!(
                "failed to listen for signals, which now end the process immediately: {error}"
            );
        }
        interruption
    }

    /// Whether work is to stop.
    pub(crate) fn is_told(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Pauses, unless work is to stop.
    pub(crate) fn pause(&self, pause: Duration) {
        let end = Instant::now() + pause;
        while !self.is_told() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(LOOK));
        }
    }

    /// What is to be said if work is interrupted from now on, a line each.
    pub(crate) fn leaves(&self, remains: Vec<String>) {
        *self.remains() = remains;
    }

    /// The error of work that was interrupted.
    pub(crate) fn error(&self) -> CommandError {
        CommandError::Interrupted {
            remains: self.remains().clone(),
        }
    }

    fn remains(&self) -> MutexGuard<'_, Vec<String>> {
        self.remains.lock().unwrap_or_else(PoisonError::into_inner)
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
