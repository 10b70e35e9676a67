//! Lengths of rows in a model's tokens.

use std::path::Path;

use resonare_consumers::{Checker, Consumer};
use resonare_job_tokenizers::find_model;
use resonare_jobs::FoundModel;
use resonare_pipeline::{TokenCounter as _, Tokenizer as _, TokenizerInfo};
use resonare_settings::Configuration;
use resonare_tokenizer::ModelTokenizer;
use serde_json::{Value, json};

use crate::arguments::layers;
use crate::error::Result;
use crate::storage::s3::S3;
use crate::tokenizers;

/// What counts the tokens of a row.
pub(super) struct Measure {
    configuration: Configuration,
    model: FoundModel<ModelTokenizer>,
}

impl Measure {
    /// That of a model or a tokenizer for a consumer; `None` where neither is named.
    pub(super) fn find(
        consumer: Consumer,
        model_id: Option<&str>,
        tokenizer: Option<&str>,
    ) -> Result<Option<Self>> {
        if model_id.is_none() && tokenizer.is_none() {
            return Ok(None);
        }
        // The tokenizer of the configuration is not the model's that is named here.
        let mut overrides = vec![
            ("consumer".to_owned(), json!(consumer)),
            ("tokenizer".to_owned(), json!(tokenizer)),
        ];
        if let Some(model_id) = model_id {
            overrides.push(("model_id".to_owned(), Value::from(model_id)));
        }
        let configuration = Configuration::load(layers(None, overrides))?;
        let folder = Path::new(tokenizers::FOLDER);
        let lookup = tokenizers::lookup(&configuration, folder, &S3::default())?;
        let model = find_model(&lookup, &configuration);
        let model = model.map_err(|error| tokenizers::not_found(&error))?;
        Ok(Some(Self {
            configuration,
            model,
        }))
    }

    /// Has a check measure each row as the model's chat template renders it, where the consumer trains by
    /// that and it is within reach; else the contents alone.
    pub(super) fn by<'m>(&'m self, checker: Checker<'m>) -> Checker<'m> {
        let checker = checker.with_special_tokens(self.model.special_tokens(&self.configuration));
        if let Some(template) = self.model.chat_template(&self.configuration) {
            return checker.measure_with(|messages| {
                let count = template.count(messages);
                count.map_err(|error| error.to_string())
            });
        }
        let mut counter = self.model.tokenizer.counter();
        checker.measure_with(move |messages| {
            let tokens = messages
                .iter()
                .map(|message| u64::from(counter.count(message.content)));
            Ok(tokens.sum())
        })
    }

    /// Where the chat template comes from, or why rows are measured by their contents alone.
    pub(super) fn template(&self) -> Option<String> {
        let words = self.model.template_words()?;
        Some(tokenizers::shown_place(&self.configuration, &words))
    }

    /// What it is, for people.
    pub(super) fn shown_info(&self) -> TokenizerInfo {
        let info = self.info();
        TokenizerInfo {
            source: tokenizers::shown_place(&self.configuration, &info.source),
            ..info.clone()
        }
    }

    /// What it is.
    pub(super) fn info(&self) -> &TokenizerInfo {
        &self.model.info
    }

    /// Why a text could not be counted, if that has happened.
    pub(super) fn failure(&self) -> Option<String> {
        self.model.tokenizer.failure()
    }
}
