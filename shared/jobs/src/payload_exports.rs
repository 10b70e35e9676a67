//! The exports in a payload: one, or several in a tar archive, told apart by what is in it.

use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use resonare_pipeline::{Source, SourceProblem, decompressed, is_export};
use tracing::warn;

use crate::tar_files::{self, TarFiles};
use crate::twice_read::{FailureOnce, TwiceRead};

/// The exports in a payload, in their order. Each has to be read before the next is asked for.
pub(crate) enum PayloadExports {
    One(Option<io::Result<Source>>),
    Several(ArchiveExports),
}

impl PayloadExports {
    /// Those of these bytes, which may be compressed.
    pub(crate) fn of(
        payload: Box<dyn Read + Send>,
        scratch_dir: &Path,
        cancelled: &Arc<AtomicBool>,
    ) -> Self {
        match decompressed(payload) {
            Ok(reader) => Self::look(reader, scratch_dir, cancelled),
            Err(error) => Self::One(Some(Err(error))),
        }
    }

    fn look(
        mut reader: Box<dyn Read + Send>,
        scratch_dir: &Path,
        cancelled: &Arc<AtomicBool>,
    ) -> Self {
        let mut start = Vec::with_capacity(tar_files::BLOCK);
        let mut block = reader.by_ref().take(tar_files::BLOCK as u64);
        let failure = FailureOnce(block.read_to_end(&mut start).err());
        let is_archive = tar_files::is_archive(&start);
        let reader = Box::new(io::Cursor::new(start).chain(failure).chain(reader));
        if is_archive {
            return Self::Several(ArchiveExports {
                files: TarFiles::new(reader, Arc::clone(cancelled)),
                exports: 0,
                has_ended: false,
                scratch_dir: scratch_dir.to_owned(),
                cancelled: Arc::clone(cancelled),
            });
        }
        Self::One(Some(Ok(Source {
            name: "the export".to_owned(),
            reader,
        })))
    }
}

impl Iterator for PayloadExports {
    type Item = io::Result<Source>;

    fn next(&mut self) -> Option<io::Result<Source>> {
        match self {
            Self::One(source) => source.take(),
            Self::Several(exports) => exports.next(),
        }
    }

    /// An archive can't be read ahead, and is made of several.
    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::One(source) => {
                let count = usize::from(source.is_some());
                (count, Some(count))
            }
            Self::Several(exports) => (2_usize.saturating_sub(exports.exports), None),
        }
    }
}

/// The exports among the files of an archive.
pub(crate) struct ArchiveExports {
    files: TarFiles,
    /// How many were found.
    exports: usize,
    has_ended: bool,
    /// Where the beginning of a file is kept while it is not known what it is.
    scratch_dir: PathBuf,
    cancelled: Arc<AtomicBool>,
}

impl ArchiveExports {
    /// Other JSON is passed over, as in a folder; what is broken may be an export, and is left to whoever reads it.
    fn find(&mut self) -> io::Result<Option<Source>> {
        let mut files = 0;
        while let Some(number) = self.files.next_json()? {
            files = number;
            // Its own name may be somebody's.
            let name = format!("file {number} of the upload");
            let file = TwiceRead::new(self.files.clone(), &self.scratch_dir);
            let source = |reader| Source {
                name: name.clone(),
                reader,
            };
            if is_export(source(Box::new(file.clone())), &self.cancelled).unwrap_or(true) {
                file.begin_again()?;
                self.exports += 1;
                return Ok(Some(source(Box::new(file))));
            }
            warn!("{name} is not an export, and is passed over");
        }
        let problem = match (self.exports, files) {
            (0, 0) => SourceProblem::NoJsonFile,
            (0, files) => SourceProblem::NoExport { files },
            _ => return Ok(None),
        };
        Err(io::Error::new(ErrorKind::InvalidData, problem))
    }
}

impl Iterator for ArchiveExports {
    type Item = io::Result<Source>;

