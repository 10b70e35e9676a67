//! Lengths of rows in a model's tokens.

use std::path::Path;

use resonare_consumers::Checker;
use resonare_job_tokenizers::wanted;
use resonare_pipeline::{TokenCounter as _, Tokenizer as _, TokenizerInfo};
use resonare_settings::Configuration;
use resonare_tokenizer::FoundTokenizer;
use serde_json::{Value, json};

use crate::arguments::layers;
use crate::error::Result;
use crate::storage::s3::S3;
use crate::tokenizers;

/// What counts the tokens of a row.
pub(super) struct Measure {
    found: FoundTokenizer,
}

impl Measure {
    /// That of a model or a tokenizer; `None` where neither is named.
    pub(super) fn find(model_id: Option<&str>, tokenizer: Option<&str>) -> Result<Option<Self>> {
        if model_id.is_none() && tokenizer.is_none() {
            return Ok(None);
        }
        // The tokenizer of the configuration is not the model's that is named here.
        let mut overrides = vec![("tokenizer".to_owned(), json!(tokenizer))];
        if let Some(model_id) = model_id {
            overrides.push(("model_id".to_owned(), Value::from(model_id)));
        }
        let configuration = Configuration::load(layers(None, overrides))?;
        let folder = Path::new(tokenizers::FOLDER);
        let lookup = tokenizers::lookup(&configuration, folder, &S3::default())?;
        let found = lookup.find(&wanted(&configuration));
        let found = found.map_err(|error| tokenizers::not_found(&error))?;
        Ok(Some(Self { found }))
    }

    /// Has a check measure each row: the tokens of its contents, without what a chat template adds.
    pub(super) fn by<'m>(&'m self, checker: Checker<'m>) -> Checker<'m> {
        let mut counter = self.found.tokenizer.counter();
        checker.measure_with(move |messages| {
            let tokens = messages
                .iter()
                .map(|message| u64::from(counter.count(message.content)));
            Ok(tokens.sum())
        })
    }

    /// What it is.
    pub(super) fn info(&self) -> &TokenizerInfo {
        &self.found.info
    }

    /// Why a text could not be counted, if that has happened.
    pub(super) fn failure(&self) -> Option<String> {
        self.found.tokenizer.failure()
    }
}
