//! The tokenizers of a service, with their models' chat templates: looked up once, a few kept in memory.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::lookup::error::LookupError;
use crate::lookup::found::FoundTokenizer;
use crate::lookup::template::{TemplateAnswer, TokenizerWithTemplate};
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
    /// Once it was asked for.
    template: Option<KeptTemplate>,
}

impl Kept {
    /// A template counts with this very tokenizer.
    fn is_of(&self, tokenizer: &FoundTokenizer) -> bool {
        Arc::ptr_eq(&self.found.tokenizer, &tokenizer.tokenizer)
    }
}

struct KeptTemplate {
    answer: TemplateAnswer,
    found_at: Instant,
}

impl KeptTemplate {
    /// Whether it is still believed, so long after it was found.
    fn is_recent(&self, age: Duration) -> bool {
        let longest = match &self.answer {
            TemplateAnswer::Missing(none) if none.may_pass => OUT_OF_REACH_IS_KEPT,
            TemplateAnswer::Missing(_) => FALLBACK_IS_KEPT,
            TemplateAnswer::Found(_) => Duration::MAX,
        };
        age <= longest
    }
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

    /// Finds a tokenizer as [`Self::find`] does, and its model's chat template.
    ///
    /// # Errors
    /// Those of [`Lookup::find_with_template`].
    pub fn find_with_template(
        &self,
        wanted: &WantedTokenizer,
    ) -> Result<TokenizerWithTemplate, LookupError> {
        let tokenizer = self.find(wanted)?;
        if let Some(template) = self.recent_template(&tokenizer) {
            return Ok(TokenizerWithTemplate {
                tokenizer,
                template,
            });
        }
        let template = self.lookup.find_template(wanted, &tokenizer)?;
        self.remember_template(&tokenizer, template.clone());
        Ok(TokenizerWithTemplate {
            tokenizer,
            template,
        })
    }

    fn recent_template(&self, tokenizer: &FoundTokenizer) -> Option<TemplateAnswer> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = kept.iter().find(|kept| kept.is_of(tokenizer))?;
        let template = entry.template.as_ref()?;
        let is_recent = template.is_recent(template.found_at.elapsed());
        is_recent.then(|| template.answer.clone())
    }

    fn remember_template(&self, tokenizer: &FoundTokenizer, answer: TemplateAnswer) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // Meanwhile another may have taken its place.
        if let Some(entry) = kept.iter_mut().find(|kept| kept.is_of(tokenizer)) {
            entry.template = Some(KeptTemplate {
                answer,
                found_at: Instant::now(),
            });
        }
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
            template: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::lookup::template_files::NoTemplate;
    use crate::{FilesError, Hub, ModelFile, ModelFiles, ModelId, NoUrls};

    const WORDS: &str = r#"{"version": "1.0", "added_tokens": [], "normalizer": null,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"x": 0}, "unk_token": "x"}}"#;

    /// Has the same files for every model, and counts how often each kind is read.
    #[derive(Default)]
    struct EveryModel {
        tokenizers: AtomicUsize,
        templates: AtomicUsize,
    }

    impl ModelFiles for EveryModel {
        fn read(&self, _: &ModelId, file: ModelFile) -> Result<Option<Vec<u8>>, FilesError> {
            let (reads, text) = match file {
                ModelFile::Tokenizer => (&self.tokenizers, WORDS),
                ModelFile::ChatTemplate => (&self.templates, "{{ messages[0].content }}"),
                _ => return Ok(None),
            };
            reads.fetch_add(1, Ordering::Relaxed);
            Ok(Some(text.as_bytes().to_vec()))
        }

        fn keep(&self, _: &ModelId, _: ModelFile, _: &[u8]) -> Result<(), FilesError> {
            Ok(())
        }

        fn location(&self, model: &ModelId, _: ModelFile) -> String {
            model.to_string()
        }
    }

    fn wanted(model: &str) -> WantedTokenizer {
        WantedTokenizer {
            model_id: format!("org/{model}"),
            tokenizer: None,
            require_exact: true,
        }
    }

    fn cache(files: &Arc<EveryModel>) -> TokenizerCache {
        TokenizerCache::new(Lookup {
            files: files.clone(),
            urls: Arc::new(NoUrls),
            hub: Hub::new(None, None),
        })
    }

    #[test]
    fn the_four_used_last_are_kept() {
        let files = Arc::new(EveryModel::default());
        let cache = cache(&files);
        let reads_after = |models: &[&str]| {
            for model in models {
                cache.find(&wanted(model)).unwrap();
            }
            files.tokenizers.load(Ordering::Relaxed)
        };
        assert_eq!(reads_after(&["a", "b", "c", "d", "a"]), 4);
        assert_eq!(reads_after(&["e"]), 5);
        assert_eq!(reads_after(&["a", "c", "d", "e"]), 5);
        assert_eq!(reads_after(&["b"]), 6);
    }

    #[test]
    fn a_template_is_kept_with_its_tokenizer() {
        let files = Arc::new(EveryModel::default());
        let cache = cache(&files);
        cache.find(&wanted("a")).unwrap();
        assert_eq!(files.templates.load(Ordering::Relaxed), 0);
        for _ in 0..2 {
            let found = cache.find_with_template(&wanted("a")).unwrap();
            assert!(matches!(found.template, TemplateAnswer::Found(_)));
        }
        assert_eq!(files.templates.load(Ordering::Relaxed), 1);
        assert_eq!(files.tokenizers.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_missing_template_is_looked_for_again_sooner_if_that_may_have_passed() {
        let is_recent = |may_pass, age| {
            let kept = KeptTemplate {
                answer: TemplateAnswer::Missing(NoTemplate {
                    reason: String::new(),
                    may_pass,
                }),
                found_at: Instant::now(),
            };
            kept.is_recent(age)
        };
        let moment = Duration::from_millis(1);
        for (may_pass, longest) in [(true, OUT_OF_REACH_IS_KEPT), (false, FALLBACK_IS_KEPT)] {
            assert!(is_recent(may_pass, longest));
            assert!(!is_recent(may_pass, longest + moment));
        }
    }
}
