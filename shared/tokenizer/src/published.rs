//! A published tokenizer, to test with.

use std::path::Path;

use serde_json::{Value, json};

use crate::compiled::families::{LLAMA_3, QWEN_2};

/// A published byte-level tokenizer (`DeepSeek`), which `cargo xtask test` installs.
pub(crate) fn published() -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/reference");
    let counts = std::fs::read(folder.join("counts.json"))
        .expect("`cargo xtask test` has the references count");
    let counts: Value = serde_json::from_slice(&counts).unwrap();
    let file = std::fs::read(counts["bpe"]["source"].as_str().unwrap()).unwrap();
    serde_json::from_slice(&file).unwrap()
}

/// Its vocabulary as the other families use theirs.
pub(crate) fn families() -> [(&'static str, Vec<u8>); 3] {
    let deep_seek = published();
    let split = |pattern: &str| {
        json!({"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
        ]})
    };
    let mut llama = deep_seek.clone();
    llama["normalizer"] = Value::Null;
    llama["pre_tokenizer"] = split(LLAMA_3);
    llama["model"]["ignore_merges"] = json!(true);
    let mut qwen = deep_seek.clone();
    qwen["normalizer"] = json!({"type": "NFC"});
    qwen["pre_tokenizer"] = split(QWEN_2);
    [("llama", llama), ("qwen", qwen), ("deepseek", deep_seek)]
        .map(|(name, json)| (name, serde_json::to_vec(&json).unwrap()))
}
