//! One input of a job: a name and a stream of bytes, gzip or not.

use std::io::{self, BufRead, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;

use crate::source_problem::SourceProblem;

/// An export to read.
pub struct Source {
    /// What messages call it: a path, `standard input`, an object's URL.
    pub name: String,
    /// Its bytes, as stored: gzip is recognized by its magic bytes.
    pub reader: Box<dyn Read + Send>,
}

const GZIP_MAGIC: [u8; 2] = [0x1F, 0x8B];

/// Reads the bytes of the export itself, whether they are compressed or not. Reading damaged compressed data gives
/// [`SourceProblem::Gzip`].
///
/// # Errors
/// Those of the reader.
pub fn decompressed(mut reader: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let mut start = [0; GZIP_MAGIC.len()];
    let mut filled = 0;
    while filled < start.len() {
        match reader.read(&mut start[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let whole = io::Cursor::new(start).take(filled as u64).chain(reader);
    if start == GZIP_MAGIC {
        let compressed = io::BufReader::with_capacity(128 << 10, whole);
        Ok(Box::new(GzipReader(MultiGzDecoder::new(compressed))))
    } else {
        Ok(Box::new(whole))
    }
}

/// Tells what is wrong with compressed data from what is wrong with where it comes from.
struct GzipReader<R>(MultiGzDecoder<R>);

impl<R: BufRead> Read for GzipReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            // Those of the decoder; where its input ends early, it is `UnexpectedEof`.
            ErrorKind::InvalidInput | ErrorKind::InvalidData => {
                io::Error::new(ErrorKind::InvalidData, SourceProblem::Gzip)
            }
            _ => error,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn damaged_gzip_is_told_from_a_fault_of_its_reader() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"[1]").unwrap();
        let mut stored = encoder.finish().unwrap();
        let checksum = stored.len() - 8;
        stored[checksum] ^= 1;
        let mut reader = decompressed(Box::new(io::Cursor::new(stored))).unwrap();
        let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
        let problem = error.get_ref().unwrap().downcast_ref();
        assert_eq!(problem, Some(&SourceProblem::Gzip));
    }

    #[test]
    fn gzip_is_recognized_by_its_first_bytes_alone() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"[1]").unwrap();
        for stored in [encoder.finish().unwrap(), b"[1]".to_vec()] {
            let mut text = String::new();
            decompressed(Box::new(io::Cursor::new(stored)))
                .unwrap()
                .read_to_string(&mut text)
                .unwrap();
            assert_eq!(text, "[1]");
        }
    }
}
