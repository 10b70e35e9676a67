//! The text that a template writes, bounded while it grows.

use std::io::{self, Write};

/// A buffer that takes no more than a limit.
pub(crate) struct BoundedText {
    bytes: Vec<u8>,
    limit_bytes: usize,
    overflowed: bool,
}

impl BoundedText {
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit_bytes,
            overflowed: false,
        }
    }

    /// Whether more was written than there is room for.
    pub(crate) fn overflowed(&self) -> bool {
        self.overflowed
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl Write for BoundedText {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + text.len() > self.limit_bytes {
            self.overflowed = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_up_to_the_limit_is_kept() {
        let mut text = BoundedText::new(4);
        text.write_all(b"four").unwrap();
        assert!(!text.overflowed());
        assert_eq!(text.into_bytes(), b"four");
    }

    #[test]
    fn text_beyond_the_limit_is_refused_before_it_is_kept() {
        let mut text = BoundedText::new(4);
        text.write_all(b"fo").unwrap();
        assert!(text.write_all(b"urs").is_err());
        assert!(text.overflowed());
        assert_eq!(text.into_bytes(), b"fo");
    }
}
