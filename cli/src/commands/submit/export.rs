//! What is sent: one export as it is, or several in a tar archive that is made while it is sent.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Cursor, ErrorKind, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use resonare_pipeline::decompressed;
use tar::Header;
use tempfile::NamedTempFile;

use crate::inputs::{self, is_standard_input};
use crate::storage::s3::address_of;

/// An archive consists of these, and two empty ones end it.
const BLOCK: u64 = 512;

/// What is sent.
pub(super) struct Export {
    segments: Arc<[Segment]>,
    pub(super) size_bytes: u64,
    pub(super) is_gzip: bool,
    /// Whether it is a tar archive, made here or before.
    pub(super) is_archive: bool,
    /// The files that it is of.
    pub(super) files: Vec<PathBuf>,
    /// What came from standard input.
    _spooled: Option<NamedTempFile>,
}

/// Some of what is sent, in order.
enum Segment {
    Bytes(Vec<u8>),
    File { path: PathBuf, size: u64 },
}

impl Segment {
    fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { size, .. } => *size,
        }
    }

    fn fail(&self, kind: ErrorKind, problem: impl Display) -> io::Error {
        let name = match self {
            Self::Bytes(_) => "the archive".to_owned(),
            Self::File { path, .. } => path.display().to_string(),
        };
        io::Error::new(kind, format!("failed to read {name}: {problem}"))
    }
}

/// Reads segments one after the other; of files, only the one that it has come to is open.
struct SegmentReader {
    segments: Arc<[Segment]>,
    /// The segment that it has come to, and the next of its bytes.
    number: usize,
    offset: u64,
    file: Option<File>,
}

impl SegmentReader {
    /// Reads from an offset of all bytes on.
    fn new(segments: &Arc<[Segment]>, mut offset: u64) -> Self {
        let mut number = 0;
        while let Some(segment) = segments.get(number)
            && offset >= segment.len()
        {
            offset -= segment.len();
            number += 1;
        }
        Self {
            segments: Arc::clone(segments),
            number,
            offset,
            file: None,
        }
    }
}

/// Reads some bytes of a segment from an offset on.
fn read_segment(
    segment: &Segment,
    offset: u64,
    file: &mut Option<File>,
    buffer: &mut [u8],
) -> io::Result<usize> {
    match segment {
        Segment::Bytes(bytes) => {
            let mut rest = Cursor::new(bytes);
            rest.set_position(offset);
            rest.read(buffer)
        }
        Segment::File { path, size } => {
            let file = if let Some(file) = file {
                file
            } else {
                let mut opened = File::open(path)?;
                opened.seek(SeekFrom::Start(offset))?;
                file.insert(opened)
            };
            // One that grows meanwhile is sent as it was.
            file.take(size - offset).read(buffer)
        }
    }
}

impl Read for SegmentReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(segment) = self.segments.get(self.number)
            && !buffer.is_empty()
        {
            if self.offset == segment.len() {
                self.number += 1;
                self.offset = 0;
                self.file = None;
                continue;
            }
            let read = read_segment(segment, self.offset, &mut self.file, buffer);
            return match read.map_err(|error| segment.fail(error.kind(), error))? {
                0 => Err(segment.fail(ErrorKind::UnexpectedEof, "it is shorter than it was")),
                count => {
                    self.offset += count as u64;
                    Ok(count)
                }
            };
        }
        Ok(0)
    }
}

impl Export {
    /// The export at these paths, or those, as `prepare` reads them. Outputs of earlier runs in `output_dir` are
    /// none.
    ///
    /// # Errors
    /// If a path can't be read.
    pub(super) fn open(paths: &[PathBuf], output_dir: &Path) -> anyhow::Result<Self> {
        let mut files = inputs::files_at(paths, output_dir)?;
        let spooled = match files.iter().position(|path| is_standard_input(path)) {
            Some(place) => {
                let spooled = spool()?;
                spooled.path().clone_into(&mut files[place]);
                Some(spooled)
            }
            None => None,
        };
        let mut sizes = Vec::new();
        for path in &files {
            sizes.push(size_of(path)?);
        }
        let whole = |(path, size): (&PathBuf, &u64)| Segment::File {
            path: path.clone(),
            size: *size,
        };
        let is_made = files.len() > 1;
        let segments: Arc<[_]> = if is_made {
            archive(&files, &sizes).into()
        } else {
            files.iter().zip(&sizes).map(whole).collect()
        };
        Ok(Self {
            size_bytes: segments.iter().map(Segment::len).sum(),
            segments,
            is_gzip: !is_made && is_gzip(&files[0])?,
            is_archive: is_made || is_archive(&files[0])?,
            files,
            _spooled: spooled,
        })
    }

    /// The bytes of one part.
    pub(super) fn part(&self, offset: u64, size: u64) -> impl Read + 'static {
        SegmentReader::new(&self.segments, offset).take(size)
    }
}

/// Headers, files, and what fills their last blocks. The files' own names may be somebody's, and stay here.
fn archive(files: &[PathBuf], sizes: &[u64]) -> Vec<Segment> {
    let mut segments = Vec::new();
    for (number, (path, size)) in files.iter().zip(sizes).enumerate() {
        let mut header = Header::new_gnu();
        let name = format!("{}.json", number + 1);
        header
            .set_path(name)
            .expect("a number and an ending are a path that is short enough");
        header.set_mode(0o600);
        header.set_size(*size);
        header.set_cksum();
        segments.push(Segment::Bytes(header.as_bytes().to_vec()));
        segments.push(Segment::File {
            path: path.clone(),
            size: *size,
        });
        segments.push(zeros(size.next_multiple_of(BLOCK) - size));
    }
    segments.push(zeros(2 * BLOCK));
    segments
}

