//! Any text counts as the reference counts it.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use resonare_pipeline::{TokenCounter as _, Tokenizer as _};
use resonare_tokenizer::{ModelTokenizer, OpenAiEncoding};

/// The `tokenizer.json` that the variable of this name points to, compiled and by the reference.
static TOKENIZER_JSON: LazyLock<Option<(ModelTokenizer, ModelTokenizer)>> = LazyLock::new(|| {
    let json = std::fs::read(std::env::var_os("TOKENIZER_JSON")?).expect("a file");
    let compiled = ModelTokenizer::hugging_face(&json).expect("a tokenizer");
    let reference = ModelTokenizer::reference(&json).expect("a tokenizer");
    assert_eq!(compiled.engine(), "compiled", "the file is of a family that is not covered");
    Some((compiled, reference))
});

fuzz_target!(|text: &str| {
    for (encoding, reference) in [
        (OpenAiEncoding::O200kBase, tiktoken_rs::o200k_base_singleton()),
        (OpenAiEncoding::Cl100kBase, tiktoken_rs::cl100k_base_singleton()),
        (OpenAiEncoding::P50kBase, tiktoken_rs::p50k_base_singleton()),
        (OpenAiEncoding::R50kBase, tiktoken_rs::r50k_base_singleton()),
    ] {
        let counted = ModelTokenizer::open_ai(encoding).counter().count(text);
        assert_eq!(counted as usize, reference.count_ordinary(text));
    }
    if let Some((compiled, reference)) = &*TOKENIZER_JSON {
        assert_eq!(compiled.counter().count(text), reference.counter().count(text));
    }
});
