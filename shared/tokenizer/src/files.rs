//! Files of this machine, as tokenizers are read and kept: bounded, whole, and known by their digest.

use std::io::{self, Read as _, Write as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// The largest file of a model that is read: 128 MiB. The largest `tokenizer.json` that is published has 33 MB.
pub const LARGEST_FILE: u64 = 128 << 20;

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}

/// Reads a file of at most [`LARGEST_FILE`].
pub(crate) fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(LARGEST_FILE + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "the file is larger than 128 MiB",
        ));
    }
    Ok(bytes)
}

/// Writes a file aside, then renames it, so that no other process meets half of it. Its folder is created
/// if need be.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_largest_size_is_read_and_a_larger_one_is_not() {
        assert_eq!(LARGEST_FILE, 134_217_728);
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(LARGEST_FILE).unwrap();
        let bytes = read_bounded(file.path()).unwrap();
        assert_eq!(bytes.len() as u64, LARGEST_FILE);
        file.as_file().set_len(LARGEST_FILE + 1).unwrap();
        let error = read_bounded(file.path()).unwrap_err();
        assert_eq!(error.to_string(), "the file is larger than 128 MiB");
    }

    #[test]
    fn a_file_is_replaced_whole_and_its_folder_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("models/a/tokenizer.json");
        for bytes in [&b"longer than the next"[..], b"next"] {
            write_whole(&path, bytes).unwrap();
            assert_eq!(read_bounded(&path).unwrap(), bytes);
        }
        let left = std::fs::read_dir(path.parent().unwrap()).unwrap();
        assert_eq!(left.count(), 1, "nothing is left beside it");
    }

    #[test]
    fn digests_are_in_hexadecimal() {
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
