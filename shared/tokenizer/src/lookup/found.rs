//! What a look-up finds.

use std::path::PathBuf;
use std::sync::Arc;

use resonare_pipeline::TokenizerInfo;

use super::model_id::ModelId;
use crate::model::ModelTokenizer;
use crate::openai::encoding::OpenAiEncoding;

/// A tokenizer that was found.
#[derive(Clone, Debug)]
pub struct FoundTokenizer {
    /// What counts.
    pub tokenizer: Arc<ModelTokenizer>,
    /// What it is, where it comes from and, if it is a fallback, why.
    pub info: TokenizerInfo,
    /// It is a fallback, since the hub could not be reached at this moment.
    pub(crate) is_out_of_reach: bool,
    pub(crate) place: Place,
}

/// Where a tokenizer was found, and so where its chat template may be.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// It is an encoding of OpenAI's.
    OpenAi,
    /// A file of this machine.
    File(PathBuf),
    /// What a URL names.
    Url(String),
    /// Among the files of a model, or on the hub, at a commit where it is known.
    Model {
        id: ModelId,
        revision: Option<String>,
    },
}

impl FoundTokenizer {
    /// The tokenizer of an OpenAI encoding, with the reason if it is a fallback.
    pub(crate) fn open_ai(encoding: OpenAiEncoding, fallback_reason: Option<String>) -> Self {
        let tokenizer = ModelTokenizer::open_ai(encoding);
        let info = TokenizerInfo {
            kind: "tiktoken".to_owned(),
            source: encoding.name().to_owned(),
            fingerprint: encoding.fingerprint().to_owned(),
            fallback_reason,
            engine: tokenizer.engine().to_owned(),
        };
        Self {
            tokenizer: Arc::new(tokenizer),
            info,
            is_out_of_reach: false,
            place: Place::OpenAi,
        }
    }
}
