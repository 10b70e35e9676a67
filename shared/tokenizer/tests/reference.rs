//! Counts are those of the reference implementations, text by text.
//!
//! `cargo xtask test` has Python's `tiktoken` and `tokenizers` count beforehand
//! (`tests/reference/count.py`).

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected has failed"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use resonare_consumers::MessageRef;
use resonare_pipeline::{ChatTemplate as _, TokenCounter as _, Tokenizer as _};
use resonare_tokenizer::{
    FolderModelFiles, Hub, Lookup, ModelTokenizer, NoUrls, OpenAiEncoding, TemplateAnswer,
    WantedTokenizer,
};
use serde_json::Value;

fn reference(name: &str) -> Value {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../.tools/reference")
        .join(name);
    let file = std::fs::read(&path)
        .unwrap_or_else(|_| panic!("{} is missing: run `cargo xtask test`", path.display()));
    serde_json::from_slice(&file).unwrap()
}

fn tokenizer(source: &str) -> ModelTokenizer {
    match OpenAiEncoding::from_name(source) {
        Some(encoding) => ModelTokenizer::open_ai(encoding),
        None => ModelTokenizer::hugging_face(&std::fs::read(source).unwrap()).unwrap(),
    }
}

/// Compares every text, and wants at least 20,000 of them.
fn agrees(name: &str) {
    let counts = reference("counts.json");
    let tokenizer = tokenizer(counts[name]["source"].as_str().unwrap());
    let mut counter = tokenizer.counter();
    compare(&counts[name]["counts"], |text| {
        u64::from(counter.count(text))
    });
    assert_eq!(tokenizer.failure(), None);
}

/// The same with the tokens recognized that a file adds, as in a chat that a template writes.
fn agrees_recognizing(name: &str) {
    let counts = reference("counts.json");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokenizer.json");
    std::fs::copy(counts[name]["source"].as_str().unwrap(), &file).unwrap();
    std::fs::write(
        folder.path().join("chat_template.jinja"),
        "{{ messages[0].content }}",
    )
    .unwrap();
    let lookup = Lookup {
        files: Arc::new(FolderModelFiles::new(folder.path())),
        urls: Arc::new(NoUrls),
        hub: Hub::new(None, None),
    };
    let found = lookup.find_with_template(&WantedTokenizer {
        model_id: "org/model".to_owned(),
        tokenizer: file.to_str().map(str::to_owned),
        require_exact: true,
    });
    let TemplateAnswer::Found(template) = found.unwrap().template else {
        panic!("the template is beside the tokenizer");
    };
    compare(&counts[name]["counts_recognizing"], |text| {
        template.count(&[MessageRef::new("user", text)]).unwrap()
    });
}

fn compare(expected: &Value, mut count: impl FnMut(&str) -> u64) {
    let texts = reference("texts.json");
    let (texts, expected) = (texts.as_array().unwrap(), expected.as_array().unwrap());
    assert!(texts.len() > 20_000 && texts.len() == expected.len());
    for (text, expected) in texts.iter().zip(expected) {
        let text = text.as_str().unwrap();
        assert_eq!(count(text), expected.as_u64().unwrap(), "{text:?}");
    }
}

#[test]
fn o200k_base_agrees() {
    agrees("o200k_base");
}

#[test]
fn cl100k_base_agrees() {
    agrees("cl100k_base");
}

#[test]
fn p50k_base_agrees() {
    agrees("p50k_base");
}

#[test]
fn r50k_base_agrees() {
    agrees("r50k_base");
}

#[test]
fn a_byte_level_bpe_agrees() {
    agrees("bpe");
}

#[test]
fn a_unigram_model_agrees() {
    agrees("unigram");
}

#[test]
fn a_word_piece_model_agrees() {
    agrees("wordpiece");
}

#[test]
fn recognized_tokens_of_a_byte_level_bpe_agree() {
    agrees_recognizing("bpe");
}

#[test]
fn recognized_tokens_of_a_unigram_model_agree() {
    agrees_recognizing("unigram");
}

#[test]
fn recognized_tokens_of_a_word_piece_model_agree() {
    agrees_recognizing("wordpiece");
}
