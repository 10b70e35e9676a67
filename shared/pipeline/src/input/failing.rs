//! A stream that fails, for tests.

use std::io::{self, Read};

/// Fails with an error of this kind instead of giving bytes.
pub(super) struct Failing(pub(super) io::ErrorKind);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(self.0.into())
    }
}
