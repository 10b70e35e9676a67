//! A model's chat template, whose text the model's tokenizer counts.

use std::fmt;
use std::sync::Arc;

use resonare_chat_template::{ChatTemplate, Message, RenderError, TemplateError, TemplateFiles};
use resonare_consumers::MessageRef;
use resonare_pipeline::NotRendered;

use crate::lookup::model_files::ModelFile;
use crate::model::ModelTokenizer;
use crate::recognizing::RecognizingCounter;

/// A model's own chat template with its tokenizer. It is shared between threads.
pub struct ModelTemplate {
    template: ChatTemplate,
    counter: RecognizingCounter,
    origin: String,
}

/// The texts of the files that a model has beside its tokenizer.
#[derive(Debug, Default)]
pub(crate) struct TemplateTexts {
    pub(crate) chat_template: Option<String>,
    pub(crate) tokenizer_config: Option<String>,
    pub(crate) special_tokens_map: Option<String>,
}

impl TemplateTexts {
    /// The files that there are.
    pub(crate) fn files(&self) -> impl Iterator<Item = (ModelFile, &str)> {
        let files = [
            (ModelFile::ChatTemplate, &self.chat_template),
            (ModelFile::TokenizerConfig, &self.tokenizer_config),
            (ModelFile::SpecialTokensMap, &self.special_tokens_map),
        ];
        files
            .into_iter()
            .filter_map(|(file, text)| Some((file, text.as_deref()?)))
    }

    /// The file with the template, if there is one.
    pub(crate) fn with_template(&self) -> ModelFile {
        match self.chat_template {
            Some(_) => ModelFile::ChatTemplate,
            None => ModelFile::TokenizerConfig,
        }
    }
}

/// Why files are no chat template that can be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnusableTemplate {
    /// They are broken.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The tokens that they add to the tokenizer's can't be recognized.
    #[error("the added tokens can't be used")]
    Tokens(#[source] tokenizers::Error),
}

impl ModelTemplate {
    /// The template of these files; `None` if there is none in them. `origin` is where they come from.
    pub(crate) fn new(
        tokenizer: &Arc<ModelTokenizer>,
        texts: &TemplateTexts,
        origin: String,
    ) -> Result<Option<Self>, UnusableTemplate> {
        let json = tokenizer.json_with_added_tokens();
        let files = TemplateFiles {
            chat_template: texts.chat_template.as_deref(),
            tokenizer_config: texts.tokenizer_config.as_deref(),
            special_tokens_map: texts.special_tokens_map.as_deref(),
            tokenizer: json.as_deref(),
        };
        let Some(template) = ChatTemplate::new(&files)? else {
            return Ok(None);
        };
        let counter = tokenizer.recognizing(template.added_tokens());
        let counter = counter.map_err(UnusableTemplate::Tokens)?;
        Ok(counter.map(|counter| Self {
            template,
            counter,
            origin,
        }))
    }

    /// Texts that a chat must not have in it, since they would change the turns that a trainer sees.
    pub fn special_tokens(&self) -> &[String] {
        self.template.special_tokens()
    }

    /// The template itself, as its publisher wrote it.
    pub fn source(&self) -> &str {
        self.template.source()
    }

    /// A template that renders the same and marks the assistant's turns, for trainers that learn these alone;
    /// `None` where it can't be told what is a turn.
    pub fn with_generation_markers(&self) -> Option<String> {
        self.template.with_generation_markers()
    }

    /// Where it comes from: a file's path or URL, or the model and revision on the hub.
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

impl resonare_pipeline::ChatTemplate for ModelTemplate {
    fn count(&self, messages: &[MessageRef<'_>]) -> Result<u64, NotRendered> {
        let messages: Vec<Message<'_>> = messages
            .iter()
            .map(|message| Message {
                role: message.role,
                content: message.content,
            })
            .collect();
        let text = self.template.render(&messages);
        let text = text.map_err(|error| match error {
            RenderError::Refused(words) => NotRendered::Refused(words),
            RenderError::TimedOut => NotRendered::TimedOut,
            other => NotRendered::Refused(other.to_string()),
        })?;
        let count = self.counter.count(&text);
        count.map(u64::from).map_err(NotRendered::Refused)
    }
}

impl fmt::Debug for ModelTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelTemplate")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}
