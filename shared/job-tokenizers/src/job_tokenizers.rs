//! Tokenizers for a configuration.

use std::sync::Arc;

use async_trait::async_trait;
use resonare_jobs::{NoTokenizer, TokenizerSource, causes};
use resonare_pipeline::TokenizerInfo;
use resonare_settings::Configuration;
use resonare_tokenizer::{
    FoundTokenizer, Lookup, LookupError, ModelTokenizer, TokenizerCache, WantedTokenizer,
};

/// Finds the tokenizers that configurations ask for. Clones share what they found.
#[derive(Clone)]
pub struct JobTokenizers {
    cache: Arc<TokenizerCache>,
}

/// The tokenizer that a configuration asks for.
pub fn wanted(configuration: &Configuration) -> WantedTokenizer {
    WantedTokenizer {
        model_id: configuration.model_id.clone(),
        tokenizer: configuration.tokenizer.clone(),
        require_exact: configuration.require_exact_tokenizer,
    }
}

impl JobTokenizers {
    /// Those that a look-up finds.
    pub fn new(lookup: Lookup) -> Self {
        Self {
            cache: Arc::new(TokenizerCache::new(lookup)),
        }
    }

    /// Finds the tokenizer that a configuration asks for. A look-up that has begun goes on even if no one
    /// waits for it any longer, and what it finds is kept.
    ///
    /// # Errors
    /// Those of [`Lookup::find`].
    pub async fn look_up(
        &self,
        configuration: &Configuration,
    ) -> Result<FoundTokenizer, LookupError> {
        let (cache, wanted) = (Arc::clone(&self.cache), wanted(configuration));
        let found = tokio::task::spawn_blocking(move || cache.find(&wanted));
        found
            .await
            .unwrap_or_else(|error| Err(LookupError::BrokenOff(error.into())))
    }
}

#[async_trait]
impl TokenizerSource for JobTokenizers {
    type Tokenizer = ModelTokenizer;

    async fn find(
        &self,
        configuration: &Configuration,
    ) -> Result<(Arc<ModelTokenizer>, TokenizerInfo), NoTokenizer> {
        match self.look_up(configuration).await {
            Ok(found) => Ok((found.tokenizer, found.info)),
            Err(error) => Err(NoTokenizer {
                message: causes(&error),
                is_retryable: error.is_retryable(),
            }),
        }
    }
}
