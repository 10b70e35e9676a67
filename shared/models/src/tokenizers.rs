//! The tokenizers of jobs: looked up once, a few kept in memory.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use resonare_jobs::{NoTokenizer, TokenizerSource};
use resonare_pipeline::TokenizerInfo;
use resonare_settings::Configuration;
use resonare_tokenizer::{Hub, Lookup, ModelTokenizer};

use crate::shelf::Shelf;

/// How many are kept. A large one takes some hundred MB.
const KEPT: usize = 4;

/// How long a fallback is kept: access to the model may be granted meanwhile.
const FALLBACK_IS_KEPT: Duration = Duration::from_mins(10);

/// What decides which tokenizer is found.
#[derive(Clone, PartialEq, Eq)]
struct Wanted {
    model_id: String,
    tokenizer: Option<String>,
    require_exact: bool,
}

type Found = (Arc<ModelTokenizer>, TokenizerInfo);

struct Kept {
    wanted: Wanted,
    found: Found,
    found_at: Instant,
}

/// Tokenizers of models, the most recently used of which stay in memory.
pub struct ModelTokenizers {
    folder: PathBuf,
    hub: Hub,
    shelf: Arc<dyn Shelf>,
    /// The most recently used is last.
    kept: Mutex<Vec<Kept>>,
}

impl ModelTokenizers {
    /// Those of a folder that holds `<model_id>/tokenizer.json`, of a shelf behind it, and of the hub.
    pub fn new(folder: PathBuf, hub: Hub, shelf: Arc<dyn Shelf>) -> Self {
        Self {
            folder,
            hub,
            shelf,
            kept: Mutex::default(),
        }
    }

    /// Loads the tokenizer that is named outright; others are looked up when a job needs them.
    ///
    /// # Errors
    /// If it can't be used.
    pub async fn check_configured(&self, configuration: &Configuration) -> Result<(), NoTokenizer> {
        if configuration.tokenizer.is_some() {
            self.find(configuration).await?;
        }
        Ok(())
    }

    fn take(&self, wanted: &Wanted) -> Option<Found> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|kept| kept.wanted == *wanted)?;
        let entry = kept.remove(place);
        let is_fallback = entry.found.1.fallback_reason.is_some();
        if is_fallback && entry.found_at.elapsed() > FALLBACK_IS_KEPT {
            return None;
        }
        let found = entry.found.clone();
        kept.push(entry);
        Some(found)
    }

    fn keep(&self, wanted: Wanted, found: Found) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|kept| kept.wanted != wanted);
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push(Kept {
            wanted,
            found,
            found_at: Instant::now(),
        });
    }
}

#[async_trait]
impl TokenizerSource for ModelTokenizers {
    type Tokenizer = ModelTokenizer;

    async fn find(&self, configuration: &Configuration) -> Result<Found, NoTokenizer> {
        let wanted = Wanted {
            model_id: configuration.model_id.clone(),
            tokenizer: configuration.tokenizer.clone(),
            require_exact: configuration.require_exact_tokenizer,
        };
        if let Some(found) = self.take(&wanted) {
            return Ok(found);
        }
        let (lookup, folder, hub) = (wanted.clone(), self.folder.clone(), self.hub.clone());
        let on_shelf = |message: String| NoTokenizer {
            message,
            is_retryable: true,
        };
        let (tokenizer, is_kept) = if let Some(value) = &wanted.tokenizer {
            let path = self.shelf.local_path(value).await;
            (Some(path.map_err(on_shelf)?), true)
        } else {
            let fetched = self.shelf.fetch(&wanted.model_id, &self.folder).await;
            (None, fetched.map_err(on_shelf)?)
        };
        let look_up = move || {
            let lookup = Lookup {
                model_id: &lookup.model_id,
                tokenizer: tokenizer.as_deref(),
                require_exact: lookup.require_exact,
                folder: &folder,
                hub: &hub,
            };
            lookup.find().map_err(|error| NoTokenizer {
                is_retryable: error.is_retryable(),
                message: format!("{:#}", anyhow::Error::from(error)),
            })
        };
        let found = tokio::task::spawn_blocking(look_up).await;
        let (tokenizer, info) = found.map_err(|error| NoTokenizer {
            message: error.to_string(),
            is_retryable: true,
        })??;
        let found = (Arc::new(tokenizer), info);
        if !is_kept {
            self.shelf.keep(&wanted.model_id, &self.folder).await;
        }
        self.keep(wanted, found.clone());
        Ok(found)
    }
}
