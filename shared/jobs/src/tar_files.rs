//! The JSON files of a tar archive, as a stream.

use std::io::{self, ErrorKind, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use resonare_pipeline::SourceProblem;
use tar::{EntryType, Header};

use crate::tar_extension::TarExtension;

pub(crate) const BLOCK: usize = 512;

/// The largest extension of a header that is read.
const LARGEST_EXTENSION: u64 = 1 << 20;

/// Bytes that are passed over at once.
const STEP: usize = 16 << 10;

/// Whether an archive begins so.
pub(crate) fn is_archive(start: &[u8]) -> bool {
    as_header(start).is_some_and(|header| header.as_ustar().is_some() || header.as_gnu().is_some())
}

/// The JSON files of an archive; it reads the bytes of the one that it has come to. Its clones are the same.
#[derive(Clone)]
pub(crate) struct TarFiles(Arc<Mutex<Files>>);

impl TarFiles {
    pub(crate) fn new(reader: Box<dyn Read + Send>, cancelled: Arc<AtomicBool>) -> Self {
        Self(Arc::new(Mutex::new(Files {
            reader,
            cancelled,
            byte_offset: 0,
            is_cut_off: false,
            left: 0,
            padding: 0,
            found: 0,
        })))
    }

    /// Goes to the next file that is JSON by its name; its number, from 1. `None` after the last.
    pub(crate) fn next_json(&self) -> io::Result<Option<u64>> {
        self.lock().next_json()
    }

    fn lock(&self) -> MutexGuard<'_, Files> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read for TarFiles {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.lock().read(buffer)
    }
}

struct Files {
    reader: Box<dyn Read + Send>,
    cancelled: Arc<AtomicBool>,
    /// Bytes of the archive that were read.
    byte_offset: u64,
    is_cut_off: bool,
    /// Bytes of the current file that were not read.
    left: u64,
    /// What fills the last block of the current file.
    padding: u64,
    /// JSON files so far.
    found: u64,
}

impl Files {
    fn next_json(&mut self) -> io::Result<Option<u64>> {
        let mut extension = TarExtension::default();
        loop {
            self.skip()?;
            let mut block = [0; BLOCK];
            self.fill(&mut block)?;
            if block == [0; BLOCK] {
                return Ok(None);
            }
            let header = as_header(&block).ok_or_else(|| self.damaged())?;
            let size = header.entry_size().map_err(|_| self.damaged())?;
            self.begin(size)?;
            match header.entry_type() {
                EntryType::XHeader => {
                    let records = self.content()?;
                    let read = extension.read_records(&records);
                    read.ok_or_else(|| self.damaged())?;
                }
                EntryType::GNULongName => extension.set_name(&self.content()?),
                EntryType::GNULongLink | EntryType::XGlobalHeader => {}
                kind => {
                    let extension = std::mem::take(&mut extension);
                    if kind.is_gnu_sparse() || extension.is_sparse {
                        return Err(unusable(SourceProblem::SparseFile));
                    }
                    if let Some(size) = extension.size {
                        self.begin(size)?;
                    }
                    let name = extension.name;
                    let name = name.unwrap_or_else(|| header.path_bytes().into_owned());
                    if (kind.is_file() || kind.is_contiguous()) && is_json(&name) {
                        self.found += 1;
                        return Ok(Some(self.found));
                    }
                }
            }
        }
    }

    fn begin(&mut self, size: u64) -> io::Result<()> {
        let padded = size.checked_next_multiple_of(BLOCK as u64);
        let padded = padded.ok_or_else(|| self.damaged())?;
        (self.left, self.padding) = (size, padded - size);
        Ok(())
    }

    /// Passes over what is left of the current file.
    fn skip(&mut self) -> io::Result<()> {
        // It was rounded up to this.
        let mut rest = self.left + self.padding;
        let mut passed = [0; STEP];
        while rest > 0 {
            let step = usize::try_from(rest).map_or(STEP, |rest| rest.min(STEP));
            self.fill(&mut passed[..step])?;
            rest -= step as u64;
        }
        (self.left, self.padding) = (0, 0);
        Ok(())
    }

    /// The whole of a small file.
    fn content(&mut self) -> io::Result<Vec<u8>> {
        let size = usize::try_from(self.left).ok();
        let size = size.filter(|_| self.left <= LARGEST_EXTENSION);
        let mut content = vec![0; size.ok_or_else(|| self.damaged())?];
        self.fill(&mut content)?;
        self.left = 0;
        Ok(content)
    }

    /// Reads so many bytes.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read_some(&mut buffer[filled..])? {
                0 => {
                    return Err(unusable(SourceProblem::ArchiveCutOff {
                        files: self.found,
                        byte_offset: self.byte_offset,
                    }));
                }
                count => filled += count,
            }
        }
        Ok(())
    }

    /// Reads bytes of the archive; none only where it is cut off.
    fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.is_cut_off {
            if self.cancelled.load(Ordering::Relaxed) {
                // `Interrupted` would be tried again.
                return Err(io::Error::other("the attempt was cancelled"));
            }
            match self.reader.read(buffer) {
                Ok(0) => self.is_cut_off = true,
                Ok(count) => {
                    self.byte_offset += count as u64;
                    return Ok(count);
                }
                // So does compressed data end early.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => self.is_cut_off = true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(0)
    }

    fn damaged(&self) -> io::Error {
        unusable(SourceProblem::DamagedArchive { files: self.found })
    }
}

impl Read for Files {
    /// Where the archive is cut off, the file ends early.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        if most == 0 {
            return Ok(0);
        }
        let count = self.read_some(&mut buffer[..most])?;
        self.left -= count as u64;
        Ok(count)
    }
}

/// Whether a file may be an export by its name. macOS puts attributes beside a file, under its name after `._`.
fn is_json(name: &[u8]) -> bool {
    let base = name.rsplit(|byte| *byte == b'/').next().unwrap_or(name);
    let base = base.to_ascii_lowercase();
    !base.starts_with(b"._") && (base.ends_with(b".json") || base.ends_with(b".json.gz"))
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

fn unusable(problem: SourceProblem) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, problem)
}
