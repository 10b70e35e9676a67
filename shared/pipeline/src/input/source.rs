//! One input of a job: a name and a stream of bytes, gzip or not.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

/// An export to read.
pub struct Source {
    /// What messages call it: a path, `standard input`, an object's URL.
    pub name: String,
    /// Its bytes, as stored: gzip is recognized by its magic bytes.
    pub reader: Box<dyn Read + Send>,
}

const GZIP_MAGIC: [u8; 2] = [0x1F, 0x8B];

/// Reads the bytes of the export itself, whether they are compressed or not.
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
        Ok(Box::new(MultiGzDecoder::new(io::BufReader::with_capacity(
            128 << 10,
            whole,
        ))))
    } else {
        Ok(Box::new(whole))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

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
