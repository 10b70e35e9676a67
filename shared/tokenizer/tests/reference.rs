//! Counts are those of the reference implementations, text by text.
//!
//! `cargo xtask test` has Python's `tiktoken` and `tokenizers` count beforehand
//! (`tests/reference/count.py`).

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected has failed"
)]

use std::path::{Path, PathBuf};

use resonare_pipeline::{TokenCounter as _, Tokenizer as _};
use resonare_tokenizer::{ModelTokenizer, OpenAiEncoding};
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
    let (texts, counts) = (reference("texts.json"), reference("counts.json"));
    let texts = texts.as_array().unwrap();
    let expected = counts[name]["counts"].as_array().unwrap();
    assert!(texts.len() > 20_000 && texts.len() == expected.len());
    let tokenizer = tokenizer(counts[name]["source"].as_str().unwrap());
    let mut counter = tokenizer.counter();
    for (text, expected) in texts.iter().zip(expected) {
        let text = text.as_str().unwrap();
        assert_eq!(
            u64::from(counter.count(text)),
            expected.as_u64().unwrap(),
            "{text:?}"
        );
    }
    assert_eq!(tokenizer.failure(), None);
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