    fn next(&mut self) -> Option<io::Result<Source>> {
        if self.has_ended {
            return None;
        }
        let found = self.find();
        self.has_ended = !matches!(found, Ok(Some(_)));
        found.transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::atomic::Ordering;

    use tar::{EntryType, Header};

    use super::*;
    use crate::tar_files::BLOCK;

    const EXPORT: &[u8] = b"[{\"messages\": []}]";

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, content) in files {
            let mut header = Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o600);
            builder.append_data(&mut header, name, *content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    /// An archive of entries as they are, with its end.
    fn entries(entries: &[(EntryType, u64, &[u8])]) -> Vec<u8> {
        let mut payload = Vec::new();
        for (kind, size, content) in entries {
            let mut header = Header::new_ustar();
            header.set_path("x.json").unwrap();
            header.set_entry_type(*kind);
            header.set_size(*size);
            header.set_cksum();
            payload.extend_from_slice(header.as_bytes());
            payload.extend_from_slice(content);
            payload.resize(payload.len().next_multiple_of(BLOCK), 0);
        }
        payload.extend_from_slice(&[0; 2 * BLOCK]);
        payload
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(content).unwrap();
        gzip.finish().unwrap()
    }

    fn exports(payload: impl Read + Send + 'static, cancelled: &Arc<AtomicBool>) -> PayloadExports {
        PayloadExports::of(Box::new(payload), &std::env::temp_dir(), cancelled)
    }

    fn read(payload: Vec<u8>) -> Vec<io::Result<(String, String)>> {
        let exports = exports(io::Cursor::new(payload), &Arc::default());
        let texts = exports.map(|source| {
            let mut source = source?;
            let mut text = String::new();
            source.reader.read_to_string(&mut text)?;
            Ok((source.name, text))
        });
        texts.collect()
    }

    fn texts(payload: Vec<u8>) -> Vec<String> {
        let read = read(payload).into_iter();
        read.map(|read| read.unwrap().1).collect()
    }

    /// How many exports come before the problem that ends them, and which that is.
    fn problem(payload: Vec<u8>) -> (usize, SourceProblem) {
        let mut read = read(payload);
        let error = read.pop().unwrap().unwrap_err();
        let problem = error.get_ref().unwrap().downcast_ref();
        assert!(read.iter().all(Result::is_ok));
        (read.len(), *problem.unwrap())
    }

    #[test]
    fn one_export_is_itself() {
        for text in ["", "[]", &"x".repeat(5000)] {
            let read = read(text.as_bytes().to_vec());
            let (name, found) = read[0].as_ref().unwrap();
            assert_eq!((&**name, &**found), ("the export", text));
            assert_eq!(read.len(), 1);
        }
    }

    #[test]
    fn the_exports_of_an_archive_come_one_after_the_other_without_their_names() {
        let long = format!("{}/result.JSON", "folder".repeat(30));
        let large = format!("[{{\"messages\": [{}]}}]", " ".repeat(1_000_000));
        let payload = archive(&[
            ("a/result.json", EXPORT),
            ("a/photo.jpg", large.as_bytes()),
            ("a/._result.json", b"\0\x05\x16\x07"),
            ("package.json", b"{\"name\": \"package\"}"),
            (&long, large.as_bytes()),
            ("broken.json", b"[{\"oops"),
        ]);
        let lengths = texts(payload.clone()).into_iter().map(|text| text.len());
        assert_eq!(lengths.collect::<Vec<_>>(), [18, large.len(), 7]);
        let names = read(payload.clone()).into_iter();
        let names: Vec<_> = names.map(|read| read.unwrap().0).collect();
        // The second is none.
        assert_eq!(names[1], "file 3 of the upload");
        assert_eq!(texts(gzip(&payload)).len(), 3);
    }

    #[test]
    fn an_archive_without_an_export_says_what_it_has() {
        let none = archive(&[("photo.jpg", EXPORT), ("a/._x.json", EXPORT)]);
        assert_eq!(problem(none), (0, SourceProblem::NoJsonFile));
        let other = archive(&[("a.json", b"{}"), ("b.json", b"")]);
        assert_eq!(problem(other), (0, SourceProblem::NoExport { files: 2 }));
    }

    #[test]
    fn a_size_in_an_extended_header_counts() {
        let record = b"11 size=18\n";
        let payload = entries(&[
            (EntryType::XHeader, 11, record),
            (EntryType::Regular, 0, EXPORT),
        ]);
        assert_eq!(texts(payload), ["[{\"messages\": []}]"]);
    }

    #[test]
    fn sizes_that_nothing_has_are_damage() {
        let damaged = |payload| {
            assert_eq!(
                problem(payload),
                (0, SourceProblem::DamagedArchive { files: 0 })
            );
        };
        let record = b"29 size=18446744073709551615\n";
        damaged(entries(&[
            (EntryType::XHeader, 29, record),
            (EntryType::Regular, 0, EXPORT),
        ]));
        damaged(entries(&[(EntryType::XHeader, 7, b"oops=1\n")]));
        let mut payload = entries(&[(EntryType::Regular, 0, EXPORT)]);
        payload[124..136].fill(0xff);
        let mut header = Header::new_old();
        header.as_mut_bytes().copy_from_slice(&payload[..BLOCK]);
        header.set_cksum();
        payload[..BLOCK].copy_from_slice(header.as_bytes());
        damaged(payload);
    }

    #[test]
    fn sparse_files_are_refused() {
        let sparse = (0, SourceProblem::SparseFile);
        assert_eq!(
            problem(entries(&[(EntryType::GNUSparse, 18, EXPORT)])),
            sparse
        );
        let records = entries(&[
            (EntryType::XHeader, 22, b"22 GNU.sparse.major=1\n"),
            (EntryType::Regular, 18, EXPORT),
        ]);
        assert_eq!(problem(records), sparse);
    }

    #[test]
    fn a_damaged_header_or_an_early_end_is_the_archives_fault() {
        let long = format!("[{{\"messages\": [{}]}}]", " ".repeat(2000));
        let whole = archive(&[("a.json", EXPORT), ("b.json", long.as_bytes())]);
        // In and after the first file's last block, in the second's header, in it, and before the end's blocks.
        for (length, exports) in [(600, 1), (1024, 1), (1100, 1), (1700, 2), (3584, 2)] {
            let cut_off = SourceProblem::ArchiveCutOff {
                files: exports,
                byte_offset: length,
            };
            let length = usize::try_from(length).unwrap();
            let found = problem(whole[..length].to_vec());
            assert_eq!(
                found,
                (usize::try_from(exports).unwrap(), cut_off),
                "{length}"
            );
        }
        let mut damaged = whole.clone();
        damaged[1024 + 10] ^= 1;
        assert_eq!(
            problem(damaged),
            (1, SourceProblem::DamagedArchive { files: 1 })
        );

        let compressed = gzip(&whole);
        let (_, cut) = problem(compressed[..compressed.len() - 30].to_vec());
        assert!(
            matches!(cut, SourceProblem::ArchiveCutOff { .. }),
            "{cut:?}"
        );
    }

    #[test]
    fn what_a_store_fails_with_is_not_the_archives_fault() {
        let whole = archive(&[("a.json", EXPORT)]);
        for length in [300, 520, 1024] {
            let failure = FailureOnce(Some(io::Error::other("the store is away")));
            let payload = io::Cursor::new(whole[..length].to_vec()).chain(failure);
            let mut found = exports(payload, &Arc::default()).map(|source| {
                source.and_then(|mut source| source.reader.read_to_end(&mut Vec::new()))
            });
            let error = found.find_map(Result::err).unwrap();
            assert_eq!(error.to_string(), "the store is away", "{length}");
        }
    }

    #[test]
    fn passing_over_files_can_be_cancelled() {
        let mut photo = archive(&[("photo.jpg", b"")]);
        photo.truncate(BLOCK);
        let mut header = Header::new_gnu();
        header.as_mut_bytes().copy_from_slice(&photo);
        header.set_size(1 << 40);
        header.set_cksum();
        let cancelled = Arc::new(AtomicBool::new(false));
        let payload = io::Cursor::new(header.as_bytes().to_vec()).chain(io::repeat(0));
        let mut exports = exports(payload, &cancelled);
        let told = Arc::clone(&cancelled);
        let read = std::thread::spawn(move || exports.next());
        told.store(true, Ordering::Relaxed);
        assert!(read.join().unwrap().unwrap().is_err());
    }
}
