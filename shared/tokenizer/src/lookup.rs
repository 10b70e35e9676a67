//! The one place that answers: where is the tokenizer of a model?
//!
//! [`Lookup`] goes through the places in order: what is configured outright, the encodings of OpenAI's models,
//! what is kept of the model ([`model_files`] is the port, [`folder`] an adapter), the model hub ([`hub`]). Where
//! there is none, `o200k_base` counts instead, and says so. [`template`] looks for the model's chat template
//! beside its tokenizer.

pub(crate) mod error;
pub(crate) mod folder;
pub(crate) mod found;
pub(crate) mod hub;
mod kept_template;
pub(crate) mod model_files;
pub(crate) mod model_id;
mod public_models;
pub(crate) mod template;
pub(crate) mod template_files;
mod tokenizer_file;

use std::path::PathBuf;
use std::sync::Arc;

use resonare_pipeline::causes;
use serde::{Deserialize, Serialize};

use crate::files::read_bounded;
use crate::openai::encoding::OpenAiEncoding;
use error::LookupError;
use found::{FoundTokenizer, Place};
use hub::{Hub, HubAddress, HubAnswer, HubFile};
use model_files::{ModelFile, ModelFiles, UrlReader, is_url};
use model_id::ModelId;
use public_models::public_model;
use tokenizer_file::{CompiledPlace, TokenizerFile};

/// What decides which tokenizer is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedTokenizer {
    /// The model to be fine-tuned.
    pub model_id: String,
    /// The path of a `tokenizer.json` or of its folder, its URL, or the name of an OpenAI encoding, instead of
    /// a look-up of the model.
    pub tokenizer: Option<String>,
    /// Fail if the model's own tokenizer is not available.
    pub require_exact: bool,
}

/// The places where tokenizers are looked for.
///
/// ```
/// use std::sync::Arc;
///
/// use resonare_pipeline::{TokenCounter as _, Tokenizer as _};
/// use resonare_tokenizer::{FolderModelFiles, Hub, Lookup, NoUrls, WantedTokenizer};
///
/// let lookup = Lookup {
///     files: Arc::new(FolderModelFiles::new("data/tokenizers")),
///     urls: Arc::new(NoUrls),
///     hub: Hub::new(None, None),
/// };
/// let wanted = WantedTokenizer {
///     model_id: "gpt-4o-mini".to_owned(),
///     tokenizer: None,
///     require_exact: true,
/// };
/// let found = lookup.find(&wanted)?;
/// assert_eq!(found.info.source, "o200k_base");
/// assert_eq!(found.tokenizer.counter().count("Hello, world!"), 4);
/// # Ok::<(), resonare_tokenizer::LookupError>(())
/// ```
#[derive(Clone)]
pub struct Lookup {
    /// What is kept of models; what the hub gave is kept here for next time.
    pub files: Arc<dyn ModelFiles>,
    /// Reads a configured tokenizer that is a URL.
    pub urls: Arc<dyn UrlReader>,
    /// Asked last.
    pub hub: Hub,
}

/// Where a kept tokenizer was fetched from.
#[derive(Serialize, Deserialize)]
struct HubSource {
    model_id: String,
    revision: Option<String>,
    sha256: String,
}

impl Lookup {
    /// Finds a tokenizer. Files and the hub are waited for, the hub some minutes at the most.
    ///
    /// # Errors
    /// If what is configured or kept can't be used, if the hub fails once it is reached, or if there is no
    /// tokenizer and a fallback is not wanted.
    pub fn find(&self, wanted: &WantedTokenizer) -> Result<FoundTokenizer, LookupError> {
        if let Some(value) = &wanted.tokenizer {
            return self.configured(value);
        }
        if let Some(encoding) = open_ai_model(&wanted.model_id) {
            return Ok(FoundTokenizer::open_ai(encoding, None));
        }
        let model = ModelId::try_from(&*wanted.model_id)?;
        if let Some(found) = self.kept(&model)? {
            return Ok(found);
        }
        let address = HubAddress {
            model: &model,
            file: ModelFile::Tokenizer,
            revision: None,
        };
        match self.hub.fetch(&address)? {
            HubAnswer::File(file) => self.keep(&model, file),
            HubAnswer::Refused(status) => {
                let reason = self.refusal(&model, status);
                fall_back(wanted, reason, LookupError::NotExact)
            }
            HubAnswer::OutOfReach(problem) => {
                let place = self.files.location(&model, ModelFile::Tokenizer);
                let reason = format!(
                    "the model hub can't be reached ({problem}); the model's own tokenizer is taken from {place} if it is \
                     there"
                );
                let found = fall_back(wanted, reason, LookupError::OutOfReach)?;
                Ok(FoundTokenizer {
                    is_out_of_reach: true,
                    ..found
                })
            }
        }
    }

