//! From paths to the exports that are read, with progress.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, bail};
use indicatif::ProgressBar;
use resonare_pipeline::{PipelineError, Source, check, is_export};
use resonare_settings::{Configuration, InputMode};
use walkdir::WalkDir;

use crate::progress;
use crate::storage::s3::{Object, S3, address_of};

const STANDARD_INPUT: &str = "-";

/// What one run reads.
pub(crate) struct Inputs {
    all: Vec<Input>,
    s3: S3,
    /// Bytes of all inputs; `None` if standard input is one of them.
    total: Option<u64>,
}

#[derive(Clone)]
enum Input {
    Standard,
    File(PathBuf),
    Object(Object),
}

impl Input {
    /// What is at a path, and how many bytes it has, if that is known.
    fn find(path: PathBuf, s3: &S3) -> anyhow::Result<(Self, Option<u64>)> {
        if is_standard_input(&path) {
            return Ok((Self::Standard, None));
        }
        if let Some(address) = address_of(&path)? {
            let object = s3.find(address)?;
            let size = object.size_bytes;
            return Ok((Self::Object(object), Some(size)));
        }
        let metadata = path.metadata();
        let metadata = metadata.with_context(|| format!("failed to read {}", path.display()))?;
        Ok((Self::File(path), Some(metadata.len())))
    }

    fn name(&self) -> String {
        match self {
            Self::Standard => "standard input".to_owned(),
            Self::File(path) => path.display().to_string(),
            Self::Object(object) => object.to_string(),
        }
    }

    fn open(&self, s3: &S3) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::Standard => Box::new(io::stdin()),
            Self::File(path) => Box::new(File::open(path)?),
            Self::Object(object) => s3.open(object).map_err(io::Error::other)?,
        })
    }
}

/// Whether a path means standard input.
pub(crate) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == STANDARD_INPUT
}

/// What these paths mean: a folder, the exports below it.
///
/// # Errors
/// If a folder can't be read, or has no exports.
pub(crate) fn files_at(paths: &[PathBuf], output_dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(exports_among(json_below(path, output_dir)?, path)?);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// Every `*.json` and `*.json.gz` below a folder, in byte order of the path. Outputs of earlier runs
/// are not exports.
fn json_below(folder: &Path, output_dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let output_dir = output_dir.canonicalize().ok();
    let is_output = |path: &Path| output_dir.is_some() && path.canonicalize().ok() == output_dir;
    let walk = WalkDir::new(folder).follow_links(true).into_iter();
    let mut files = Vec::new();
    for entry in walk.filter_entry(|entry| entry.depth() == 0 || !is_output(entry.path())) {
        let entry = match entry {
            Ok(entry) => entry,
            // A link to a folder above it: everything there is met anyway.
            Err(error) if error.loop_ancestor().is_some() => continue,
            Err(error) => {
                return Err(error).with_context(|| format!("failed to list {}", folder.display()));
            }
        };
        let name = entry.file_name().as_encoded_bytes();
        if !entry.path().is_dir() && (name.ends_with(b".json") || name.ends_with(b".json.gz")) {
            files.push(entry.into_path());
        }
    }
    if files.is_empty() {
        bail!("there is no *.json or *.json.gz below {}", folder.display());
    }
    files.sort_by(|a, b| {
        a.as_os_str()
            .as_encoded_bytes()
            .cmp(b.as_os_str().as_encoded_bytes())
    });
    Ok(files)
}

/// Those of a folder's files that are exports. Folders hold other JSON as well, which is named and passed over; what is
/// broken may be an export, and is left to whoever reads it.
fn exports_among(files: Vec<PathBuf>, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let count = files.len();
    let (exports, others): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|path| may_be_export(path));
    if exports.is_empty() {
        let none = match count {
            1 => "the only *.json or *.json.gz file".to_owned(),
            count => format!("none of the {count} *.json and *.json.gz files"),
        };
        let is_one = if count == 1 { "is no" } else { "is an" };
        bail!(
            "{none} below {} {is_one} export; choose the result.json of an export, or its folder",
            folder.display()
        );
    }
    for path in others {
        tracing::warn!("{} is not an export, and is passed over", path.display());
    }
    Ok(exports)
}

fn may_be_export(path: &Path) -> bool {
    let Ok(file) = File::open(path) else {
        return true;
    };
    let source = Source {
        name: path.display().to_string(),
        reader: Box::new(file),
    };
    is_export(source, &AtomicBool::new(false)).unwrap_or(true)
}

/// What is read where no path is given.
fn configured(configuration: &Configuration) -> &Path {
    match configuration.input_mode {
        InputMode::File => &configuration.input_file,
        InputMode::Dir => &configuration.input_dir,
    }
}

