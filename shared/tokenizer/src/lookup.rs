//! From a model's name to its tokenizer.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use resonare_pipeline::TokenizerInfo;
use serde::{Deserialize, Serialize};

use crate::flat::Flat;
use crate::hub::{Answer, Hub, HubError, HubFile};
use crate::model::{ModelTokenizer, OpenAiEncoding, ParseError, read_bounded, sha256};

/// What is looked up, and where.
#[derive(Clone, Copy, Debug)]
pub struct Lookup<'a> {
    /// The model to be fine-tuned.
    pub model_id: &'a str,
    /// A `tokenizer.json`, the folder of one, or an OpenAI encoding's name, instead of a look-up.
    pub tokenizer: Option<&'a str>,
    /// Fail where the model's own tokenizer is not to be had.
    pub require_exact: bool,
    /// Holds `<model_id>/tokenizer.json`; what the hub gave is kept here.
    pub folder: &'a Path,
    /// Asked last.
    pub hub: &'a Hub,
}

/// Why there is no tokenizer.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The configured tokenizer is neither an encoding nor a file.
    #[error(
        "tokenizer {value:?} is neither a readable file nor one of the encodings {}",
        OpenAiEncoding::NAMES.join(", ")
    )]
    NoSuchTokenizer {
        /// The configured value.
        value: String,
        /// Why it can't be read as a file.
        #[source]
        cause: io::Error,
    },
    /// A file is no tokenizer.
    #[error("{path} is no usable tokenizer")]
    Unusable {
        /// The file.
        path: String,
        /// Why.
        #[source]
        cause: ParseError,
    },
    /// A kept file is not the one that was fetched.
    #[error(
        "{} is not what was fetched from the model hub (its SHA-256 differs from that in {}); \
         delete both to fetch it again", path.display(), SOURCE_FILE
    )]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A file of the folder can't be read or written.
    #[error("failed to use {}", path.display())]
    Folder {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The hub could not be asked.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// `require_exact_tokenizer` is set, and the tokenizer is not to be had.
    #[error("require_exact_tokenizer is set, and {0}")]
    NotExact(String),
    /// The name can't be that of a model.
    #[error("model_id {0:?} is not of the form name or organisation/name")]
    ModelId(String),
}

impl LookupError {
    /// Whether trying again may succeed.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Hub(HubError::Unusable { .. }) | Self::Folder { .. } => true,
            Self::Hub(HubError::Unexpected { .. })
            | Self::NoSuchTokenizer { .. }
            | Self::Unusable { .. }
            | Self::Changed { .. }
            | Self::NotExact(_)
            | Self::ModelId(_) => false,
        }
    }
}

const TOKENIZER_FILE: &str = "tokenizer.json";
/// The compiled form of a tokenizer is beside it, under its name and this.
const COMPILED_SUFFIX: &str = ".compiled";
/// Says where the tokenizer beside it was fetched from.
const SOURCE_FILE: &str = "source.json";

#[derive(Serialize, Deserialize)]
struct HubSource {
    model_id: String,
    revision: Option<String>,
    sha256: String,
}

/// Whether `name` may be a model's: one or two parts of letters, digits, `.`, `_` and `-`, none of
/// which begins with a dot, so that it can become a path.
pub fn is_model_id(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part.len() <= 96
            && !part.starts_with('.')
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    name.split('/').count() <= 2 && name.split('/').all(part)
}

impl Lookup<'_> {
    /// Finds the tokenizer.
    ///
    /// # Errors
    /// If what is configured can't be used, if the hub can't be asked, or if there is none and a
    /// fallback is not wanted.
    pub fn find(&self) -> Result<(ModelTokenizer, TokenizerInfo), LookupError> {
        if let Some(value) = self.tokenizer {
            return configured(value);
        }
        if let Some(encoding) = open_ai_model(self.model_id) {
            return Ok(open_ai(encoding, None));
        }
        if !is_model_id(self.model_id) {
            return Err(LookupError::ModelId(self.model_id.to_owned()));
        }
        let folder = self.folder.join(self.model_id);
        if let Some(found) = self.in_folder(&folder)? {
            return Ok(found);
        }
        match self.hub.fetch(self.model_id)? {
            Answer::File(file) => self.keep(&folder, &file),
            Answer::Refused(status) => self.fall_back(status),
        }
    }

    fn in_folder(
        &self,
        folder: &Path,
    ) -> Result<Option<(ModelTokenizer, TokenizerInfo)>, LookupError> {
        let path = folder.join(TOKENIZER_FILE);
        let json = match read_bounded(&path) {
            Ok(json) => json,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(LookupError::Folder { path, cause }),
        };
        let fingerprint = sha256(&json);
        let origin = match read_bounded(&folder.join(SOURCE_FILE)) {
            Ok(source) => {
                let source: HubSource =
                    serde_json::from_slice(&source).map_err(|cause| LookupError::Folder {
                        path: folder.join(SOURCE_FILE),
                        cause: cause.into(),
                    })?;
                if source.sha256 != fingerprint {
                    return Err(LookupError::Changed { path });
                }
                hub_source(self.model_id, source.revision.as_deref())
            }
            Err(_) => format!("tokenizers/{}/{TOKENIZER_FILE}", self.model_id),
        };
        hugging_face(json, fingerprint, &path, origin).map(Some)
    }

    /// Keeps what the hub gave, for next time.
    fn keep(
        &self,
        folder: &Path,
        file: &HubFile,
    ) -> Result<(ModelTokenizer, TokenizerInfo), LookupError> {
        let origin = hub_source(self.model_id, file.revision.as_deref());
        let fingerprint = sha256(&file.bytes);
        let path = folder.join(TOKENIZER_FILE);
        let found = hugging_face(file.bytes.clone(), fingerprint.clone(), &path, origin)?;
        let source = HubSource {
            model_id: self.model_id.to_owned(),
            revision: file.revision.clone(),
            sha256: fingerprint,
        };
        let source = serde_json::to_vec_pretty(&source).expect("strings can be written as JSON");
        // The tokenizer comes last: with it, the entry is whole.
        for (name, bytes) in [(SOURCE_FILE, &source), (TOKENIZER_FILE, &file.bytes)] {
            if let Err(error) = write_whole(folder, &folder.join(name), bytes) {
                let folder = folder.display();
                tracing::warn!("the tokenizer could not be kept in {folder}: {error}");
                break;
            }
        }
        Ok(found)
    }

    fn fall_back(&self, status: u16) -> Result<(ModelTokenizer, TokenizerInfo), LookupError> {
        let reason = match status {
            404 => format!(
                "the model hub has no tokenizer.json for {} (404)",
                self.model_id
            ),
            _ => format!(
                "the model hub refuses the tokenizer of {model} ({status}); ask for access at {page} \
                 and set HF_TOKEN",
                model = self.model_id,
                page = self.hub.model_page(self.model_id)
            ),
        };
        if self.require_exact {
            return Err(LookupError::NotExact(reason));
        }
        tracing::warn!(
            "counting tokens with o200k_base instead of the model's tokenizer: {reason}"
        );
        Ok(open_ai(OpenAiEncoding::O200kBase, Some(reason)))
    }
}