fn zeros(count: u64) -> Segment {
    Segment::Bytes(vec![0; usize::try_from(count).unwrap_or_default()])
}

fn size_of(path: &Path) -> anyhow::Result<u64> {
    if let Some(address) = address_of(path)? {
        bail!(
            "{address} is in S3; download it first, or put it under uploads/ of the service's own bucket"
        );
    }
    let failed = || format!("failed to read {}", path.display());
    let metadata = path.metadata().with_context(failed)?;
    if !metadata.is_file() {
        bail!("{} is not a file", path.display());
    }
    if metadata.len() == 0 {
        bail!("{} is empty", path.display());
    }
    if starts_with(path, b"PK\x03\x04").with_context(failed)? {
        bail!(
            "{} is a ZIP archive; unpack it, and submit the result.json that is in it",
            path.display()
        );
    }
    Ok(metadata.len())
}

fn is_gzip(path: &Path) -> anyhow::Result<bool> {
    starts_with(path, &[0x1f, 0x8b]).with_context(|| format!("failed to read {}", path.display()))
}

/// Whether a file is a tar archive, which may be compressed.
fn is_archive(path: &Path) -> anyhow::Result<bool> {
    const MAGIC: &[u8] = b"ustar";
    let start = || -> io::Result<Vec<u8>> {
        let mut start = Vec::new();
        let mut block = decompressed(Box::new(File::open(path)?))?.take(BLOCK);
        // What is wrong with compressed data is the service's to say.
        drop(block.read_to_end(&mut start));
        Ok(start)
    };
    let start = start().with_context(|| format!("failed to read {}", path.display()))?;
    Ok(start.get(257..).is_some_and(|rest| rest.starts_with(MAGIC)))
}

fn starts_with(path: &Path, magic: &[u8]) -> io::Result<bool> {
    let mut start = Vec::new();
    let file = File::open(path)?;
    file.take(magic.len() as u64).read_to_end(&mut start)?;
    Ok(start == magic)
}

/// Keeps standard input in a file: how much there is has to be known first, and parts may be sent again.
fn spool() -> anyhow::Result<NamedTempFile> {
    let copy = || -> io::Result<NamedTempFile> {
        let mut file = NamedTempFile::new()?;
        io::copy(&mut io::stdin().lock(), &mut file)?;
        Ok(file)
    };
    copy().context("failed to keep standard input in a temporary file")
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn several_exports_are_an_archive_that_can_be_read_from_anywhere() {
        let folder = tempfile::tempdir().unwrap();
        let contents = [
            format!("[{}]", " ".repeat(1000)),
            r#"[{"messages": []}]"#.to_owned(),
        ];
        let paths = ["a.json", "b.json"].map(|name| folder.path().join(name));
        for (path, content) in paths.iter().zip(&contents) {
            std::fs::write(path, content).unwrap();
        }
        let export = Export::open(&paths, folder.path()).unwrap();
        assert!(export.is_archive);
        let read = |offset, size| {
            let mut bytes = Vec::new();
            let mut part = export.part(offset, size);
            part.read_to_end(&mut bytes).unwrap();
            bytes
        };
        let whole = read(0, export.size_bytes);
        assert_eq!(whole.len() as u64, export.size_bytes);
        for (offset, size) in [
            (0, 1),
            (500, 600),
            (1535, 2),
            (2000, export.size_bytes - 2000),
        ] {
            let place = |bytes: u64| usize::try_from(bytes).unwrap();
            assert!(
                read(offset, size) == whole[place(offset)..place(offset + size)],
                "{offset}, {size}"
            );
        }
        let mut archive = tar::Archive::new(&whole[..]);
        for (number, entry) in archive.entries().unwrap().enumerate() {
            let mut entry = entry.unwrap();
            assert_eq!(
                entry.path().unwrap().to_str().unwrap(),
                format!("{}.json", number + 1)
            );
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            assert!(content == contents[number], "{number}");
        }
    }
    #[test]
    fn a_file_that_gets_shorter_is_not_sent() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a.json", "b.json"].map(|name| folder.path().join(name));
        for path in &paths {
            std::fs::write(path, "[          ]").unwrap();
        }
        let export = Export::open(&paths, folder.path()).unwrap();
        std::fs::write(&paths[0], "[]").unwrap();
        let read = export
            .part(0, export.size_bytes)
            .read_to_end(&mut Vec::new());
        let error = read.unwrap_err().to_string();
        assert!(error.contains("a.json: it is shorter"), "{error}");
    }

    #[test]
    fn an_archive_is_known_by_its_first_block() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("exports");
        let is_archive = |content: &[u8]| {
            std::fs::write(&path, content).unwrap();
            let export = Export::open(std::slice::from_ref(&path), folder.path()).unwrap();
            (export.is_archive, export.is_gzip)
        };
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = Header::new_ustar();
        header.set_size(2);
        builder
            .append_data(&mut header, "a.json", &b"[]"[..])
            .unwrap();
        let archive = builder.into_inner().unwrap();
        assert_eq!(is_archive(&archive), (true, false));
        assert_eq!(is_archive(b"[]"), (false, false));
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&archive).unwrap();
        assert_eq!(is_archive(&gzip.finish().unwrap()), (true, true));
    }
}
