//! A published tokenizer, to test with.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::compiled::compile::alphabet;
use crate::compiled::families::{LLAMA_3, O200K, QWEN_2, TEKKEN};

/// A published byte-level tokenizer (`DeepSeek`), which `cargo xtask test` installs.
pub(crate) fn published() -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/reference");
    let counts = std::fs::read(folder.join("counts.json"))
        .expect("`cargo xtask test` has the references count");
    let counts: Value = serde_json::from_slice(&counts).unwrap();
    let file = std::fs::read(counts["bpe"]["source"].as_str().unwrap()).unwrap();
    serde_json::from_slice(&file).unwrap()
}

/// Splits at matches of a pattern.
pub(crate) fn split(pattern: &str) -> Value {
    json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false})
}

/// Turns text to bytes.
pub(crate) fn byte_level(use_regex: bool) -> Value {
    json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": use_regex})
}

/// One step after the other.
pub(crate) fn sequence(steps: &[Value]) -> Value {
    json!({"type": "Sequence", "pretokenizers": steps})
}

/// An added token that takes nothing from its sides.
fn added_token(id: u32, text: &str, normalized: bool, special: bool) -> Value {
    json!({"id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": normalized, "special": special})
}

/// Its vocabulary as the other families that read texts as bytes use theirs.
pub(crate) fn families() -> Vec<(&'static str, Vec<u8>)> {
    let deep_seek = published();
    let family = |normalizer: Value, pre_tokenizer: Value, ignore_merges: bool| {
        let mut family = deep_seek.clone();
        family["normalizer"] = normalizer;
        family["pre_tokenizer"] = pre_tokenizer;
        family["model"]["ignore_merges"] = json!(ignore_merges);
        family
    };
    let by = |pattern| sequence(&[split(pattern), byte_level(false)]);
    let mut removed = split(LLAMA_3);
    removed["behavior"] = json!("Removed");
    removed["invert"] = json!(true);
    let removed = sequence(&[removed, byte_level(false)]);
    let digits = json!({"type": "Digits", "individual_digits": true});
    let digits = sequence(&[digits, byte_level(true)]);
    let nfc = json!({"type": "NFC"});
    let mut with_line_feed = deep_seek.clone();
    with_line_feed["added_tokens"]
        .as_array_mut()
        .unwrap()
        .push(added_token(500_000, "\n", false, false));
    let families = vec![
        ("llama 3", family(Value::Null, by(LLAMA_3), true)),
        ("qwen", family(nfc.clone(), by(QWEN_2), false)),
        ("phi-4", family(Value::Null, removed, false)),
        ("gpt-oss", family(Value::Null, by(O200K), true)),
        ("tekken", family(Value::Null, by(TEKKEN), true)),
        ("gpt-2", family(Value::Null, byte_level(true), false)),
        ("cohere", family(nfc, digits, false)),
        ("deepseek", deep_seek),
        ("deepseek with line feeds", with_line_feed),
    ];
    let families = families.into_iter();
    families
        .map(|(name, json)| (name, serde_json::to_vec(&json).unwrap()))
        .collect()
}

/// Its vocabulary as tokenizers of SentencePiece's kind use theirs, one for each way to mark spaces.
pub(crate) fn sentence_pieces() -> Vec<(String, Vec<u8>)> {
    let model = sentence_piece_model(&published()["model"]);
    let marks = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
    let prefix = json!({"type": "Prepend", "prepend": "▁"});
    let prefixed = json!({"type": "Sequence", "normalizers": [prefix, marks]});
    let split = json!({"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false});
    let mut ways = vec![
        ("gemma".to_owned(), marks, split),
        ("llama 2".to_owned(), prefixed, Value::Null),
    ];
    for scheme in ["never", "first", "always"] {
        for splits in [false, true] {
            let metaspace = json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": splits});
            ways.push((format!("{scheme} {splits}"), Value::Null, metaspace));
        }
    }
    let added = [
        added_token(500_000, "<s>", true, true),
        added_token(500_001, "<|EOT|>", false, true),
        added_token(500_002, "\n\n", false, false),
        added_token(500_003, "  ", false, false),
        added_token(500_004, "<think>", true, false),
    ];
    let ways = ways.into_iter().map(|(name, normalizer, pre_tokenizer)| {
        let mut added = added.to_vec();
        if name == "gemma" {
            added.push(added_token(500_005, "\n", false, false));
        }
        let json = json!({
            "version": "1.0", "added_tokens": added, "normalizer": normalizer, "pre_tokenizer": pre_tokenizer,
            "post_processor": null, "decoder": null, "model": model,
        });
        (name, serde_json::to_vec(&json).unwrap())
    });
    ways.collect()
}

/// A byte-level model's tokens that are text, with marks for spaces, and a token for each byte.
fn sentence_piece_model(model: &Value) -> Value {
    let byte_of: HashMap<char, u8> = alphabet().into_iter().zip(0..=255).collect();
    let text = |token: &str| {
        let bytes = token
            .chars()
            .map(|character| byte_of.get(&character).copied());
        let text = String::from_utf8(bytes.collect::<Option<_>>()?).ok()?;
        Some(text.replace(' ', "▁"))
    };
    let tokens = model["vocab"].as_object().unwrap().keys();
    let bytes = (0..=255).map(|byte| format!("<0x{byte:02X}>"));
    let tokens = bytes.chain(tokens.filter_map(|token| text(token)));
    let vocab: Map<String, Value> = tokens.zip((0..).map(Value::from)).collect();
    let merges = model["merges"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|merge| {
            let (left, right) = merge.as_str().unwrap().split_once(' ').unwrap();
            Some(json!([text(left)?, text(right)?]))
        });
    json!({
        "type": "BPE", "dropout": null, "unk_token": "<0x00>", "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
        "vocab": vocab, "merges": merges.collect::<Vec<_>>(),
    })
}
