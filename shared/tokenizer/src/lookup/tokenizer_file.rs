//! From the bytes of a `tokenizer.json` to a tokenizer, compiled once and then kept.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use resonare_pipeline::{TokenizerInfo, causes};

use super::error::LookupError;
use super::found::{FoundTokenizer, Place};
use super::model_files::{ModelFile, ModelFiles};
use super::model_id::ModelId;
use crate::compiled::tokenizer::CompiledTokenizer;
use crate::files::{read_bounded, sha256, write_whole};
use crate::model::ModelTokenizer;

/// Where the compiled form of a tokenizer is kept.
pub(crate) enum CompiledPlace<'a> {
    /// In a file of this machine.
    File(PathBuf),
    /// Among the files of a model.
    OfModel(&'a dyn ModelFiles, &'a ModelId),
    /// It is not kept.
    Nowhere,
}

impl CompiledPlace<'_> {
    /// What is kept; `None` also if it can't be read: it can be compiled anew.
    fn read(&self) -> Option<Vec<u8>> {
        match self {
            Self::File(path) => read_bounded(path).ok(),
            Self::OfModel(files, model) => {
                let read = files.read(model, ModelFile::CompiledTokenizer);
                read.unwrap_or_else(|error| {
                    tracing::debug!("compiling a tokenizer again: {}", causes(&error));
                    None
                })
            }
            Self::Nowhere => None,
        }
    }

    /// Keeps a compiled form, which costs no more than time if it fails.
    fn keep(&self, bytes: &[u8]) {
        let kept = match self {
            Self::File(path) => write_whole(path, bytes).map_err(|error| error.to_string()),
            Self::OfModel(files, model) => files
                .keep(model, ModelFile::CompiledTokenizer, bytes)
                .map_err(|error| causes(&error)),
            Self::Nowhere => Ok(()),
        };
        if let Err(error) = kept {
            tracing::debug!("failed to keep a compiled tokenizer: {error}");
        }
    }
}

/// The bytes of a `tokenizer.json`, with what is known of them.
pub(crate) struct TokenizerFile<'a> {
    pub(crate) json: Vec<u8>,
    /// The SHA-256 of the bytes.
    pub(crate) fingerprint: String,
    /// Where it is, for errors.
    pub(crate) location: String,
    compiled: CompiledPlace<'a>,
    /// The compiled form of these bytes, if it is kept and whole.
    kept: Option<CompiledTokenizer>,
}

impl<'a> TokenizerFile<'a> {
    /// A file of these bytes.
    pub(crate) fn new(json: Vec<u8>, location: String, compiled: CompiledPlace<'a>) -> Self {
        // Both are hashed, and either has some ten megabytes.
        let (fingerprint, kept) = thread::scope(|scope| {
            let fingerprint = scope.spawn(|| sha256(&json));
            let kept = compiled.read().and_then(CompiledTokenizer::load);
            let fingerprint = fingerprint.join().unwrap_or_else(|_| sha256(&json));
            let is_of_json =
                |kept: &CompiledTokenizer| kept.fingerprint() == fingerprint.as_bytes();
            let kept = kept.filter(is_of_json);
            (fingerprint, kept)
        });
        Self {
            json,
            fingerprint,
            location,
            compiled,
            kept,
        }
    }

    /// The tokenizer that it describes, from its compiled form if that is whole and of this very file;
    /// `source` is where it comes from, for statistics.
    pub(crate) fn load(
        &mut self,
        source: String,
        place: Place,
    ) -> Result<FoundTokenizer, LookupError> {
        let kept = self.kept.take().or_else(|| {
            let compiled = CompiledTokenizer::compile(&self.json, &self.fingerprint)?;
            self.compiled.keep(compiled.compiled());
            Some(compiled)
        });
        let tokenizer = match kept {
            Some(compiled) => ModelTokenizer::compiled(compiled),
            None => {
                ModelTokenizer::reference(&self.json).map_err(|cause| LookupError::Unusable {
                    location: self.location.clone(),
                    cause,
                })?
            }
        };
        let info = TokenizerInfo {
            kind: "huggingface".to_owned(),
            source,
            fingerprint: self.fingerprint.clone(),
            fallback_reason: None,
            engine: tokenizer.engine().to_owned(),
        };
        Ok(FoundTokenizer {
            tokenizer: Arc::new(tokenizer),
            info,
            is_out_of_reach: false,
            place,
        })
    }
}
