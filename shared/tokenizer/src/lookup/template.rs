//! Where is the chat template of a model?
//!
//! Beside its tokenizer: in the folder of a file, beside a URL, among the files that are kept of the model, or
//! on the hub. What the hub gives is kept for next time. A tokenizer that only stands for the model's own has none.

use std::io;
use std::path::Path;
use std::sync::Arc;

use resonare_pipeline::causes;

use super::error::LookupError;
use super::found::{FoundTokenizer, Place};
use super::hub::{HubAddress, HubAnswer, HubFile};
use super::kept_template::{KeptTexts, keep, read_kept};
use super::model_files::{FilesError, ModelFile};
use super::model_id::ModelId;
use super::template_files::{NoTemplate, Obstacle, read_texts};
use super::{Lookup, WantedTokenizer, hub_source, open_ai_model};
use crate::files::read_bounded;
use crate::model::ModelTokenizer;
use crate::template::{ModelTemplate, TemplateTexts};

/// What a look-up says of a model's chat template.
#[derive(Clone, Debug)]
pub enum TemplateAnswer {
    /// It was found.
    Found(Arc<ModelTemplate>),
    /// There is none, and why.
    Missing(NoTemplate),
}

/// A tokenizer that was found, and what is known of its model's chat template.
#[derive(Clone, Debug)]
pub struct TokenizerWithTemplate {
    /// The tokenizer.
    pub tokenizer: FoundTokenizer,
    /// The chat template, or why there is none.
    pub template: TemplateAnswer,
}

impl Lookup {
    /// Finds a tokenizer as [`Lookup::find`] does, and then its model's chat template.
    ///
    /// # Errors
    /// Those of [`Lookup::find`], and those of [`Lookup::find_template`].
    pub fn find_with_template(
        &self,
        wanted: &WantedTokenizer,
    ) -> Result<TokenizerWithTemplate, LookupError> {
        let tokenizer = self.find(wanted)?;
        let template = self.find_template(wanted, &tokenizer)?;
        Ok(TokenizerWithTemplate {
            tokenizer,
            template,
        })
    }

    /// Finds the chat template that goes with a tokenizer that was found: beside a configured one, else that of
    /// the wanted model. A template that can't be used counts as none.
    ///
    /// # Errors
    /// If what is kept has changed or can't be read, or if the hub fails once it is reached.
    pub fn find_template(
        &self,
        wanted: &WantedTokenizer,
        found: &FoundTokenizer,
    ) -> Result<TemplateAnswer, LookupError> {
        let sought = match &found.place {
            Place::OpenAi => Err(Obstacle::NoTemplate(of_an_encoding(found))),
            Place::File(path) => self.beside_file(wanted, &found.tokenizer, path),
            Place::Url(url) => self.beside_url(wanted, &found.tokenizer, url),
            Place::Model { id, revision } => {
                self.of_model(id, &found.tokenizer, revision.as_deref())
            }
        };
        match sought {
            Ok(template) => Ok(TemplateAnswer::Found(Arc::new(template))),
            Err(Obstacle::NoTemplate(none)) => Ok(TemplateAnswer::Missing(none)),
            Err(Obstacle::Failed(error)) => Err(error),
        }
    }

