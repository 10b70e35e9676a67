//! What a look-up finds.

use std::sync::Arc;

use resonare_pipeline::TokenizerInfo;

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
        }
    }
}
