//! What is sent: one export as it is, or several in a tar archive that is made while it is sent.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tar::Header;
use tempfile::NamedTempFile;

use crate::inputs::{self, is_standard_input};
use crate::storage::s3::address_of;

/// An archive consists of these, and two empty ones end it.
const BLOCK: u64 = 512;

/// What is sent.
pub(super) struct Export {
    segments: Vec<Segment>,
    pub(super) size_bytes: u64,
    pub(super) is_gzip: bool,
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

    /// Its bytes from an offset on.
    fn read_from(&self, offset: u64) -> io::Result<Box<dyn Read + Send + Sync>> {
        Ok(match self {
            Self::Bytes(bytes) => {
                let mut reader = Cursor::new(bytes.clone());
                reader.set_position(offset);
                Box::new(reader)
            }
            Self::File { path, size } => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(offset))?;
                // One that grows meanwhile is sent as it was.
                Box::new(file.take(size - offset))
            }
        })
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
        let is_archive = files.len() > 1;
        let segments: Vec<_> = if is_archive {
            archive(&files, &sizes)
        } else {
            files.iter().zip(&sizes).map(whole).collect()
        };
        Ok(Self {
            size_bytes: segments.iter().map(Segment::len).sum(),
            segments,
            is_gzip: !is_archive && is_gzip(&files[0])?,
            is_archive,
            files,
            _spooled: spooled,
        })
    }

    /// The bytes of one part.
    pub(super) fn part(&self, offset: u64, size: u64) -> anyhow::Result<impl Read + 'static> {
        let mut start = 0;
        let mut part: Box<dyn Read + Send + Sync> = Box::new(io::empty());
        for segment in &self.segments {
            let end = start + segment.len();
            if end > offset && start < offset + size {
                let read = segment.read_from(offset.saturating_sub(start));
                let name = match segment {
                    Segment::Bytes(_) => String::new(),
                    Segment::File { path, .. } => path.display().to_string(),
                };
                let read = read.with_context(|| format!("failed to read {name}"))?;
                part = Box::new(part.chain(read));
            }
            start = end;
        }
        Ok(part.take(size))
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
            let mut part = export.part(offset, size).unwrap();
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
}
