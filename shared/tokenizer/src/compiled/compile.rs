//! From a `tokenizer.json` to tables.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::families::Family;
use super::tables::{Parts, Tables, write};
use crate::bytepair::hash;
use crate::bytepair::pair_merger::PairMerger;
use crate::bytepair::pair_table::{Merge, has_room};

/// What tells whether a file is covered; its large parts are passed over.
#[derive(Deserialize)]
struct Outline {
    normalizer: Value,
    pre_tokenizer: Value,
    model: Model,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    model: Vocabulary,
}

#[derive(Deserialize)]
struct AddedToken {
    content: String,
    special: bool,
}

#[derive(Deserialize)]
struct Model {
    #[serde(rename = "type")]
    kind: String,
    dropout: Option<f32>,
    unk_token: Option<String>,
    #[serde(default)]
    continuing_subword_prefix: Option<String>,
    #[serde(default)]
    end_of_word_suffix: Option<String>,
    #[serde(default)]
    fuse_unk: bool,
    #[serde(default)]
    byte_fallback: bool,
    #[serde(default)]
    ignore_merges: bool,
}

#[derive(Deserialize)]
struct Vocabulary {
    vocab: HashMap<String, u32>,
    merges: Vec<Pair>,
}

/// A pair as files of different ages write it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Pair {
    Joined(String),
    Apart([String; 2]),
}

impl Pair {
    fn parts(&self) -> Option<(&str, &str)> {
        match self {
            Self::Joined(both) => both.split_once(' '),
            Self::Apart([left, right]) => Some((left, right)),
        }
    }
}

/// The patterns that a pre-tokenizer splits by, one after the other, before it turns to bytes; `None`
/// if it does anything else.
fn patterns(pre_tokenizer: &Value) -> Option<Vec<&str>> {
    let steps = pre_tokenizer["pretokenizers"].as_array()?;
    let (bytes, splits) = steps.split_last()?;
    let is_byte_level = bytes["type"] == "ByteLevel"
        && bytes["add_prefix_space"] == false
        && bytes["use_regex"] == false;
    if pre_tokenizer["type"] != "Sequence" || !is_byte_level {
        return None;
    }
    let isolates = |split: &Value| {
        split["type"] == "Split" && split["behavior"] == "Isolated" && split["invert"] == false
    };
    if !splits.iter().all(isolates) {
        return None;
    }
    let patterns = splits
        .iter()
        .map(|split| split["pattern"]["Regex"].as_str());
    patterns.collect()
}

/// Whether a normalizer brings into normal form C; `None` if it does anything else.
fn normalizes(normalizer: &Value) -> Option<bool> {
    match normalizer {
        Value::Null => Some(false),
        other if *other == json!({"type": "NFC"}) => Some(true),
        other if *other == json!({"type": "Sequence", "normalizers": []}) => Some(false),
        _ => None,
    }
}

/// The character that stands for each byte in the vocabulary.
/// <https://github.com/openai/gpt-2/blob/master/src/encoder.py>
pub(crate) fn alphabet() -> [char; 256] {
    let mut others = 0x100_u32..;
    std::array::from_fn(|byte| {
        let byte = u8::try_from(byte).expect("of 256");
        match byte {
            b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff => char::from(byte),
            _ => others.next().and_then(char::from_u32).expect("a character"),
        }
    })
}