    fn configured(&self, value: &str) -> Result<FoundTokenizer, LookupError> {
        if let Some(encoding) = OpenAiEncoding::from_name(value) {
            return Ok(FoundTokenizer::open_ai(encoding, None));
        }
        if is_url(value) {
            let json = self.urls.read(value)?;
            let json = json.ok_or_else(|| LookupError::NothingAtUrl(value.to_owned()))?;
            let mut file = TokenizerFile::new(json, value.to_owned(), CompiledPlace::Nowhere);
            let place = Place::Url(value.to_owned());
            return file.load(value.to_owned(), place);
        }
        let mut path = PathBuf::from(value);
        if path.is_dir() {
            path.push(ModelFile::Tokenizer.name());
        }
        let json = read_bounded(&path).map_err(|cause| LookupError::NoSuchTokenizer {
            value: value.to_owned(),
            cause,
        })?;
        let location = path.display().to_string();
        let mut compiled = path.clone().into_os_string();
        compiled.push(".compiled");
        let mut file = TokenizerFile::new(json, location, CompiledPlace::File(compiled.into()));
        file.load(value.to_owned(), Place::File(path))
    }

    /// What is kept of a model.
    fn kept(&self, model: &ModelId) -> Result<Option<FoundTokenizer>, LookupError> {
        let Some(json) = self.files.read(model, ModelFile::Tokenizer)? else {
            return Ok(None);
        };
        let location = self.files.location(model, ModelFile::Tokenizer);
        let mut file = self.file_of(model, json, location);
        let mut revision = None;
        let source = match self.files.read(model, ModelFile::Source)? {
            Some(note) => {
                let location = || self.files.location(model, ModelFile::Source);
                let source: HubSource = serde_json::from_slice(&note).map_err(|cause| {
                    LookupError::UnreadableSource {
                        location: location(),
                        cause,
                    }
                })?;
                if source.sha256 != file.fingerprint {
                    return Err(LookupError::Changed {
                        location: file.location,
                        source_location: location(),
                    });
                }
                revision = source.revision;
                hub_source(model, revision.as_deref())
            }
            None => format!("tokenizers/{model}/{}", ModelFile::Tokenizer.name()),
        };
        let id = model.clone();
        file.load(source, Place::Model { id, revision }).map(Some)
    }

    /// Keeps what the hub gave, for next time, if it is of use.
    fn keep(&self, model: &ModelId, fetched: HubFile) -> Result<FoundTokenizer, LookupError> {
        let revision = fetched.revision;
        // It is not kept yet, so an error is about what the hub gave.
        let origin = hub_source(model, revision.as_deref());
        let mut file = self.file_of(model, fetched.bytes, origin.clone());
        let place = Place::Model {
            id: model.clone(),
            revision: revision.clone(),
        };
        let found = file.load(origin, place)?;
        let source = HubSource {
            model_id: model.to_string(),
            revision,
            sha256: file.fingerprint.clone(),
        };
        let source = serde_json::to_vec_pretty(&source).expect("strings can be written as JSON");
        let kept = self.files.keep(model, ModelFile::Source, &source);
        // The tokenizer comes last: with it, the rest is there.
        let kept = kept.and_then(|()| self.files.keep(model, ModelFile::Tokenizer, &file.json));
        if let Err(error) = kept {
            let error = causes(&error);
            tracing::warn!("failed to keep the tokenizer of {model}: {error}");
        }
        Ok(found)
    }

    fn file_of<'a>(
        &'a self,
        model: &'a ModelId,
        json: Vec<u8>,
        location: String,
    ) -> TokenizerFile<'a> {
        let compiled = CompiledPlace::OfModel(&*self.files, model);
        TokenizerFile::new(json, location, compiled)
    }

    /// Why the hub does not give a tokenizer, and what to do about it.
    fn refusal(&self, model: &ModelId, status: u16) -> String {
        if status == 404 {
            let file = ModelFile::Tokenizer.name();
            return format!("the model hub has no {file} for {model} (404)");
        }
        let mut reason = self.no_access("tokenizer", model, status);
        if let Some(public) = public_model(model) {
            reason.push_str(", or set model_id to ");
            reason.push_str(public);
            reason.push_str(", which is public and has the same tokenizer");
        }
        reason
    }

    /// That the hub wants to know who asks, and what to do about it.
    fn no_access(&self, file: &str, model: &ModelId, status: u16) -> String {
        let page = self.hub.model_page(model);
        format!(
            "the model hub refuses the {file} of {model} ({status}); ask for access at {page} and set HF_TOKEN"
        )
    }
}

/// Counts with another tokenizer and says so, unless that is an error.
fn fall_back(
    wanted: &WantedTokenizer,
    reason: String,
    error: impl FnOnce(String) -> LookupError,
) -> Result<FoundTokenizer, LookupError> {
    if wanted.require_exact {
        return Err(error(reason));
    }
    tracing::warn!("counting tokens with o200k_base instead of the model's tokenizer: {reason}");
    let encoding = OpenAiEncoding::O200kBase;
    Ok(FoundTokenizer::open_ai(encoding, Some(reason)))
}

/// A model of OpenAI's has no organization in its name here.
fn open_ai_model(model_id: &str) -> Option<OpenAiEncoding> {
    if model_id.contains('/') {
        None
    } else {
        OpenAiEncoding::of_model(model_id)
    }
}

fn hub_source(model: &ModelId, revision: Option<&str>) -> String {
    match revision {
        Some(revision) => format!("hub:{model}@{revision}"),
        None => format!("hub:{model}"),
    }
}
