//! Signals that stop the service.

use anyhow::Context as _;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlBreak, CtrlC, ctrl_break, ctrl_c};

/// The signals that end a service: those of a terminal, and those of whatever supervises it.
#[cfg(unix)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

#[cfg(windows)]
pub(super) struct Signals {
    interrupt: CtrlC,
    terminate: CtrlBreak,
}

impl Signals {
    /// Starts listening.
    ///
    /// # Errors
    /// If the system does not allow it.
    pub(super) fn listen() -> anyhow::Result<Self> {
        const FAILED: &str = "failed to listen for signals";
        #[cfg(unix)]
        return Ok(Self {
            interrupt: signal(SignalKind::interrupt()).context(FAILED)?,
            terminate: signal(SignalKind::terminate()).context(FAILED)?,
        });
        #[cfg(windows)]
        return Ok(Self {
            interrupt: ctrl_c().context(FAILED)?,
            terminate: ctrl_break().context(FAILED)?,
        });
    }

    /// Waits for the next one.
    pub(super) async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
