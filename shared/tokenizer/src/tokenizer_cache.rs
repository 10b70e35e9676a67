//! The tokenizers of a service: looked up once, a few kept in memory.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::lookup::error::LookupError;
use crate::lookup::found::FoundTokenizer;
use crate::lookup::{Lookup, WantedTokenizer};

/// How many are kept. A large one takes some hundred MB.
const KEPT: usize = 4;

/// How long a fallback is kept: access to the model may be granted meanwhile.
const FALLBACK_IS_KEPT: Duration = Duration::from_mins(10);

/// How long one is kept that stands for a hub out of reach, which may be back any moment.
const OUT_OF_REACH_IS_KEPT: Duration = Duration::from_mins(1);

struct Kept {
    wanted: WantedTokenizer,
    found: FoundTokenizer,
    found_at: Instant,
}

/// A look-up that keeps the most recently used tokenizers in memory.
pub struct TokenizerCache {
    lookup: Lookup,
    /// The most recently used is last.
    kept: Mutex<Vec<Kept>>,
}

impl TokenizerCache {
    /// An empty cache over a look-up.
    pub fn new(lookup: Lookup) -> Self {
        Self {
            lookup,
            kept: Mutex::default(),
        }
    }

    /// Finds a tokenizer, in memory if it was found before. Two threads that want the same one at the same time may
    /// both look it up.
    ///
    /// # Errors
    /// Those of [`Lookup::find`].
    pub fn find(&self, wanted: &WantedTokenizer) -> Result<FoundTokenizer, LookupError> {
        if let Some(found) = self.recent(wanted) {
            return Ok(found);
        }
        let found = self.lookup.find(wanted)?;
        self.remember(wanted.clone(), found.clone());
        Ok(found)
    }

    fn recent(&self, wanted: &WantedTokenizer) -> Option<FoundTokenizer> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|kept| kept.wanted == *wanted)?;
        let entry = kept.remove(place);
        let longest = match &entry.found {
            found if found.is_out_of_reach => OUT_OF_REACH_IS_KEPT,
            found if found.info.fallback_reason.is_some() => FALLBACK_IS_KEPT,
            _ => Duration::MAX,
        };
        if entry.found_at.elapsed() > longest {
            return None;
        }
        let found = entry.found.clone();
        kept.push(entry);
        Some(found)
    }

    fn remember(&self, wanted: WantedTokenizer, found: FoundTokenizer) {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::{FilesError, Hub, ModelFile, ModelFiles, ModelId, NoUrls};

    const WORDS: &str = r#"{"version": "1.0", "added_tokens": [], "normalizer": null,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"x": 0}, "unk_token": "x"}}"#;

    /// Has the same tokenizer for every model, and counts how often one is read.
    #[derive(Default)]
    struct EveryModel(AtomicUsize);

    impl ModelFiles for EveryModel {
        fn read(&self, _: &ModelId, file: ModelFile) -> Result<Option<Vec<u8>>, FilesError> {
            if file != ModelFile::Tokenizer {
                return Ok(None);
            }
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(Some(WORDS.as_bytes().to_vec()))
        }

        fn keep(&self, _: &ModelId, _: ModelFile, _: &[u8]) -> Result<(), FilesError> {
            Ok(())
        }

        fn location(&self, model: &ModelId, _: ModelFile) -> String {
            model.to_string()
        }
    }

    #[test]
    fn the_four_used_last_are_kept() {
        let files = Arc::new(EveryModel::default());
        let cache = TokenizerCache::new(Lookup {
            files: files.clone(),
            urls: Arc::new(NoUrls),
            hub: Hub::new(None, None),
        });
        let reads_after = |models: &[&str]| {
            for model in models {
                let wanted = WantedTokenizer {
                    model_id: format!("org/{model}"),
                    tokenizer: None,
                    require_exact: true,
                };
                cache.find(&wanted).unwrap();
            }
            files.0.load(Ordering::Relaxed)
        };
        assert_eq!(reads_after(&["a", "b", "c", "d", "a"]), 4);
        assert_eq!(reads_after(&["e"]), 5);
        assert_eq!(reads_after(&["a", "c", "d", "e"]), 5);
        assert_eq!(reads_after(&["b"]), 6);
    }
}
