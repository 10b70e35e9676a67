//! A reader of which the beginning is read twice: to see what it is, and as what it is.

use std::io::{self, ErrorKind, Read, Seek as _, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tempfile::{SpooledTempFile, spooled_tempfile_in};

/// How much is kept in memory; more is kept in a file.
const IN_MEMORY: usize = 8 << 20;

/// How much may be read the first time.
const LARGEST: u64 = 64 << 20;

/// A reader that begins again, once. Its clones are the same.
pub(crate) struct TwiceRead<R>(Arc<Mutex<Reading<R>>>);

struct Reading<R> {
    reader: R,
    /// What was read the first time.
    kept: SpooledTempFile,
    kept_bytes: u64,
    /// What came after that.
    failure: FailureOnce,
    is_again: bool,
}

impl<R> TwiceRead<R> {
    pub(crate) fn new(reader: R, scratch_dir: &Path) -> Self {
        Self(Arc::new(Mutex::new(Reading {
            reader,
            kept: spooled_tempfile_in(IN_MEMORY, scratch_dir),
            kept_bytes: 0,
            failure: FailureOnce(None),
            is_again: false,
        })))
    }

    /// From here on, all is read from its beginning.
    pub(crate) fn begin_again(&self) -> io::Result<()> {
        let mut reading = self.lock();
        reading.is_again = true;
        reading.kept.rewind()
    }

    fn lock(&self) -> MutexGuard<'_, Reading<R>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R> Clone for TwiceRead<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R: Read> Read for TwiceRead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut reading = self.lock();
        if reading.is_again {
            return reading.again(buffer);
        }
        if reading.kept_bytes >= LARGEST {
            return Err(ErrorKind::FileTooLarge.into());
        }
        reading.first(buffer).map_err(|error| {
            let kind = error.kind();
            reading.failure = FailureOnce(Some(error));
            kind.into()
        })
    }
}

impl<R: Read> Reading<R> {
    fn first(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.kept.write_all(&buffer[..count])?;
        self.kept_bytes += count as u64;
        Ok(count)
    }

    fn again(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.kept.read(buffer)? {
            0 => {
                self.failure.0.take().map_or(Ok(()), Err)?;
                self.reader.read(buffer)
            }
            count => Ok(count),
        }
    }
}

/// Fails once where there is an error, and is empty.
pub(crate) struct FailureOnce(pub(crate) Option<io::Error>);

impl Read for FailureOnce {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_comes_again_with_the_failure_after_it() {
        let failure = FailureOnce(Some(io::Error::other("the store is away")));
        let reader = (&b"before"[..]).chain(failure).chain(&b"after"[..]);
        let mut reader = TwiceRead::new(reader, &std::env::temp_dir());
        let mut first = reader.clone();
        assert!(first.read_to_end(&mut Vec::new()).is_err());
        reader.begin_again().unwrap();
        let mut text = String::new();
        let error = reader.read_to_string(&mut text).unwrap_err();
        assert_eq!(error.to_string(), "the store is away");
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "beforeafter");
    }

    #[test]
    fn the_first_reading_has_an_end() {
        let mut reader = TwiceRead::new(io::repeat(b' '), &std::env::temp_dir());
        let read = io::copy(&mut reader.clone(), &mut io::sink());
        assert!(read.is_err());
        reader.begin_again().unwrap();
        let mut start = [0; 5];
        reader.read_exact(&mut start).unwrap();
        assert_eq!(&start, b"     ");
    }
}