    fn beside_file(
        &self,
        wanted: &WantedTokenizer,
        tokenizer: &Arc<ModelTokenizer>,
        path: &Path,
    ) -> Result<ModelTemplate, Obstacle> {
        let beside = |file: ModelFile| path.with_file_name(file.name());
        let texts = read_texts(|file| match read_bounded(&beside(file)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Obstacle::NoTemplate(NoTemplate::is_final(format!(
                "failed to read {}: {error}",
                beside(file).display()
            )))),
        })?;
        let origin = beside(texts.with_template()).display().to_string();
        match template(tokenizer, &texts, origin)? {
            Some(template) => Ok(template),
            None => self.of_wanted_model(wanted, tokenizer),
        }
    }

    fn beside_url(
        &self,
        wanted: &WantedTokenizer,
        tokenizer: &Arc<ModelTokenizer>,
        url: &str,
    ) -> Result<ModelTemplate, Obstacle> {
        let folder = url.rfind('/').map_or("", |end| &url[..=end]);
        let beside = |file: ModelFile| format!("{folder}{}", file.name());
        let texts = read_texts(|file| {
            self.urls.read(&beside(file)).map_err(|error| {
                // Storage that doesn't let one list it says the same of an object that is not there.
                Obstacle::NoTemplate(NoTemplate {
                    may_pass: matches!(error, FilesError::Unavailable { .. }),
                    reason: causes(&error),
                })
            })
        })?;
        match template(tokenizer, &texts, beside(texts.with_template()))? {
            Some(template) => Ok(template),
            None => self.of_wanted_model(wanted, tokenizer),
        }
    }

    /// The template of the model whose tokenizer was named outright.
    fn of_wanted_model(
        &self,
        wanted: &WantedTokenizer,
        tokenizer: &Arc<ModelTokenizer>,
    ) -> Result<ModelTemplate, Obstacle> {
        let beside = "there is no chat template beside the configured tokenizer";
        let none = |reason| Obstacle::NoTemplate(NoTemplate::is_final(reason));
        if open_ai_model(&wanted.model_id).is_some() {
            return Err(none(beside.to_owned()));
        }
        let model = ModelId::try_from(&*wanted.model_id)
            .map_err(|error| none(format!("{beside}, and {error}")))?;
        let template = self.of_model(&model, tokenizer, None);
        template.map_err(|obstacle| match obstacle {
            Obstacle::NoTemplate(NoTemplate { reason, may_pass }) => {
                let reason = format!("{beside}, and {reason}");
                Obstacle::NoTemplate(NoTemplate { reason, may_pass })
            }
            failed @ Obstacle::Failed(_) => failed,
        })
    }

    fn of_model(
        &self,
        model: &ModelId,
        tokenizer: &Arc<ModelTokenizer>,
        revision: Option<&str>,
    ) -> Result<ModelTemplate, Obstacle> {
        if let Some(template) = self.kept_template(model, tokenizer)? {
            return Ok(template);
        }
        let mut revision = revision.map(str::to_owned);
        let texts = read_texts(|file| {
            let address = HubAddress {
                model,
                file,
                revision: revision.as_deref(),
            };
            let Some(file) = self.given(&address)? else {
                return Ok(None);
            };
            // What belongs together is of one commit.
            revision = file.revision.or(revision.take());
            Ok(Some(file.bytes))
        })?;
        let origin = hub_source(model, revision.as_deref());
        let Some(template) = template(tokenizer, &texts, origin)? else {
            let reason = format!("the model hub has no chat template for {model}");
            return Err(Obstacle::NoTemplate(NoTemplate::is_final(reason)));
        };
        let kept = KeptTexts {
            texts,
            is_of_the_hub: true,
            revision,
        };
        if let Err(error) = keep(&*self.files, model, &kept) {
            let error = causes(&error);
            tracing::warn!("failed to keep the chat template of {model}: {error}");
        }
        Ok(template)
    }

    /// What is kept of a model, by whomever.
    fn kept_template(
        &self,
        model: &ModelId,
        tokenizer: &Arc<ModelTokenizer>,
    ) -> Result<Option<ModelTemplate>, Obstacle> {
        let Some(kept) = read_kept(&*self.files, model)? else {
            return Ok(None);
        };
        let origin = if kept.is_of_the_hub {
            hub_source(model, kept.revision.as_deref())
        } else {
            format!("tokenizers/{model}/{}", kept.texts.with_template().name())
        };
        template(tokenizer, &kept.texts, origin)
    }

    /// What the hub gives; `None` if it has no such file.
    fn given(&self, address: &HubAddress<'_>) -> Result<Option<HubFile>, Obstacle> {
        match self.hub.fetch(address)? {
            HubAnswer::File(file) => Ok(Some(file)),
            HubAnswer::Refused(404) => Ok(None),
            HubAnswer::Refused(status) => {
                let reason = self.no_access("chat template", address.model, status);
                Err(Obstacle::NoTemplate(NoTemplate::is_final(reason)))
            }
            HubAnswer::OutOfReach(problem) => Err(Obstacle::NoTemplate(NoTemplate {
                reason: format!("the model hub can't be reached ({problem})"),
                may_pass: true,
            })),
        }
    }
}

/// The template in files; `None` if there is none in them.
fn template(
    tokenizer: &Arc<ModelTokenizer>,
    texts: &TemplateTexts,
    origin: String,
) -> Result<Option<ModelTemplate>, Obstacle> {
    ModelTemplate::new(tokenizer, texts, origin.clone()).map_err(|error| {
        let problem = causes(&error);
        let reason = format!("the chat template of {origin} can't be used: {problem}");
        Obstacle::NoTemplate(NoTemplate::is_final(reason))
    })
}

/// Why an encoding of OpenAI's goes with no chat template.
fn of_an_encoding(found: &FoundTokenizer) -> NoTemplate {
    match &found.info.fallback_reason {
        Some(reason) => NoTemplate {
            reason: reason.clone(),
            may_pass: found.is_out_of_reach,
        },
        None => NoTemplate::is_final("encodings of OpenAI's have no chat template".to_owned()),
    }
}
