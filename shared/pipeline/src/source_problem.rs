//! What is wrong with the bytes of an input themselves, below the JSON.

use std::fmt;

/// What is wrong with the bytes of an input themselves. Readers give it inside an [`io::Error`](std::io::Error); any
/// other error is a fault of where the bytes come from, and may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceProblem {
    /// Compressed data that can't be decompressed.
    Gzip,
    /// A part of a tar archive that describes a file makes no sense.
    DamagedArchive {
        /// The JSON files before that place.
        files: u64,
    },
    /// A tar archive without its end.
    ArchiveCutOff {
        /// The JSON files that had begun.
        files: u64,
        /// The bytes that there are, after decompression.
        byte_offset: u64,
    },
    /// A tar archive with a file of which only some is stored.
    SparseFile,
    /// A tar archive without any JSON file.
    NoJsonFile,
    /// A tar archive in which no JSON file is an export.
    NoExport {
        /// Its JSON files.
        files: u64,
    },
}

impl std::error::Error for SourceProblem {}

impl fmt::Display for SourceProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Gzip => f.write_str("the gzip data is damaged"),
            Self::DamagedArchive { files } => {
                write!(f, "the tar archive is damaged {}", place(files))
            }
            Self::ArchiveCutOff { files, byte_offset } => write!(
                f,
                "the tar archive was cut off at byte {byte_offset}, {}",
                place(files)
            ),
            Self::SparseFile => {
                f.write_str("the tar archive has a sparse file, which cannot be read")
            }
            Self::NoJsonFile => f.write_str("the tar archive holds no *.json or *.json.gz"),
            Self::NoExport { files: 1 } => {
                f.write_str("the only JSON file of the tar archive is no export")
            }
            Self::NoExport { files } => {
                write!(
                    f,
                    "none of the {files} JSON files of the tar archive is an export"
                )
            }
        }
    }
}

/// Where something is wrong after the beginning of the last of so many files.
fn place(files: u64) -> String {
    match files {
        0 => "before its first JSON file".to_owned(),
        number => format!("in or after its JSON file {number}"),
    }
}
