//! Tokenizers for a configuration.

use std::sync::Arc;

use async_trait::async_trait;
use resonare_jobs::{FoundModel, FoundTemplate, ModelSource, NoTokenizer, causes};
use resonare_settings::Configuration;
use resonare_tokenizer::{
    FoundTokenizer, Lookup, LookupError, ModelTokenizer, TemplateAnswer, TokenizerCache,
    TokenizerWithTemplate, WantedTokenizer,
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

/// What a run asks of a model, from a tokenizer that was found.
fn without_template(found: FoundTokenizer) -> FoundModel<ModelTokenizer> {
    FoundModel {
        special_tokens: found.tokenizer.special_tokens(),
        tokenizer: found.tokenizer,
        info: found.info,
        chat_template: None,
    }
}

/// The same, with what is known of the model's chat template.
fn with_template(found: TokenizerWithTemplate) -> FoundModel<ModelTokenizer> {
    let template = match found.template {
        TemplateAnswer::Found(template) => Ok(FoundTemplate {
            origin: template.origin().to_owned(),
            special_tokens: template.special_tokens().to_vec(),
            marked: template.with_generation_markers(),
            template,
        }),
        TemplateAnswer::Missing(none) => Err(none.reason),
    };
    FoundModel {
        chat_template: Some(template),
        ..without_template(found.tokenizer)
    }
}

/// Finds what a configuration asks of its model.
///
/// # Errors
/// Those of [`Lookup::find_with_template`].
pub fn find_model(
    lookup: &Lookup,
    configuration: &Configuration,
) -> Result<FoundModel<ModelTokenizer>, LookupError> {
    let wanted = wanted(configuration);
    if configuration.wants_chat_template() {
        lookup.find_with_template(&wanted).map(with_template)
    } else {
        lookup.find(&wanted).map(without_template)
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
        let found = if configuration.wants_chat_template() {
            let found = self.ask(configuration, TokenizerCache::find_with_template);
            found.await.map(with_template)
        } else {
            self.look_up(configuration).await.map(without_template)
        };
        found.map_err(|error| NoTokenizer {
            message: causes(&error),
            is_retryable: error.is_retryable(),
        })
    }
}
