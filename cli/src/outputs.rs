//! The folder of a run: written aside, then renamed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

pub(crate) const TRAIN: &str = "train.jsonl";
pub(crate) const PROCESSED: &str = "processed.json";
pub(crate) const RAW: &str = "raw.json";
pub(crate) const STATS: &str = "stats.json";

/// Whether `run_id` can name a folder: letters, digits, `.`, `_` and `-`, not beginning with a dot.
pub(crate) fn is_run_id(run_id: &str) -> bool {
    (1..=128).contains(&run_id.len())
        && !run_id.starts_with('.')
        && run_id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// The names that a run's folder may hold; one with other files is not ours to replace.
pub(crate) const NAMES: [&str; 4] = [TRAIN, PROCESSED, RAW, STATS];

/// The outputs of one run in the making. Unless they are published, nothing of them is left.
pub(crate) struct RunFolder {
    local_dir: PathBuf,
    run_id: String,
    staging: TempDir,
    destination: PathBuf,
}

impl RunFolder {
    /// The file of an output in the making.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.staging.path().join(name)
    }

    /// Begins the outputs of a run that reads `inputs`.
    ///
    /// # Errors
    /// If there is something in their place that no earlier run left, or that is read.
    pub(crate) fn create(local_dir: &Path, run_id: &str, inputs: &[&Path]) -> anyhow::Result<Self> {
        let create = || {
            fs::create_dir_all(local_dir)?;
            aside(local_dir, run_id)
        };
        let destination = local_dir.join(run_id);
        is_replaceable(&destination, inputs)?;
        let staging =
            create().with_context(|| format!("failed to write below {}", local_dir.display()))?;
        Ok(Self {
            local_dir: local_dir.to_owned(),
            run_id: run_id.to_owned(),
            staging,
            destination,
        })
    }

    /// Where temporary files may be made.
    pub(crate) fn scratch_dir(&self) -> &Path {
        self.staging.path()
    }

    pub(crate) fn create_file(&self, name: &str) -> io::Result<OutputFile> {
        let file = File::create(self.file(name))?;
        Ok(OutputFile(BufWriter::with_capacity(256 << 10, file)))
    }

    /// Removes a file of a run that failed, if it is there.
    pub(crate) fn remove_file(&self, name: &str) -> anyhow::Result<()> {
        unless_missing(fs::remove_file(self.file(name)))
            .with_context(|| format!("failed to remove {name}"))
    }

    /// Puts the outputs in their place, instead of those of an earlier run of the same name.
    pub(crate) fn publish(self) -> anyhow::Result<PathBuf> {
        let Self {
            local_dir,
            run_id,
            staging,
            destination,
        } = self;
        let publish = || -> io::Result<()> {
            // A temporary folder is its maker's alone; the outputs are as readable as other files.
            make_like_other_folders(staging.path())?;
            let earlier = aside(&local_dir, &run_id)?;
            let earlier_run = earlier.path().join(&run_id);
            let had_one = match fs::rename(&destination, &earlier_run) {
                Ok(()) => true,
                Err(error) if error.kind() == io::ErrorKind::NotFound => false,
                Err(error) => return Err(error),
            };
            if let Err(error) = fs::rename(staging.path(), &destination) {
                if had_one {
                    fs::rename(earlier_run, &destination)?;
                }
                return Err(error);
            }
            earlier.close()
        };
        publish().with_context(|| format!("failed to write {}", destination.display()))?;
        // It was renamed, so there is nothing to remove.
        let _renamed = staging.keep();
        Ok(destination)
    }

    /// Leaves nothing, not even the outputs of an earlier run of the same name: they would be taken
    /// for this run's.
    pub(crate) fn discard(self) -> anyhow::Result<()> {
        let discard = || -> io::Result<()> {
            for name in NAMES {
                unless_missing(fs::remove_file(self.destination.join(name)))?;
            }
            unless_missing(fs::remove_dir(&self.destination))
        };
        discard().with_context(|| format!("failed to remove {}", self.destination.display()))
    }
}

