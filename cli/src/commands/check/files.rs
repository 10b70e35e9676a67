//! The files that are checked: where they are, and how their bytes become rows.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use flate2::bufread::MultiGzDecoder;
use resonare_consumers::{Checker, Consumer, Report};
use resonare_jobs::causes;
use resonare_parquet_rows::{for_each_row, is_parquet};

use crate::error::{CommandError, Result};

const BUFFER: usize = 256 << 10;
const AN_EXPORT: &str =
    "this is a Telegram export, which no consumer reads; `resonare prepare` makes rows of it";
const GZIP_MAGIC: [u8; 2] = [0x1F, 0x8B];

/// A file to be checked.
pub(super) struct Subject {
    place: Place,
    is_validation: bool,
}

enum Place {
    Standard,
    File(PathBuf),
}

/// What a check of a file came to.
pub(super) struct CheckedFile {
    pub(super) name: String,
    /// The findings, or why the file has no rows that can be read.
    pub(super) result: std::result::Result<Report, String>,
}

impl CheckedFile {
    pub(super) fn is_accepted(&self) -> bool {
        self.result.as_ref().is_ok_and(Report::is_accepted)
    }
}

impl Subject {
    /// What the paths name: a folder means the files of a run that are for this consumer.
    ///
    /// # Errors
    /// If there is nothing at a path.
    pub(super) fn choose(
        paths: &[PathBuf],
        consumer: Consumer,
        is_validation: bool,
    ) -> Result<Vec<Self>> {
        let mut subjects = Vec::new();
        for path in paths {
            if path.as_os_str() == "-" {
                subjects.push(Self {
                    place: Place::Standard,
                    is_validation,
                });
            } else if path.is_dir() {
                subjects.extend(of_run(path, consumer)?);
            } else if path.exists() {
                subjects.push(Self::file(path.clone(), is_validation));
            } else {
                let message = format!("there is no file {}", path.display());
                return Err(CommandError::usage(message));
            }
        }
        Ok(subjects)
    }

    fn file(path: PathBuf, is_validation: bool) -> Self {
        Self {
            place: Place::File(path),
            is_validation,
        }
    }

    fn name(&self) -> String {
        match &self.place {
            Place::Standard => "standard input".to_owned(),
            Place::File(path) => path.display().to_string(),
        }
    }

    /// Reads the file to its end.
    ///
    /// # Errors
    /// If it can't be read.
    pub(super) fn check(&self, checker: Checker<'_>) -> anyhow::Result<CheckedFile> {
        let checker = if self.is_validation {
            checker.for_validation()
        } else {
            checker
        };
        let name = self.name();
        let result = match &self.place {
            Place::Standard => check_stream(io::stdin().lock(), checker),
            Place::File(path) => check_file(path, checker),
        };
        let result = result.with_context(|| format!("failed to read {name}"))?;
        Ok(CheckedFile { name, result })
    }
}

/// The training file of a run, and the validation file if there is one.
fn of_run(folder: &Path, consumer: Consumer) -> Result<Vec<Subject>> {
    let [train, validation] = if consumer.reads_bedrock() {
        ["train.bedrock.jsonl", "validation.bedrock.jsonl"]
    } else {
        ["train.jsonl", "validation.jsonl"]
    };
    if !folder.join(train).exists() {
        return Err(CommandError::WrongUsage {
            message: format!("there is no {train} in {}", folder.display()),
            help: vec![format!("`resonare prepare --for {consumer}` writes it")],
        });
    }
    let validation = folder.join(validation);
    let train = Subject::file(folder.join(train), false);
    let validation = validation.exists().then(|| Subject::file(validation, true));
    Ok([train].into_iter().chain(validation).collect())
}

type Checked = std::result::Result<Report, String>;

fn check_file(path: &Path, checker: Checker<'_>) -> io::Result<Checked> {
    let mut file = File::open(path)?;
    if is_parquet(&beginning(&mut file)?) {
        return check_parquet(file, checker);
    }
    file.rewind()?;
    check_stream(file, checker)
}

fn check_stream(mut stream: impl Read, checker: Checker<'_>) -> io::Result<Checked> {
    let beginning = beginning(&mut stream)?;
    let mut whole = beginning.as_slice().chain(stream);
    if is_parquet(&beginning) {
        // Its description stands at its end.
        let mut file = tempfile::tempfile()?;
        io::copy(&mut whole, &mut file)?;
        return check_parquet(file, checker);
    }
    let whole = BufReader::with_capacity(BUFFER, whole);
    if beginning.starts_with(&GZIP_MAGIC) {
        let whole = BufReader::with_capacity(BUFFER, MultiGzDecoder::new(whole));
        check_rows(whole, checker)
    } else {
        check_rows(whole, checker)
    }
}

fn check_rows(mut rows: impl BufRead, mut checker: Checker<'_>) -> io::Result<Checked> {
    if is_export(rows.fill_buf()?) {
        return Ok(Err(AN_EXPORT.to_owned()));
    }
    checker.read(rows)?;
    Ok(Ok(checker.finish()))
}

/// Whether a file begins as an export does, and no row that trainers know.
fn is_export(beginning: &[u8]) -> bool {
    let has = |key: &str| memchr::memmem::find(beginning, key.as_bytes()).is_some();
    let of_exports = [
        "\"personal_information\"",
        "\"text_entities\"",
        "\"date_unixtime\"",
        "\"from_id\"",
    ];
    of_exports.into_iter().any(has) && !has("\"role\"") && !has("\"conversations\"")
}

fn check_parquet(mut file: File, mut checker: Checker<'_>) -> io::Result<Checked> {
    checker.begin_parquet(file.metadata()?.len());
    file.rewind()?;
    Ok(match for_each_row(file, |row| checker.row(row)) {
        Ok(()) => Ok(checker.finish()),
        Err(error) => Err(causes(&error)),
    })
}

/// As many bytes as tell what a file is, also what is in it; fewer if there are no more.
fn beginning(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut beginning = Vec::new();
    stream.take(64 << 10).read_to_end(&mut beginning)?;
    Ok(beginning)
}