/// Compiles a tokenizer; `None` if it is of a kind that is not covered.
pub(crate) fn compile(json: &[u8], fingerprint: &str) -> Option<Vec<u8>> {
    let Outline {
        normalizer,
        pre_tokenizer,
        model,
    } = serde_json::from_slice(json).ok()?;
    let is_empty = |text: &Option<String>| text.as_deref().unwrap_or_default().is_empty();
    let plain = model.kind == "BPE"
        && model.dropout.is_none()
        && model.unk_token.is_none()
        && is_empty(&model.continuing_subword_prefix)
        && is_empty(&model.end_of_word_suffix)
        && !model.fuse_unk
        && !model.byte_fallback;
    if !plain {
        return None;
    }
    let family = Family::with_patterns(&patterns(&pre_tokenizer)?)?;
    let normalizes = normalizes(&normalizer)?;
    let File {
        added_tokens,
        model: Vocabulary {
            vocab,
            merges: pairs,
        },
    } = serde_json::from_slice(json).ok()?;
    let largest = vocab.values().copied().max()?;
    if !has_room(largest, pairs.len()) {
        return None;
    }
    let alphabet = alphabet();
    let mut bytes = [0; 256];
    for (token, character) in bytes.iter_mut().zip(alphabet) {
        *token = *vocab.get(character.encode_utf8(&mut [0; 4]) as &str)?;
    }
    // Of a pair that is listed twice, the later counts.
    let mut merges = HashMap::new();
    for (rank, pair) in pairs.iter().enumerate() {
        let (left, right) = pair.parts()?;
        let token = |text: &str| vocab.get(text).copied();
        let joined = token(&format!("{left}{right}"))?;
        let (left, right) = (token(left)?, token(right)?);
        let rank = u32::try_from(rank).ok()?;
        let merge = Merge {
            left,
            right,
            rank,
            joined,
        };
        merges.insert((left, right), merge);
    }
    let mut parts = Parts {
        family,
        normalizes,
        bytes,
        merges: merges.into_values().collect(),
        added: added_tokens
            .into_iter()
            .filter(|token| !token.special && !token.content.is_empty())
            .map(|token| token.content)
            .collect(),
        words: Vec::new(),
    };
    // The same vocabulary gives the same bytes.
    parts.merges.sort_unstable_by_key(|merge| merge.rank);
    let byte_of: HashMap<char, u8> = alphabet.into_iter().zip(0..=255).collect();
    let words = vocab.keys().filter_map(|token| {
        let bytes: Option<Vec<u8>> = token.chars().map(|c| byte_of.get(&c).copied()).collect();
        bytes.filter(|bytes| !bytes.is_empty())
    });
    let mut words: Vec<Vec<u8>> = words.collect();
    words.sort_unstable();
    if !model.ignore_merges {
        // Only those that merging arrives at.
        let tables = Tables::load(write(&parts, fingerprint), fingerprint)?;
        let mut merger = PairMerger::default();
        words.retain(|word| merger.count(tables.pairs(), word) == 1);
    }
    if words.len() >> hash::RANK_BITS > 0 {
        return None;
    }
    parts.words = words;
    Some(write(&parts, fingerprint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compiled::families::LLAMA_3;
    use crate::differential::small_tokenizer;

    #[test]
    fn bytes_that_can_be_seen_stand_for_themselves() {
        let alphabet = alphabet();
        for (byte, character) in [
            (b'!', '!'),
            (b'~', '~'),
            (0xa1, '¡'),
            (0xac, '¬'),
            (0xae, '®'),
            (0xff, 'ÿ'),
            (0, 'Ā'),
            (b' ', 'Ġ'),
            (0x7f, 'ġ'),
            (0xa0, 'ł'),
            (0xad, 'Ń'),
        ] {
            assert_eq!(alphabet[usize::from(byte)], character, "{byte:#x}");
        }
    }

    fn compiled(change: impl FnOnce(&mut Value)) -> Option<Vec<u8>> {
        let mut json = small_tokenizer(&[LLAMA_3], Value::Null);
        change(&mut json);
        compile(&serde_json::to_vec(&json).unwrap(), &"0".repeat(64))
    }

    #[test]
    fn each_option_that_is_not_covered_is_left_to_the_reference() {
        assert!(compiled(|_| {}).is_some());
        for (option, value) in [
            ("type", json!("WordPiece")),
            ("dropout", json!(0.1)),
            ("unk_token", json!("a")),
            ("continuing_subword_prefix", json!("##")),
            ("end_of_word_suffix", json!("</w>")),
            ("fuse_unk", json!(true)),
            ("byte_fallback", json!(true)),
        ] {
            assert!(
                compiled(|json| json["model"][option] = value).is_none(),
                "{option}"
            );
        }
        for (option, value) in [
            ("continuing_subword_prefix", json!("")),
            ("end_of_word_suffix", json!("")),
            ("ignore_merges", json!(true)),
        ] {
            assert!(
                compiled(|json| json["model"][option] = value).is_some(),
                "{option}"
            );
        }
    }

    #[test]
    fn each_step_before_the_model_has_to_be_as_it_is_known() {
        for (step, option, value) in [
            (0, "type", json!("Digits")),
            (0, "behavior", json!("Removed")),
            (0, "invert", json!(true)),
            (0, "pattern", json!({"String": LLAMA_3})),
            (0, "pattern", json!({"Regex": "a"})),
            (1, "type", json!("Metaspace")),
            (1, "add_prefix_space", json!(true)),
            (1, "use_regex", json!(true)),
        ] {
            let changed =
                compiled(|json| json["pre_tokenizer"]["pretokenizers"][step][option] = value);
            assert!(changed.is_none(), "{step} {option}");
        }
        assert!(compiled(|json| json["pre_tokenizer"]["type"] = json!("Other")).is_none());
        for (normalizer, is_covered) in [
            (json!({"type": "NFC"}), true),
            (json!({"type": "Sequence", "normalizers": []}), true),
            (json!({"type": "NFKC"}), false),
            (
                json!({"type": "Sequence", "normalizers": [{"type": "NFC"}]}),
                false,
            ),
        ] {
            let changed = compiled(|json| json["normalizer"] = normalizer.clone());
            assert_eq!(changed.is_some(), is_covered, "{normalizer}");
        }
    }

    #[test]
    fn pairs_are_read_as_files_of_either_age_write_them() {
        let joined = compiled(|_| {});
        let apart = compiled(|json| {
            for pair in json["model"]["merges"].as_array_mut().unwrap() {
                let parts: Vec<_> = pair.as_str().unwrap().split(' ').collect();
                *pair = json!(parts);
            }
        });
        assert!(joined == apart && joined.is_some());
        let broken = compiled(|json| json["model"]["merges"][0] = json!("hello"));
        assert!(broken.is_none());
    }
}