impl Inputs {
    /// What is at these paths, or else where the configuration says; `None` if nothing is there.
    ///
    /// # Errors
    /// If a path can't be read.
    pub(crate) fn choose(
        paths: &[PathBuf],
        configuration: &Configuration,
        s3: &S3,
    ) -> anyhow::Result<Option<Self>> {
        let configured = configured(configuration);
        let is_there = || configured.exists() || matches!(address_of(configured), Ok(Some(_)));
        let paths = match paths {
            [] if !is_there() => return Ok(None),
            [] => &[configured.to_owned()],
            paths => paths,
        };
        let files = files_at(paths, &configuration.output_local_dir)?;
        let mut all = Vec::new();
        let mut total = Some(0);
        for file in files {
            let (input, size) = Input::find(file, s3)?;
            all.push(input);
            total = total.zip(size).map(|(total, size)| total + size);
        }
        Ok(Some(Self {
            all,
            s3: s3.clone(),
            total,
        }))
    }

    /// Says that no path was given, and that nothing is where the configuration says.
    pub(crate) fn nothing_at(configuration: &Configuration) -> String {
        format!(
            "no path was given, and there is no export at {}",
            configured(configuration).display()
        )
    }

    /// Looks at the files that can be read again, before anything is asked of the network for them.
    ///
    /// # Errors
    /// If one is no export.
    pub(crate) fn check(&self, cancelled: &AtomicBool) -> Result<(), PipelineError> {
        for path in self.files().filter(|path| path.is_file()) {
            // What can't be opened or is broken is left to whoever reads it.
            let source = || {
                Some(Source {
                    name: path.display().to_string(),
                    reader: Box::new(File::open(path).ok()?),
                })
            };
            let is_export = source().and_then(|source| is_export(source, cancelled).ok());
            if let (Some(false), Some(source)) = (is_export, source()) {
                check(source, &[], u64::MAX, cancelled)?;
            }
        }
        Ok(())
    }

    /// Those that are files on this machine.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.all.iter().filter_map(|input| match input {
            Input::File(path) => Some(path.as_path()),
            Input::Standard | Input::Object(_) => None,
        })
    }

    /// Opens them one after the other, as they are read.
    pub(crate) fn sources(
        &self,
        progress: ProgressBar,
    ) -> impl Iterator<Item = io::Result<Source>> + Send {
        let s3 = self.s3.clone();
        self.all.clone().into_iter().map(move |input| {
            let name = input.name();
            let reader = input
                .open(&s3)
                .map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))?;
            Ok(Source {
                name,
                reader: Box::new(progress.wrap_read(reader)),
            })
        })
    }

    /// A bar of the bytes that are read, where there is a terminal to show it.
    pub(crate) fn progress(&self) -> ProgressBar {
        let template = match self.total {
            Some(_) => "{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
            None => "{spinner} {bytes}, {bytes_per_sec}",
        };
        progress::bar(self.total, template)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_means_its_exports_in_byte_order_of_the_path() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "b.json",
            "a.json.gz",
            "a/z.json",
            "a.txt",
            "a/deep/x.json",
            "B.json",
            "out/r/stats.json",
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink(folder.path(), folder.path().join("a/loop")).unwrap();
        let found = json_below(folder.path(), &folder.path().join("out")).unwrap();
        let names: Vec<_> = found
            .iter()
            .map(|path| path.strip_prefix(folder.path()).unwrap().to_str().unwrap())
            .collect();
        assert_eq!(
            names,
            ["B.json", "a.json.gz", "a/deep/x.json", "a/z.json", "b.json"]
        );
    }

    #[test]
    fn what_is_no_export_is_passed_over_and_what_is_broken_is_not() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [
            ("a.json", r#"{"name": "Ann", "messages": []}"#),
            ("broken.json", r#"{"about": "#),
            ("empty.json", ""),
            ("package.json", r#"{"name": "x", "version": "1"}"#),
        ] {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        let exports = |names: &[&str]| {
            let files = names.iter().map(|name| folder.path().join(name));
            exports_among(files.collect(), folder.path())
        };
        let found = exports(&["a.json", "broken.json", "empty.json", "package.json"]).unwrap();
        let names = found.iter().map(|path| path.file_name().unwrap());
        assert_eq!(names.collect::<Vec<_>>(), ["a.json", "broken.json"]);
        let none = exports(&["empty.json", "package.json"]).unwrap_err();
        assert!(none.to_string().starts_with("none of the 2 "), "{none}");
    }
}
