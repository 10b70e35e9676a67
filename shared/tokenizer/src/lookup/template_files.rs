//! Reading the files that a chat template is made from, wherever they are.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::error::LookupError;
use super::model_files::ModelFile;
use crate::template::TemplateTexts;

/// Why there is no chat template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoTemplate {
    /// In words, for people.
    pub reason: String,
    /// Whether asking again later may give one.
    pub may_pass: bool,
}

impl NoTemplate {
    /// That there is none, and will be none.
    pub(crate) fn is_final(reason: String) -> Self {
        Self {
            reason,
            may_pass: false,
        }
    }
}

/// What a file is missing for.
pub(crate) enum Obstacle {
    /// There is no chat template for it.
    NoTemplate(NoTemplate),
    /// Nothing can be said.
    Failed(LookupError),
}

impl<E: Into<LookupError>> From<E> for Obstacle {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// What tells which other files are needed.
#[derive(Default, Deserialize)]
struct Outline {
    chat_template: Option<IgnoredAny>,
    added_tokens_decoder: Option<IgnoredAny>,
}

/// Reads what there is of the files, each at most once and only if it is needed.
pub(crate) fn read_texts(
    mut read: impl FnMut(ModelFile) -> Result<Option<Vec<u8>>, Obstacle>,
) -> Result<TemplateTexts, Obstacle> {
    let mut text = |file: ModelFile| {
        let bytes = read(file)?;
        bytes
            .map(|bytes| String::from_utf8(bytes).map_err(|_| not_text(file)))
            .transpose()
    };
    let chat_template = text(ModelFile::ChatTemplate)?;
    let tokenizer_config = text(ModelFile::TokenizerConfig)?;
    // What is wrong with it is told when it is used.
    let outline = tokenizer_config
        .as_deref()
        .and_then(|text| serde_json::from_str::<Outline>(text).ok())
        .unwrap_or_default();
    let has_template = chat_template.is_some() || outline.chat_template.is_some();
    let special_tokens_map = if has_template && outline.added_tokens_decoder.is_none() {
        text(ModelFile::SpecialTokensMap)?
    } else {
        None
    };
    Ok(TemplateTexts {
        chat_template,
        tokenizer_config,
        special_tokens_map,
    })
}

fn not_text(file: ModelFile) -> Obstacle {
    let reason = format!("the model's {} is not UTF-8", file.name());
    Obstacle::NoTemplate(NoTemplate::is_final(reason))
}
