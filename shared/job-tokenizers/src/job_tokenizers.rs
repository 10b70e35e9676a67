//! Tokenizers for a configuration.

use std::sync::Arc;

use async_trait::async_trait;
use resonare_jobs::{FoundModel, ModelSource, NoTokenizer, causes};
use resonare_settings::Configuration;
use resonare_tokenizer::{
    FoundTokenizer, Lookup, LookupError, ModelTokenizer, TokenizerCache, TokenizerWithTemplate,
    WantedTokenizer,
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

/// A tokenizer that was found, with what else a run asks of its model.
pub fn found_model(
    found: FoundTokenizer,
    configuration: &Configuration,
) -> FoundModel<ModelTokenizer> {
    let none = || Err("chat templates are not looked up".to_owned());
    FoundModel {
        tokenizer: found.tokenizer,
        info: found.info,
        chat_template: configuration.wants_chat_template().then(none),
        special_tokens: Vec::new(),
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
        self.ask(configuration, TokenizerCache::find).await
    }

    /// Finds the tokenizer that a configuration asks for as [`Self::look_up`] does, and its model's chat
    /// template.
    ///
    /// # Errors
    /// Those of [`Lookup::find_with_template`].
    pub async fn look_up_with_template(
        &self,
        configuration: &Configuration,
    ) -> Result<TokenizerWithTemplate, LookupError> {
        self.ask(configuration, TokenizerCache::find_with_template)
            .await
    }

    async fn ask<T: Send + 'static>(
        &self,
        configuration: &Configuration,
        question: fn(&TokenizerCache, &WantedTokenizer) -> Result<T, LookupError>,
    ) -> Result<T, LookupError> {
        let (cache, wanted) = (Arc::clone(&self.cache), wanted(configuration));
        let found = tokio::task::spawn_blocking(move || question(&cache, &wanted));
        found
            .await
            .unwrap_or_else(|error| Err(LookupError::BrokenOff(error.into())))
    }
}

#[async_trait]
impl ModelSource for JobTokenizers {
    type Tokenizer = ModelTokenizer;

    async fn find(
        &self,
        configuration: &Configuration,
    ) -> Result<FoundModel<ModelTokenizer>, NoTokenizer> {
        match self.look_up(configuration).await {
            Ok(found) => Ok(found_model(found, configuration)),
            Err(error) => Err(NoTokenizer {
                message: causes(&error),
                is_retryable: error.is_retryable(),
            }),
        }
    }
}
