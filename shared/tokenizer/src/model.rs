//! The tokenizers there are, as one type.

use std::path::Path;
use std::sync::Arc;

use resonare_pipeline::{TokenCounter, Tokenizer};
use tiktoken_rs::CoreBPE;
use tiktoken_rs::tokenizer::Tokenizer as TiktokenName;

use crate::flat::{Flat, FlatCounter};
use crate::huggingface::HuggingFace;
use crate::tiktoken::{Encoding, EncodingCounter, fingerprints};

/// An encoding of OpenAI's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenAiEncoding {
    /// GPT-4o and later.
    O200kBase,
    /// GPT-4 and GPT-3.5.
    Cl100kBase,
    /// Codex and later GPT-3.
    P50kBase,
    /// GPT-2 and GPT-3.
    R50kBase,
}

impl OpenAiEncoding {
    /// The names by which the configuration knows them, those of the package `tiktoken`.
    pub const NAMES: [&str; 7] = [
        "o200k_base",
        "o200k_harmony",
        "cl100k_base",
        "p50k_base",
        "p50k_edit",
        "r50k_base",
        "gpt2",
    ];

    /// The encoding of that name. Variants that differ in their special tokens alone are one, since
    /// none are counted.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "o200k_base" | "o200k_harmony" => Self::O200kBase,
            "cl100k_base" => Self::Cl100kBase,
            "p50k_base" | "p50k_edit" => Self::P50kBase,
            "r50k_base" | "gpt2" => Self::R50kBase,
            _ => return None,
        })
    }

    /// The encoding of an OpenAI model, fine-tuned ones (`ft:…`) included.
    pub fn of_model(model_id: &str) -> Option<Self> {
        Some(match tiktoken_rs::tokenizer::get_tokenizer(model_id)? {
            TiktokenName::O200kBase | TiktokenName::O200kHarmony => Self::O200kBase,
            TiktokenName::Cl100kBase => Self::Cl100kBase,
            TiktokenName::P50kBase | TiktokenName::P50kEdit => Self::P50kBase,
            TiktokenName::R50kBase | TiktokenName::Gpt2 => Self::R50kBase,
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::O200kBase => "o200k_base",
            Self::Cl100kBase => "cl100k_base",
            Self::P50kBase => "p50k_base",
            Self::R50kBase => "r50k_base",
        }
    }

    /// SHA-256 of its vocabulary as published.
    pub fn fingerprint(self) -> &'static str {
        match self {
            Self::O200kBase => fingerprints::O200K_BASE,
            Self::Cl100kBase => fingerprints::CL100K_BASE,
            Self::P50kBase => fingerprints::P50K_BASE,
            Self::R50kBase => fingerprints::R50K_BASE,
        }
    }
}

/// A `tokenizer.json` that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("not a tokenizer.json that can be read: {0}")]
pub struct ParseError(String);

enum Engine {
    Compiled(Encoding),
    Reference(&'static CoreBPE),
    HuggingFace(Box<HuggingFace>),
    Flat(Box<Flat>),
}

/// A model's tokenizer.
pub struct ModelTokenizer {
    engine: Engine,
}

impl std::fmt::Debug for ModelTokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let engine = match &self.engine {
            Engine::Compiled(_) => "compiled",
            Engine::Reference(_) => "tiktoken",
            Engine::HuggingFace(_) => "huggingface",
            Engine::Flat(_) => "flat",
        };
        f.debug_struct("ModelTokenizer")
            .field("engine", &engine)
            .finish_non_exhaustive()
    }
}

impl ModelTokenizer {
    /// The tokenizer of an OpenAI encoding.
    pub fn open_ai(encoding: OpenAiEncoding) -> Self {
        let engine = match encoding {
            OpenAiEncoding::O200kBase => Engine::Compiled(Encoding::o200k_base()),
            OpenAiEncoding::Cl100kBase => Engine::Compiled(Encoding::cl100k_base()),
            OpenAiEncoding::P50kBase => Engine::Reference(tiktoken_rs::p50k_base_singleton()),
            OpenAiEncoding::R50kBase => Engine::Reference(tiktoken_rs::r50k_base_singleton()),
        };
        Self { engine }
    }

    /// The tokenizer that a Hugging Face `tokenizer.json` describes.
    ///
    /// # Errors
    /// If the bytes are no such file, or of a kind that the reference implementation refuses.
    pub fn hugging_face(json: &[u8]) -> Result<Self, ParseError> {
        match Flat::compile(&Arc::new(json.to_vec()), &sha256(json)) {
            Some(flat) => Ok(Self::flat(flat)),
            None => Self::reference(json),
        }
    }

