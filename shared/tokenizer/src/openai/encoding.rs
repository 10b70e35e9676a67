//! OpenAI's encodings, by name and by model.

use tiktoken_rs::tokenizer::{Tokenizer as TiktokenName, get_tokenizer};

mod fingerprints {
    //! SHA-256 of the vocabularies as published.
    include!(concat!(env!("OUT_DIR"), "/fingerprints.rs"));
}

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
    #[cfg(test)]
    pub(crate) const ALL: [Self; 4] = [
        Self::O200kBase,
        Self::Cl100kBase,
        Self::P50kBase,
        Self::R50kBase,
    ];

    /// The special tokens of the encodings, as the package `tiktoken` has them, and those that mark turns in
    /// OpenAI's chats.
    pub(crate) const SPECIAL_TOKENS: [&str; 8] = [
        "<|endoftext|>",
        "<|endofprompt|>",
        "<|fim_prefix|>",
        "<|fim_middle|>",
        "<|fim_suffix|>",
        "<|im_start|>",
        "<|im_sep|>",
        "<|im_end|>",
    ];

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
        Some(match get_tokenizer(model_id)? {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vocabularies_are_those_that_are_published() {
        // As pinned by the Python package in tiktoken_ext/openai_public.py.
        let o200k_base = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d";
        assert_eq!(fingerprints::O200K_BASE, o200k_base);
        let cl100k_base = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7";
        assert_eq!(fingerprints::CL100K_BASE, cl100k_base);
        let p50k_base = "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069";
        assert_eq!(fingerprints::P50K_BASE, p50k_base);
        let r50k_base = "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930";
        assert_eq!(fingerprints::R50K_BASE, r50k_base);
    }

    #[test]
    fn variants_with_other_special_tokens_are_their_encoding() {
        let names =
            OpenAiEncoding::NAMES.map(|name| OpenAiEncoding::from_name(name).unwrap().name());
        assert_eq!(
            names,
            [
                "o200k_base",
                "o200k_base",
                "cl100k_base",
                "p50k_base",
                "p50k_base",
                "r50k_base",
                "r50k_base"
            ]
        );
        assert_eq!(OpenAiEncoding::from_name("o200k"), None);
        let fingerprints = OpenAiEncoding::ALL.map(OpenAiEncoding::fingerprint);
        assert!(fingerprints.iter().all(|digest| digest.len() == 64));
        let distinct: std::collections::HashSet<_> = fingerprints.into_iter().collect();
        assert_eq!(distinct.len(), 4);
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
        for (model, encoding) in [
            ("gpt-oss-20b", OpenAiEncoding::O200kBase),
            ("text-davinci-003", OpenAiEncoding::P50kBase),
            ("text-davinci-edit-001", OpenAiEncoding::P50kBase),
            ("davinci", OpenAiEncoding::R50kBase),
            ("gpt2", OpenAiEncoding::R50kBase),
        ] {
            assert_eq!(OpenAiEncoding::of_model(model), Some(encoding), "{model}");
        }
        assert_eq!(OpenAiEncoding::of_model("meta-llama/Llama-3.2-1B"), None);
        for name in OpenAiEncoding::NAMES {
            assert!(OpenAiEncoding::from_name(name).is_some(), "{name}");
        }
    }
}
