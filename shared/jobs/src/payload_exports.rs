//! The exports in a payload: one, or several in a tar archive, told apart by what is in it.

use std::io::{self, ErrorKind, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use resonare_pipeline::{Source, decompressed};
use tar::{EntryType, Header};

const BLOCK: usize = 512;

/// The largest extension of a header that is read.
const LARGEST_EXTENSION: u64 = 1 << 20;

/// The exports in a payload, in their order. Each has to be read before the next is asked for.
pub(crate) enum PayloadExports {
    One(Option<io::Result<Source>>),
    Several { archive: Archive, number: usize },
}

impl PayloadExports {
    /// Those of these bytes, which may be compressed.
    pub(crate) fn of(payload: Box<dyn Read + Send>) -> Self {
        Self::look(payload).unwrap_or_else(|error| Self::One(Some(Err(error))))
    }

    fn look(payload: Box<dyn Read + Send>) -> io::Result<Self> {
        let mut reader = decompressed(payload)?;
        let mut start = Vec::with_capacity(BLOCK);
        reader.by_ref().take(BLOCK as u64).read_to_end(&mut start)?;
        let is_archive = as_header(&start)
            .is_some_and(|header| header.as_ustar().is_some() || header.as_gnu().is_some());
        let reader: Box<dyn Read + Send> = Box::new(io::Cursor::new(start).chain(reader));
        if is_archive {
            return Ok(Self::Several {
                archive: Archive::new(reader),
                number: 0,
            });
        }
        Ok(Self::One(Some(Ok(Source {
            name: "the export".to_owned(),
            reader,
        }))))
    }
}

impl Iterator for PayloadExports {
    type Item = io::Result<Source>;

    fn next(&mut self) -> Option<io::Result<Source>> {
        match self {
            Self::One(source) => source.take(),
            Self::Several { archive, number } => {
                *number += 1;
                let found = archive.lock().next_export().transpose()?;
                Some(found.map(|()| Source {
                    // Its own name may be somebody's.
                    name: format!("file {number} of the upload"),
                    reader: Box::new(archive.clone()),
                }))
            }
        }
    }

    /// An archive can't be read ahead, and is made of several.
    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::One(source) => {
                let count = usize::from(source.is_some());
                (count, Some(count))
            }
            Self::Several { number, .. } => (2_usize.saturating_sub(*number), None),
        }
    }
}

/// A tar archive; it reads the bytes of the file that it has come to.
#[derive(Clone)]
pub(crate) struct Archive(Arc<Mutex<Files>>);

