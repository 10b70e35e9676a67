//! The text that a template writes, bounded while it grows.

use std::io::{self, Write};

/// A buffer that takes no more than a limit.
pub(crate) struct BoundedText {
    text: String,
    limit_bytes: usize,
    overflowed: bool,
}

impl BoundedText {
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self {
            text: String::new(),
            limit_bytes,
            overflowed: false,
        }
    }

    /// Whether more was written than there is room for.
    pub(crate) fn overflowed(&self) -> bool {
        self.overflowed
    }

    pub(crate) fn into_string(self) -> String {
        self.text
    }
}

impl Write for BoundedText {
    // The engine hands over whole texts, never a part of a character.
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if self.text.len() + text.len() > self.limit_bytes {
            self.overflowed = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let text = str::from_utf8(text).map_err(|_| io::ErrorKind::InvalidData)?;
        self.text.push_str(text);
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
        assert_eq!(text.into_string(), "four");
    }

    #[test]
    fn text_beyond_the_limit_is_refused_before_it_is_kept() {
        let mut text = BoundedText::new(4);
        text.write_all(b"fo").unwrap();
        assert!(text.write_all(b"urs").is_err());
        assert!(text.overflowed());
        assert_eq!(text.into_string(), "fo");
    }
}
