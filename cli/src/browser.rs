//! The browser of whoever runs the command.

use std::ffi::OsStr;

/// Has a file or a URL opened in the browser. Where there is none, that is said, and nothing fails: what
/// was to be shown is there regardless.
pub(crate) fn show(address: impl AsRef<OsStr>) {
    let address = address.as_ref();
    if let Err(error) = open::that_detached(address) {
        tracing::warn!(
            "found no browser to open {}: {error}",
            address.to_string_lossy()
        );
    }
}
