//! Whether the service can count tokens: checked when it starts, and again on request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use resonare_job_tokenizers::JobTokenizers;
use resonare_jobs::causes;
use resonare_pipeline::TokenizerInfo;
use resonare_settings::Configuration;
use resonare_tokenizer::LookupError;
use tokio::time::Instant;
use tracing::{error, info};

use crate::tokenizers::is_wrong_usage;

/// How long a failed look-up is remembered.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// How long to wait for a look-up; it then goes on, and its result counts once it is there.
const WAIT: Duration = Duration::from_secs(2);

/// The same at the start of the service, when few are in a hurry and the log is read.
const WAIT_AT_START: Duration = Duration::from_secs(30);

/// What is known of a model's tokenizer.
enum Knowledge {
    /// It was found.
    Found,
    /// It was not, since this moment, for this reason.
    Missing { since: Instant, reason: String },
    /// A look-up is under way; an earlier one, if any, failed for this reason.
    Sought { missing_before: Option<String> },
}

/// Knows for each model whether its tokenizer is there.
#[derive(Clone)]
pub(super) struct TokenizerReadiness {
    tokenizers: JobTokenizers,
    configuration: Arc<Configuration>,
    known: Arc<Mutex<HashMap<String, Knowledge>>>,
}

impl TokenizerReadiness {
    /// Knows nothing yet.
    pub(super) fn new(tokenizers: JobTokenizers, configuration: Arc<Configuration>) -> Self {
        Self {
            tokenizers,
            configuration,
            known: Arc::default(),
        }
    }

    /// Looks for the configured tokenizer. If it is missing for a reason that may go away, the log says so, and
    /// the service is not ready.
    ///
    /// # Errors
    /// If what is configured can't be used, whatever happens.
    pub(super) async fn look_at_start(&self) -> Result<(), LookupError> {
        let model_id = self.configuration.model_id.clone();
        let sought = Knowledge::Sought {
            missing_before: None,
        };
        self.known().insert(model_id.clone(), sought);
        let readiness = self.clone();
        let look = tokio::spawn(async move { readiness.look(&model_id).await });
        match tokio::time::timeout(WAIT_AT_START, look).await {
            Ok(Ok(Err(error))) => {
                let is_configured = self.configuration.tokenizer.is_some();
                if is_wrong_usage(&error) || is_configured && !error.is_retryable() {
                    return Err(error);
                }
                error!(
                    "submissions are refused until there is a tokenizer: {}",
                    causes(&error)
                );
            }
            Ok(Ok(Ok(())) | Err(_)) => {}
            Err(_) => info!("still looking for the tokenizer"),
        }
        Ok(())
    }

