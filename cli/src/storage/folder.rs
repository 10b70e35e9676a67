//! The folder of a run's outputs: written aside, then put in its place whole.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use resonare_pipeline::OutputName;

use super::lock::RunLock;

/// Bytes of an output that are written in one go.
const BUFFER: usize = 256 << 10;

/// Whether `run_id` can name a folder: letters, digits, `.`, `_` and `-`, not beginning with a dot.
pub(crate) fn is_run_id(run_id: &str) -> bool {
    (1..=128).contains(&run_id.len())
        && !run_id.starts_with('.')
        && run_id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Where the outputs of a run id are, and where they are while they are written.
#[derive(Clone, Debug)]
struct Places {
    /// What the user finds.
    destination: PathBuf,
    /// The outputs in the making.
    staging: PathBuf,
    /// Outputs of an earlier run, for the moment in which new ones take their place.
    earlier: PathBuf,
}

impl Places {
    fn of(local_dir: &Path, run_id: &str) -> Self {
        Self {
            destination: local_dir.join(run_id),
            staging: local_dir.join(format!(".{run_id}.staging")),
            earlier: local_dir.join(format!(".{run_id}.earlier")),
        }
    }

    /// Cleans up after a run that was killed. The run id has to be locked.
    fn recover(&self) -> io::Result<()> {
        unless_missing(fs::remove_dir_all(&self.staging))?;
        if self.destination.exists() {
            unless_missing(fs::remove_dir_all(&self.earlier))
        } else {
            unless_missing(fs::rename(&self.earlier, &self.destination))
        }
    }

    /// Puts what is staged in its place, and what was there away.
    fn replace(&self) -> io::Result<()> {
        let had_earlier = match fs::rename(&self.destination, &self.earlier) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if let Err(error) = fs::rename(&self.staging, &self.destination) {
            if had_earlier {
                fs::rename(&self.earlier, &self.destination)?;
            }
            return Err(error);
        }
        unless_missing(fs::remove_dir_all(&self.earlier))
    }
}

/// The outputs of one run in the making. Unless they are published, nothing of them is left, and
/// outputs of an earlier run with the same id stay as they are.
#[derive(Debug)]
pub(crate) struct RunFolder {
    places: Places,
    lock_file: PathBuf,
    _lock: RunLock,
}

impl RunFolder {
    /// Begins the outputs of a run that reads `inputs`.
    ///
    /// # Errors
    /// If another run with this id is under way, or if the place of the outputs holds something that no run
    /// wrote, or that is an input.
    pub(crate) fn create(local_dir: &Path, run_id: &str, inputs: &[&Path]) -> anyhow::Result<Self> {
        let failed = || format!("failed to write to {}", local_dir.display());
        fs::create_dir_all(local_dir).with_context(failed)?;
        recover_others(local_dir, run_id).with_context(failed)?;
        let Some(lock) = RunLock::take(local_dir, run_id).with_context(failed)? else {
            bail!(
                "another run with the id {run_id} is writing to {}; wait for it, or choose another --run-id",
                local_dir.display()
            );
        };
        let places = Places::of(local_dir, run_id);
        places.recover().with_context(failed)?;
        check_replaceable(&places.destination, inputs)?;
        create_private_dir(&places.staging).with_context(failed)?;
        Ok(Self {
            places,
            lock_file: RunLock::path(local_dir, run_id),
            _lock: lock,
        })
    }

    /// The file of an output in the making.
    pub(crate) fn file(&self, output: OutputName) -> PathBuf {
        self.places.staging.join(output.as_str())
    }

    /// Where temporary files may be made.
    pub(crate) fn scratch_dir(&self) -> &Path {
        &self.places.staging
    }

    /// What has to be removed where the process ends before the run does.
    pub(crate) fn unfinished(&self) -> Vec<PathBuf> {
        vec![self.places.staging.clone(), self.lock_file.clone()]
    }

    /// Begins an output, which its owner alone can read.
    ///
    /// # Errors
    /// If the file can't be made.
    pub(crate) fn create_file(&self, output: OutputName) -> io::Result<OutputFile> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(self.file(output))?;
        Ok(OutputFile(BufWriter::with_capacity(BUFFER, file)))
    }

    /// Removes an output that is not to be published, if it is there.
    ///
    /// # Errors
    /// If it can't be removed.
    pub(crate) fn remove_file(&self, output: OutputName) -> anyhow::Result<()> {
        unless_missing(fs::remove_file(self.file(output)))
            .with_context(|| format!("failed to remove {output}"))
    }

    /// Puts the outputs in their place, instead of those of an earlier run of this id.
    ///
    /// # Errors
    /// If that fails; then the earlier outputs stay.
    pub(crate) fn publish(&self) -> anyhow::Result<&Path> {
        let destination = &self.places.destination;
        let published = self.places.replace();
        published.with_context(|| format!("failed to write {}", destination.display()))?;
        Ok(destination)
    }

    /// Whether an earlier run of this id left what can be trained on.
    pub(crate) fn has_earlier_outputs(&self) -> bool {
        let train = self.places.destination.join(OutputName::Train.as_str());
        train.exists()
    }

    /// Puts the statistics of a failed run beside the outputs of an earlier one.
    ///
    /// # Errors
    /// If that fails.
    pub(crate) fn publish_beside_earlier(&self) -> anyhow::Result<()> {
        let place = self
            .places
            .destination
            .join(OutputName::FailedStats.as_str());
        fs::rename(self.file(OutputName::Stats), &place)
            .with_context(|| format!("failed to write {}", place.display()))
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        let staging = &self.places.staging;
        if let Err(error) = unless_missing(fs::remove_dir_all(staging)) {
            tracing::warn!("failed to remove {}: {error}", staging.display());
        }
    }
}