    pub(crate) fn flat(flat: Flat) -> Self {
        Self {
            engine: Engine::Flat(Box::new(flat)),
        }
    }

    /// What counts: tables that were compiled (`compiled`), or the reference implementation
    /// (`reference`).
    pub fn engine(&self) -> &'static str {
        match &self.engine {
            Engine::Compiled(_) | Engine::Flat(_) => "compiled",
            Engine::Reference(_) | Engine::HuggingFace(_) => "reference",
        }
    }

    /// The same, counted by the reference implementation.
    ///
    /// # Errors
    /// If the bytes are no such file, or of a kind that it refuses.
    pub fn reference(json: &[u8]) -> Result<Self, ParseError> {
        let tokenizer = HuggingFace::parse(json).map_err(|error| ParseError(error.to_string()))?;
        Ok(Self {
            engine: Engine::HuggingFace(Box::new(tokenizer)),
        })
    }
}

impl Tokenizer for ModelTokenizer {
    type Counter<'t> = ModelCounter<'t>;

    fn counter(&self) -> ModelCounter<'_> {
        ModelCounter(match &self.engine {
            Engine::Compiled(encoding) => {
                Counting::Compiled(Box::new(EncodingCounter::new(*encoding)))
            }
            Engine::Reference(encoding) => Counting::Reference(encoding),
            Engine::HuggingFace(tokenizer) => Counting::HuggingFace(tokenizer),
            Engine::Flat(flat) => Counting::Flat(Box::new(FlatCounter::new(flat))),
        })
    }

    fn failure(&self) -> Option<String> {
        match &self.engine {
            Engine::Compiled(_) | Engine::Reference(_) => None,
            Engine::HuggingFace(tokenizer) => tokenizer.failure(),
            Engine::Flat(flat) => flat.failure(),
        }
    }
}

enum Counting<'t> {
    Compiled(Box<EncodingCounter>),
    Reference(&'t CoreBPE),
    HuggingFace(&'t HuggingFace),
    Flat(Box<FlatCounter<'t>>),
}

/// Counts with a [`ModelTokenizer`] on one thread.
pub struct ModelCounter<'t>(Counting<'t>);

impl TokenCounter for ModelCounter<'_> {
    #[inline]
    fn count(&mut self, text: &str) -> u32 {
        match &mut self.0 {
            Counting::Compiled(counter) => counter.count(text),
            Counting::Reference(encoding) => {
                u32::try_from(encoding.count_ordinary(text)).unwrap_or(u32::MAX)
            }
            Counting::HuggingFace(tokenizer) => tokenizer.count(text),
            Counting::Flat(counter) => counter.count(text),
        }
    }
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}

/// The largest `tokenizer.json` that is read; the largest that is published has 33 MB.
pub(crate) const LARGEST_FILE: u64 = 128 << 20;

/// Reads a `tokenizer.json`, within [`LARGEST_FILE`].
pub(crate) fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(LARGEST_FILE + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(std::io::Error::other("the file is larger than 128 MiB"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(encoding: OpenAiEncoding, text: &str) -> u32 {
        ModelTokenizer::open_ai(encoding).counter().count(text)
    }

    #[test]
    fn models_choose_their_encoding() {
        assert_eq!(
            OpenAiEncoding::of_model("gpt-4o-mini"),
            Some(OpenAiEncoding::O200kBase)
        );
        assert_eq!(
            OpenAiEncoding::of_model("ft:gpt-4:me::x"),
            Some(OpenAiEncoding::Cl100kBase)
        );
        assert_eq!(OpenAiEncoding::of_model("meta-llama/Llama-3.2-1B"), None);
        for name in OpenAiEncoding::NAMES {
            assert!(OpenAiEncoding::from_name(name).is_some(), "{name}");
        }
    }

    #[test]
    fn special_token_texts_are_ordinary_text() {
        for encoding in [
            OpenAiEncoding::O200kBase,
            OpenAiEncoding::Cl100kBase,
            OpenAiEncoding::P50kBase,
            OpenAiEncoding::R50kBase,
        ] {
            assert!(count(encoding, "<|endoftext|>") > 1, "{encoding:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_tokenizer_are_refused() {
        for bytes in [&b""[..], b"{}", b"<html>", b"{\"model\": 1}"] {
            assert!(ModelTokenizer::hugging_face(bytes).is_err());
        }
    }
}