    /// Why jobs for a model can't be worked on now, in words for the operator; `None` if they can, as far as
    /// is known.
    pub(super) async fn obstacle(&self, model_id: &str) -> Option<String> {
        let (missing, is_time) = self.missing(model_id);
        if !is_time {
            return missing;
        }
        let (readiness, model) = (self.clone(), model_id.to_owned());
        let look = tokio::spawn(async move { readiness.look(&model).await });
        match tokio::time::timeout(WAIT, look).await {
            Ok(Ok(found)) => found.err().map(|error| causes(&error)),
            Ok(Err(_)) | Err(_) => missing,
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Knowledge>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks for a model's tokenizer, and notes the result.
    async fn look(&self, model_id: &str) -> Result<(), LookupError> {
        let mut configuration = (*self.configuration).clone();
        model_id.clone_into(&mut configuration.model_id);
        let found = self.tokenizers.look_up(&configuration).await;
        let knowledge = match &found {
            Ok(found) => {
                tell(&configuration, &found.info);
                Knowledge::Found
            }
            Err(error) => Knowledge::Missing {
                since: Instant::now(),
                reason: causes(error),
            },
        };
        self.known().insert(model_id.to_owned(), knowledge);
        found.map(|_| ())
    }

    /// Why a model's tokenizer is missing as far as is known, and whether it is time to look for it.
    fn missing(&self, model_id: &str) -> (Option<String>, bool) {
        let mut known = self.known();
        let (missing, is_time) = match known.get(model_id) {
            Some(Knowledge::Found) => (None, false),
            Some(Knowledge::Missing { since, reason }) => {
                (Some(reason.clone()), since.elapsed() >= LOOK_AGAIN)
            }
            Some(Knowledge::Sought { missing_before }) => (missing_before.clone(), false),
            None => (None, true),
        };
        if is_time {
            let sought = Knowledge::Sought {
                missing_before: missing.clone(),
            };
            known.insert(model_id.to_owned(), sought);
        }
        (missing, is_time)
    }
}

/// Says which tokenizer counts for a model, and how exact it is.
fn tell(configuration: &Configuration, info: &TokenizerInfo) {
    let model_id = &configuration.model_id;
    let TokenizerInfo { kind, source, .. } = info;
    let is_exact = info.fallback_reason.is_none();
    let (is_exact, how) = match (&configuration.tokenizer, is_exact) {
        (Some(_), _) => (None, "as configured"),
        (None, true) => (Some(true), "the model's own: counts are exact"),
        (None, false) => (Some(false), "a fallback: counts are approximate"),
    };
    info!(
        model_id,
        tokenizer = source,
        kind,
        is_exact,
        "tokens for {model_id} are counted with {source} ({how})"
    );
}

#[cfg(test)]
mod tests {
    use resonare_tokenizer::{FolderModelFiles, Hub, Lookup, NoUrls};

    use super::*;

    const WORDS: &str = r#"{"version": "1.0", "added_tokens": [], "normalizer": null,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"x": 0}, "unk_token": "x"}}"#;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_tokenizer_that_comes_later_is_found_when_it_is_looked_for_again() {
        let folder = tempfile::tempdir().unwrap();
        let tokenizers = JobTokenizers::new(Lookup {
            files: Arc::new(FolderModelFiles::new(folder.path())),
            urls: Arc::new(NoUrls),
            hub: Hub::new(Some("http://127.0.0.1:9"), None)
                .with_patience(Duration::from_millis(1), Duration::from_secs(1)),
        });
        let mut configuration = Configuration::default();
        configuration.model_id = "org/tiny".to_owned();
        configuration.require_exact_tokenizer = true;
        let readiness = TokenizerReadiness::new(tokenizers, Arc::new(configuration));
        readiness.look_at_start().await.unwrap();
        let obstacle = async || readiness.obstacle("org/tiny").await;
        assert!(obstacle().await.unwrap().contains("can't be reached"));

        std::fs::create_dir_all(folder.path().join("org/tiny")).unwrap();
        std::fs::write(folder.path().join("org/tiny/tokenizer.json"), WORDS).unwrap();
        assert!(obstacle().await.is_some(), "it was looked for just now");
        let since = Instant::now().checked_sub(LOOK_AGAIN).unwrap();
        let missing = Knowledge::Missing {
            since,
            reason: "it was not there".to_owned(),
        };
        readiness.known().insert("org/tiny".to_owned(), missing);
        assert_eq!(obstacle().await, None);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_never_works_stops_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let lookup = Lookup {
            files: Arc::new(FolderModelFiles::new(folder.path())),
            urls: Arc::new(NoUrls),
            hub: Hub::new(None, None),
        };
        for (tokenizer, model_id) in [
            (Some("/nowhere/tokenizer.json"), "a"),
            (None, "not a/model"),
        ] {
            let mut configuration = Configuration::default();
            configuration.model_id = model_id.to_owned();
            configuration.tokenizer = tokenizer.map(str::to_owned);
            let tokenizers = JobTokenizers::new(lookup.clone());
            let readiness = TokenizerReadiness::new(tokenizers, Arc::new(configuration));
            assert!(readiness.look_at_start().await.is_err());
        }
    }
}
