//! Any text counts as the reference counts it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use resonare_pipeline::{TokenCounter as _, Tokenizer as _};
use resonare_tokenizer::{ModelTokenizer, OpenAiEncoding};

fuzz_target!(|text: &str| {
    for (encoding, reference) in [
        (OpenAiEncoding::O200kBase, tiktoken_rs::o200k_base_singleton()),
        (OpenAiEncoding::Cl100kBase, tiktoken_rs::cl100k_base_singleton()),
    ] {
        let counted = ModelTokenizer::open_ai(encoding).counter().count(text);
        assert_eq!(counted as usize, reference.count_ordinary(text));
    }
});
