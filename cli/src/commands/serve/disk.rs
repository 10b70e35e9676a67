//! Room on the disk that holds the jobs.

use std::io;
use std::path::{Path, PathBuf};

use resonare_http::Fault;

/// The disk of a folder, of which some is to stay free.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    folder: PathBuf,
    keep_free: u64,
}

/// How much room a disk has.
#[derive(Clone, Copy, Debug)]
pub(super) struct DiskSpace {
    pub(super) free_bytes: u64,
    pub(super) total_bytes: u64,
}

impl Disk {
    /// The disk of this folder, of which that many bytes are to stay free.
    pub(super) fn new(folder: &Path, keep_free: u64) -> Self {
        Self {
            folder: folder.to_owned(),
            keep_free,
        }
    }

    /// How much room it has.
    ///
    /// # Errors
    /// If the system does not say.
    pub(super) fn space(&self) -> io::Result<DiskSpace> {
        Ok(DiskSpace {
            free_bytes: fs4::available_space(&self.folder)?,
            total_bytes: fs4::total_space(&self.folder)?,
        })
    }

    /// Whether that many bytes fit beside those that are to stay free, as far as is known.
    pub(super) fn has_room(&self, size_bytes: u64) -> bool {
        let needed = self.keep_free.saturating_add(size_bytes);
        self.space().is_ok_and(|space| space.free_bytes >= needed)
    }

    /// What is wrong with it.
    pub(super) fn fault(&self) -> Option<Fault> {
        let reason = match self.space() {
            Ok(space) if space.free_bytes >= self.keep_free => return None,
            Ok(space) => format!(
                "the disk that holds the jobs is nearly full: {} of its {} MB are free, and {} MB are to \
                 stay free (--min-free-bytes); no more exports are taken",
                space.free_bytes / 1_000_000,
                space.total_bytes / 1_000_000,
                self.keep_free / 1_000_000
            ),
            Err(error) => format!("the disk that holds the jobs cannot be used: {error}"),
        };
        Some(Fault {
            kind: "disk",
            reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_stay_free_is_no_room_for_exports() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::new(folder.path(), 0);
        let free = disk.space().unwrap().free_bytes;
        assert!(disk.has_room(free / 2) && !disk.has_room(u64::MAX));
        assert_eq!(disk.fault(), None);
        let full = Disk::new(folder.path(), u64::MAX);
        assert!(!full.has_room(0));
        assert!(full.fault().unwrap().reason.contains("nearly full"));
        let gone = Disk::new(&folder.path().join("gone"), 0);
        assert!(!gone.has_room(0));
        assert!(gone.fault().unwrap().reason.contains("cannot be used"));
    }
}