/// A model of OpenAI's has no organisation in its name here.
fn open_ai_model(model_id: &str) -> Option<OpenAiEncoding> {
    if model_id.contains('/') {
        None
    } else {
        OpenAiEncoding::of_model(model_id)
    }
}

fn configured(value: &str) -> Result<(ModelTokenizer, TokenizerInfo), LookupError> {
    if let Some(encoding) = OpenAiEncoding::from_name(value) {
        return Ok(open_ai(encoding, None));
    }
    let mut path = PathBuf::from(value);
    if path.is_dir() {
        path.push(TOKENIZER_FILE);
    }
    let json = read_bounded(&path).map_err(|cause| LookupError::NoSuchTokenizer {
        value: value.to_owned(),
        cause,
    })?;
    let fingerprint = sha256(&json);
    hugging_face(json, fingerprint, &path, value.to_owned())
}

fn open_ai(
    encoding: OpenAiEncoding,
    fallback_reason: Option<String>,
) -> (ModelTokenizer, TokenizerInfo) {
    let tokenizer = ModelTokenizer::open_ai(encoding);
    let info = TokenizerInfo {
        kind: "tiktoken".to_owned(),
        source: encoding.name().to_owned(),
        fingerprint: encoding.fingerprint().to_owned(),
        fallback_reason,
        engine: tokenizer.engine().to_owned(),
    };
    (tokenizer, info)
}

/// The tokenizer of a file at `path` with this SHA-256, beside which its compiled form is kept.
fn hugging_face(
    json: Vec<u8>,
    fingerprint: String,
    path: &Path,
    source: String,
) -> Result<(ModelTokenizer, TokenizerInfo), LookupError> {
    let json = Arc::new(json);
    let mut kept = path.as_os_str().to_owned();
    kept.push(COMPILED_SUFFIX);
    let kept = Path::new(&kept);
    let before = read_bounded(kept).ok();
    let before = before.and_then(|compiled| Flat::load(compiled, &json, &fingerprint));
    let flat = before.or_else(|| {
        let compiled = Flat::compile(&json, &fingerprint)?;
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let written = write_whole(folder.unwrap_or(Path::new(".")), kept, compiled.compiled());
        if let Err(error) = written {
            tracing::debug!("{} could not be kept: {error}", kept.display());
        }
        Some(compiled)
    });
    let tokenizer = match flat {
        Some(flat) => ModelTokenizer::flat(flat),
        None => ModelTokenizer::reference(&json).map_err(|cause| LookupError::Unusable {
            path: path.display().to_string(),
            cause,
        })?,
    };
    let info = TokenizerInfo {
        kind: "huggingface".to_owned(),
        source,
        fingerprint,
        fallback_reason: None,
        engine: tokenizer.engine().to_owned(),
    };
    Ok((tokenizer, info))
}

fn hub_source(model_id: &str, revision: Option<&str>) -> String {
    match revision {
        Some(revision) => format!("hub:{model_id}@{revision}"),
        None => format!("hub:{model_id}"),
    }
}

/// Writes aside, then renames, so that no other process meets half a file.
fn write_whole(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_the_folder_are_no_models() {
        for good in ["gpt2", "meta-llama/Llama-3.2-1B", "a/b_c.d-1"] {
            assert!(is_model_id(good), "{good}");
        }
        for bad in [
            "", "/", "a/", "/a", "..", "a/..", "../a", "a/b/c", "a b", "a\\b", ".hidden", "a/.b",
            "ä",
        ] {
            assert!(!is_model_id(bad), "{bad}");
        }
    }
}
