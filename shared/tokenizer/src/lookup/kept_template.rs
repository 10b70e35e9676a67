//! The files of a model's chat template, kept for next time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::LookupError;
use super::model_files::{FilesError, ModelFile, ModelFiles};
use super::model_id::ModelId;
use super::template_files::{Obstacle, read_texts};
use crate::files::sha256;
use crate::template::TemplateTexts;

/// Where kept files were fetched from: their names, each with its SHA-256.
#[derive(Serialize, Deserialize)]
struct TemplateSource {
    model_id: String,
    revision: Option<String>,
    files: BTreeMap<String, String>,
}

/// What is kept of a model's chat template.
pub(crate) struct KeptTexts {
    pub(crate) texts: TemplateTexts,
    /// Whether the hub gave them, and not the user.
    pub(crate) is_of_the_hub: bool,
    pub(crate) revision: Option<String>,
}

/// Reads what is kept; `None` if it is not all there.
pub(crate) fn read_kept(
    files: &dyn ModelFiles,
    model: &ModelId,
) -> Result<Option<KeptTexts>, Obstacle> {
    // The note is kept first and read last: files that are just being kept are never taken for the user's.
    let texts = read_texts(|file| Ok(files.read(model, file)?))?;
    let Some(note) = files.read(model, ModelFile::TemplateSource)? else {
        return Ok(Some(KeptTexts {
            texts,
            is_of_the_hub: false,
            revision: None,
        }));
    };
    let source_location = files.location(model, ModelFile::TemplateSource);
    let source: TemplateSource = serde_json::from_slice(&note).map_err(|cause| {
        Obstacle::Failed(LookupError::UnreadableSource {
            location: source_location.clone(),
            cause,
        })
    })?;
    for (file, text) in texts.files() {
        if source.files.get(file.name()) != Some(&sha256(text.as_bytes())) {
            return Err(Obstacle::Failed(LookupError::Changed {
                location: files.location(model, file),
                source_location,
            }));
        }
    }
    let is_whole = texts.files().count() == source.files.len();
    Ok(is_whole.then_some(KeptTexts {
        texts,
        is_of_the_hub: true,
        revision: source.revision,
    }))
}

/// Keeps what the hub gave.
pub(crate) fn keep(
    files: &dyn ModelFiles,
    model: &ModelId,
    kept: &KeptTexts,
) -> Result<(), FilesError> {
    let digests = kept.texts.files().map(|(file, text)| {
        let digest = sha256(text.as_bytes());
        (file.name().to_owned(), digest)
    });
    let source = TemplateSource {
        model_id: model.to_string(),
        revision: kept.revision.clone(),
        files: digests.collect(),
    };
    let source = serde_json::to_vec_pretty(&source).expect("strings can be written as JSON");
    files.keep(model, ModelFile::TemplateSource, &source)?;
    for (file, text) in kept.texts.files() {
        files.keep(model, file, text.as_bytes())?;
    }
    Ok(())
}