/// A folder of its own beside the runs, which vanishes.
fn aside(local_dir: &Path, run_id: &str) -> io::Result<TempDir> {
    tempfile::Builder::new()
        .prefix(&format!(".{run_id}."))
        .tempdir_in(local_dir)
}

fn unless_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Checks that `destination` does not exist, or is what an earlier run left.
fn is_replaceable(destination: &Path, inputs: &[&Path]) -> anyhow::Result<()> {
    let shown = destination.display();
    let entries = match fs::read_dir(destination) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(error).with_context(|| format!("{shown} cannot be a run's folder"));
        }
    };
    for entry in entries {
        let name = entry
            .with_context(|| format!("failed to read {shown}"))?
            .file_name();
        if !NAMES.iter().any(|own| name == *own) {
            let name = name.to_string_lossy().into_owned();
            bail!(
                "{shown} holds {name}, which is no output; choose another --run-id or --output-dir"
            );
        }
    }
    let place = destination
        .canonicalize()
        .with_context(|| format!("failed to read {shown}"))?;
    let is_read = |input: &&Path| {
        input
            .canonicalize()
            .is_ok_and(|input| input.starts_with(&place))
    };
    if inputs.iter().any(is_read) {
        bail!("an input lies in {shown}, which the outputs would replace; choose another --run-id");
    }
    Ok(())
}

fn make_like_other_folders(staging: &Path) -> io::Result<()> {
    let probe = staging.join("probe");
    fs::create_dir(&probe)?;
    let permissions = fs::metadata(&probe)?.permissions();
    fs::remove_dir(&probe)?;
    fs::set_permissions(staging, permissions)
}

/// An output file, buffered.
pub(crate) struct OutputFile(BufWriter<File>);

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl OutputFile {
    /// Makes sure that every byte is on the disk.
    pub(crate) fn close(self) -> io::Result<()> {
        self.0.into_inner()?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_folder_are_no_run_ids() {
        for good in [
            "a",
            "2024-01-01_x.1",
            "0190b2f0-7c6d-7000-8000-000000000000",
        ] {
            assert!(is_run_id(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "/a",
            "a\\b",
            "a b",
            ".a",
            "ä",
            &"a".repeat(129),
        ] {
            assert!(!is_run_id(bad), "{bad}");
        }
    }

    #[test]
    fn a_run_replaces_an_earlier_one_whole_and_leaves_nothing_beside_it() {
        let local_dir = tempfile::tempdir().unwrap();
        for name in [PROCESSED, TRAIN] {
            let folder = RunFolder::create(local_dir.path(), "r", &[]).unwrap();
            folder.create_file(name).unwrap().close().unwrap();
            folder.publish().unwrap();
        }
        let names = |path: &Path| -> Vec<_> {
            fs::read_dir(path)
                .unwrap()
                .map(|entry| entry.unwrap().file_name())
                .collect()
        };
        assert_eq!(names(local_dir.path()), ["r"]);
        assert_eq!(names(&local_dir.path().join("r")), [TRAIN]);
        let folder = RunFolder::create(local_dir.path(), "r", &[]).unwrap();
        folder.discard().unwrap();
        assert!(names(local_dir.path()).is_empty());
    }

    #[test]
    fn what_no_run_left_is_not_replaced() {
        let local_dir = tempfile::tempdir().unwrap();
        let create = |inputs: &[&Path]| RunFolder::create(local_dir.path(), "r", inputs);
        let precious = local_dir.path().join("r");
        fs::create_dir(&precious).unwrap();
        fs::write(precious.join(RAW), "[]").unwrap();
        assert!(create(&[]).is_ok());
        assert!(create(&[&precious.join(RAW)]).is_err(), "it is read");
        fs::write(precious.join("result.json"), "{}").unwrap();
        assert!(create(&[]).is_err());
        fs::remove_dir_all(&precious).unwrap();
        fs::write(&precious, "a file").unwrap();
        assert!(create(&[]).is_err());
        assert_eq!(fs::read_to_string(&precious).unwrap(), "a file");
    }
}
