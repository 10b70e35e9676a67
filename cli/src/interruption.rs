//! Being told to stop: nothing half-written is left.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How shells report a process that SIGINT ended.
const EXIT_STATUS: i32 = 130;

/// How long work may take to notice: reading a pipe that nothing comes from never would.
const GRACE: Duration = Duration::from_secs(2);

/// Set by SIGINT and SIGTERM.
#[derive(Debug, Default)]
pub(crate) struct Interruption {
    /// Whether work is to end.
    pub(crate) cancelled: AtomicBool,
    unfinished: Mutex<Option<PathBuf>>,
}

impl Interruption {
    /// Listens to signals from now on.
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
            tracing::warn!("signals end the process at once: {error}");
        }
        interruption
    }

    /// This folder is to be removed where the process has to end before it is finished.
    pub(crate) fn guard(&self, folder: &Path) {
        *self
            .unfinished
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(folder.to_owned());
    }

    /// The folder is finished, or gone.
    pub(crate) fn release(&self) {
        *self
            .unfinished
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn remove_unfinished(&self) {
        let unfinished = self
            .unfinished
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = &*unfinished
            && let Err(error) = std::fs::remove_dir_all(folder)
        {
            tracing::warn!("{} is left: {error}", folder.display());
        }
    }
}