impl Archive {
    fn new(reader: Box<dyn Read + Send>) -> Self {
        Self(Arc::new(Mutex::new(Files {
            reader,
            left: 0,
            padding: 0,
            has_ended: false,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Files> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read for Archive {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.lock().read(buffer)
    }
}

struct Files {
    reader: Box<dyn Read + Send>,
    /// Bytes of the current file that were not read.
    left: u64,
    /// What fills the last block of the current file.
    padding: u64,
    has_ended: bool,
}

impl Files {
    /// Goes to the next file that may be an export; `None` after the last, and after an error.
    fn next_export(&mut self) -> io::Result<Option<()>> {
        let found = if self.has_ended {
            Ok(None)
        } else {
            self.look_for_export()
        };
        self.has_ended = !matches!(found, Ok(Some(())));
        found
    }

    fn look_for_export(&mut self) -> io::Result<Option<()>> {
        let mut extension = Extension::default();
        loop {
            self.skip()?;
            let mut block = [0; BLOCK];
            self.reader.read_exact(&mut block)?;
            if block == [0; BLOCK] {
                return Ok(None);
            }
            let header = as_header(&block).ok_or_else(damaged)?;
            self.begin(header.entry_size().map_err(|_| damaged())?);
            match header.entry_type() {
                EntryType::XHeader => extension.read_records(&self.content()?),
                EntryType::GNULongName => extension.name = Some(self.content()?),
                EntryType::Regular | EntryType::Continuous => {
                    let Extension { name, size } = std::mem::take(&mut extension);
                    if let Some(size) = size {
                        self.begin(size);
                    }
                    let name = name.unwrap_or_else(|| header.path_bytes().into_owned());
                    if is_json(&name) {
                        return Ok(Some(()));
                    }
                }
                _ => extension = Extension::default(),
            }
        }
    }

    fn begin(&mut self, size: u64) {
        self.left = size;
        self.padding = size.next_multiple_of(BLOCK as u64) - size;
    }

    /// Passes over what is left of the current file.
    fn skip(&mut self) -> io::Result<()> {
        let rest = self.left + self.padding;
        let skipped = io::copy(&mut self.reader.by_ref().take(rest), &mut io::sink())?;
        (self.left, self.padding) = (0, 0);
        if skipped == rest {
            Ok(())
        } else {
            Err(ErrorKind::UnexpectedEof.into())
        }
    }

    /// The whole of a small file.
    fn content(&mut self) -> io::Result<Vec<u8>> {
        if self.left > LARGEST_EXTENSION {
            return Err(damaged());
        }
        let mut content = Vec::new();
        self.read_to_end(&mut content)?;
        Ok(content)
    }
}

/// What is said of a file before its header, where that has no room for it.
#[derive(Default)]
struct Extension {
    name: Option<Vec<u8>>,
    size: Option<u64>,
}

impl Extension {
    /// Reads records of the form `11 size=3`, a line each.
    fn read_records(&mut self, records: &[u8]) {
        for record in records.split(|byte| *byte == b'\n') {
            let start = record.iter().position(|byte| *byte == b' ');
            let record = &record[start.map_or(0, |start| start + 1)..];
            if let Some(name) = record.strip_prefix(b"path=") {
                self.name = Some(name.to_vec());
            } else if let Some(size) = record.strip_prefix(b"size=") {
                self.size = std::str::from_utf8(size)
                    .ok()
                    .and_then(|size| size.parse().ok());
            }
        }
    }
}

fn is_json(name: &[u8]) -> bool {
    let name = name.strip_suffix(b"\0").unwrap_or(name);
    name.ends_with(b".json") || name.ends_with(b".json.gz")
}

impl Read for Files {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let count = self.reader.by_ref().take(self.left).read(buffer)?;
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.left -= count as u64;
        Ok(count)
    }
}

/// The header that a block is, if its sum is right.
fn as_header(block: &[u8]) -> Option<&Header> {
    const SUM: std::ops::Range<usize> = 148..156;
    if block.len() != BLOCK {
        return None;
    }
    let header = Header::from_byte_slice(block);
    let of_byte = |(place, byte): (usize, &u8)| {
        if SUM.contains(&place) {
            u32::from(b' ')
        } else {
            u32::from(*byte)
        }
    };
    let sum: u32 = block.iter().enumerate().map(of_byte).sum();
    (header.cksum().ok()? == sum).then_some(header)
}

fn damaged() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "the archive is damaged")
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

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

    fn read(payload: Vec<u8>) -> Vec<io::Result<(String, String)>> {
        let exports = PayloadExports::of(Box::new(io::Cursor::new(payload)));
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
        let long = format!("{}/result.json", "folder".repeat(30));
        let large = vec![b'y'; 100_000];
        let payload = archive(&[
            ("a/result.json", b"[1]"),
            ("a/photo.jpg", &large),
            (&long, &large),
            ("empty.json", b""),
        ]);
        let lengths = texts(payload.clone()).into_iter().map(|text| text.len());
        assert_eq!(lengths.collect::<Vec<_>>(), [3, 100_000, 0]);
        let names = read(payload.clone()).into_iter();
        let names: Vec<_> = names.map(|read| read.unwrap().0).collect();
        assert_eq!(names[2], "file 3 of the upload");

        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&payload).unwrap();
        assert_eq!(texts(gzip.finish().unwrap()).len(), 3);
    }

    #[test]
    fn a_size_in_an_extended_header_counts() {
        let record = b"11 size=3\n";
        let mut payload = Vec::new();
        let mut append = |kind: EntryType, size: u64, content: &[u8]| {
            let mut header = Header::new_ustar();
            header.set_path("x.json").unwrap();
            header.set_entry_type(kind);
            header.set_size(size);
            header.set_cksum();
            payload.extend_from_slice(header.as_bytes());
            payload.extend_from_slice(content);
            payload.resize(payload.len().next_multiple_of(BLOCK), 0);
        };
        append(EntryType::XHeader, record.len() as u64, record);
        append(EntryType::Regular, 0, b"[1]");
        payload.extend_from_slice(&[0; 1024]);
        assert_eq!(texts(payload), ["[1]"]);
    }

    #[test]
    fn what_is_damaged_or_cut_is_an_error() {
        let whole = archive(&[("a.json", b"[1]"), ("b.json", &[b'x'; 2000])]);
        for length in [600, 1100, 1700] {
            let read = read(whole[..length].to_vec());
            assert!(read.last().unwrap().is_err(), "{length}");
            assert!(read.len() <= 3, "{length}");
        }
        let mut damaged = whole;
        damaged[1024 + 10] ^= 1;
        assert!(read(damaged)[1].is_err());
    }
}
