//! Why there is no tokenizer.

use std::error::Error;
use std::io;

use super::hub::HubError;
use super::model_files::FilesError;
use super::model_id::NotAModelId;
use crate::model::ParseError;
use crate::openai::encoding::OpenAiEncoding;

/// Why there is no tokenizer. The texts name configuration keys; the code that shows them says how to set
/// these.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The configured tokenizer is neither an encoding nor a file.
    #[error(
        "tokenizer {value:?} is neither a readable file nor one of the encodings {}",
        OpenAiEncoding::NAMES.join(", ")
    )]
    NoSuchTokenizer {
        /// The configured value.
        value: String,
        /// Why it can't be read as a file.
        #[source]
        cause: io::Error,
    },
    /// There is nothing at the URL of the configured tokenizer.
    #[error("{0} does not exist")]
    NothingAtUrl(String),
    /// A file is not a tokenizer.
    #[error("{location} is not a usable tokenizer")]
    Unusable {
        /// The file.
        location: String,
        /// Why.
        #[source]
        cause: ParseError,
    },
    /// A kept file is not the one that was fetched.
    #[error(
        "{location} is not what was fetched from the model hub (its SHA-256 differs from that in {source_location}); \
         delete both to fetch it again"
    )]
    Changed {
        /// The file.
        location: String,
        /// What says where it was fetched from.
        source_location: String,
    },
    /// A kept note of where a file was fetched from makes no sense.
    #[error("{location} does not say where the files next to it were fetched from")]
    UnreadableSource {
        /// The note.
        location: String,
        /// Why.
        #[source]
        cause: serde_json::Error,
    },
    /// A file can't be used.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The hub could not be asked.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// `require_exact_tokenizer` is set, and the hub does not give the tokenizer.
    #[error("require_exact_tokenizer is set, and {0}")]
    NotExact(String),
    /// `require_exact_tokenizer` is set, and the hub is out of reach.
    #[error("require_exact_tokenizer is set, and {0}")]
    OutOfReach(String),
    /// The name can't be that of a model.
    #[error(transparent)]
    ModelId(#[from] NotAModelId),
    /// The look-up itself was interrupted.
    #[error("the look-up of the tokenizer was interrupted")]
    BrokenOff(#[source] Box<dyn Error + Send + Sync>),
}

impl LookupError {
    /// Whether trying again may succeed.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Files(FilesError::Unavailable { .. })
            | Self::Hub(HubError::Unusable { .. })
            | Self::OutOfReach(_)
            | Self::BrokenOff(_) => true,
            Self::Files(FilesError::TooLarge { .. } | FilesError::NotAUrl(_))
            | Self::Hub(HubError::Unexpected { .. })
            | Self::NoSuchTokenizer { .. }
            | Self::NothingAtUrl(_)
            | Self::Unusable { .. }
            | Self::Changed { .. }
            | Self::UnreadableSource { .. }
            | Self::NotExact(_)
            | Self::ModelId(_) => false,
        }
    }
}