/// Cleans up after killed runs with other ids. What can't be cleaned up now waits for the next run.
fn recover_others(local_dir: &Path, run_id: &str) -> io::Result<()> {
    for entry in fs::read_dir(local_dir)? {
        let name = entry?.file_name();
        let Some(other) = name.to_str().and_then(RunLock::run_id) else {
            continue;
        };
        if other == run_id || !is_run_id(other) {
            continue;
        }
        let recovered = match RunLock::take(local_dir, other) {
            Ok(None) => continue,
            Ok(Some(_lock)) => Places::of(local_dir, other).recover(),
            Err(error) => Err(error),
        };
        if let Err(error) = recovered {
            tracing::warn!("failed to clean up after the killed run {other}: {error}");
        }
    }
    Ok(())
}

fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn unless_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Checks that `destination` does not exist, or is what an earlier run left.
fn check_replaceable(destination: &Path, inputs: &[&Path]) -> anyhow::Result<()> {
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
        let name = name.to_string_lossy();
        if OutputName::parse(&name).is_none() {
            bail!(
                "{shown} holds {name}, which is not an output; choose another --run-id or --output-dir"
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
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn names(path: &Path) -> Vec<String> {
        let entries = fs::read_dir(path).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// A run that leaves these outputs.
    fn publish(local_dir: &Path, outputs: &[OutputName]) {
        let folder = RunFolder::create(local_dir, "r", &[]).unwrap();
        for output in outputs {
            folder.create_file(*output).unwrap().close().unwrap();
        }
        folder.publish().unwrap();
    }

    #[test]
    fn names_that_leave_the_folder_are_not_run_ids() {
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
        publish(
            local_dir.path(),
            &[OutputName::Processed, OutputName::FailedStats],
        );
        publish(local_dir.path(), &[OutputName::Train]);
        assert_eq!(names(local_dir.path()), ["r"]);
        assert_eq!(names(&local_dir.path().join("r")), ["train.jsonl"]);
    }

    #[test]
    fn a_run_that_is_not_published_changes_nothing() {
        let local_dir = tempfile::tempdir().unwrap();
        publish(local_dir.path(), &[OutputName::Train, OutputName::Stats]);
        let folder = RunFolder::create(local_dir.path(), "r", &[]).unwrap();
        folder.create_file(OutputName::Train).unwrap();
        drop(folder);
        assert_eq!(names(local_dir.path()), ["r"]);
        assert_eq!(
            names(&local_dir.path().join("r")),
            ["stats.json", "train.jsonl"]
        );
    }

    #[test]
    fn a_failed_run_puts_its_statistics_beside_earlier_outputs() {
        let local_dir = tempfile::tempdir().unwrap();
        publish(local_dir.path(), &[OutputName::Train, OutputName::Stats]);
        let folder = RunFolder::create(local_dir.path(), "r", &[]).unwrap();
        assert!(folder.has_earlier_outputs());
        let stats = folder.create_file(OutputName::Stats).unwrap();
        stats.close().unwrap();
        folder.publish_beside_earlier().unwrap();
        drop(folder);
        assert_eq!(
            names(&local_dir.path().join("r")),
            ["stats.failed.json", "stats.json", "train.jsonl"]
        );
    }

    #[test]
    fn outputs_are_their_owners_alone() {
        let local_dir = tempfile::tempdir().unwrap();
        publish(local_dir.path(), &[OutputName::Train]);
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(local_dir.path().join("r")), 0o700);
        assert_eq!(mode(local_dir.path().join("r/train.jsonl")), 0o600);
    }

    #[test]
    fn two_runs_of_one_id_do_not_meet() {
        let local_dir = tempfile::tempdir().unwrap();
        let _folder = RunFolder::create(local_dir.path(), "r", &[]).unwrap();
        let second = RunFolder::create(local_dir.path(), "r", &[]).unwrap_err();
        let second = second.to_string();
        assert!(second.starts_with("another run with the id r"), "{second}");
        assert!(RunFolder::create(local_dir.path(), "s", &[]).is_ok());
    }

    #[test]
    fn what_a_killed_run_left_is_removed_by_the_next_of_any_id() {
        let local_dir = tempfile::tempdir().unwrap();
        let place = |name: &str| local_dir.path().join(name);
        // Killed while it wrote.
        fs::create_dir(place(".a.staging")).unwrap();
        fs::write(place(".a.lock"), "").unwrap();
        // Killed between its two renames.
        fs::create_dir_all(place(".b.earlier")).unwrap();
        fs::write(place(".b.earlier/train.jsonl"), "earlier").unwrap();
        fs::create_dir(place(".b.staging")).unwrap();
        fs::write(place(".b.lock"), "").unwrap();
        // Killed after them.
        fs::create_dir(place("c")).unwrap();
        fs::create_dir(place(".c.earlier")).unwrap();
        fs::write(place(".c.lock"), "").unwrap();
        drop(RunFolder::create(local_dir.path(), "r", &[]).unwrap());
        assert_eq!(names(local_dir.path()), ["b", "c"]);
        let earlier = fs::read_to_string(place("b/train.jsonl")).unwrap();
        assert_eq!(earlier, "earlier");
    }

    #[test]
    fn what_no_run_left_is_not_replaced() {
        let local_dir = tempfile::tempdir().unwrap();
        let create = |inputs: &[&Path]| RunFolder::create(local_dir.path(), "r", inputs);
        let precious = local_dir.path().join("r");
        fs::create_dir(&precious).unwrap();
        fs::write(precious.join("raw.json"), "[]").unwrap();
        assert!(create(&[]).is_ok());
        assert!(create(&[&precious.join("raw.json")]).is_err(), "it is read");
        fs::write(precious.join("result.json"), "{}").unwrap();
        assert!(create(&[]).is_err());
        fs::remove_dir_all(&precious).unwrap();
        fs::write(&precious, "a file").unwrap();
        assert!(create(&[]).is_err());
        assert_eq!(fs::read_to_string(&precious).unwrap(), "a file");
    }
}
