//! The steps of a `tokenizer.json`, recognized by the file's own words.

use serde_json::{Value, json};

use super::families::Family;
use super::spaces::{MetaspacePrefix, Spaces};
use super::steps::Steps;

/// The steps that a normalizer and a pre-tokenizer are; `None` if one of them is not covered.
pub(crate) fn recognize(normalizer: &Value, pre_tokenizer: &Value) -> Option<Steps> {
    let normalizers = sequence(normalizer, "normalizers");
    if let Some(spaces) = marked_spaces(&normalizers, pre_tokenizer) {
        return Some(Steps {
            composes: false,
            spaces,
            family: Family::SentencePiece,
        });
    }
    let composes = match normalizers.as_slice() {
        [] => false,
        [only] if **only == json!({"type": "NFC"}) => true,
        _ => return None,
    };
    Some(Steps {
        composes,
        spaces: Spaces::Plain,
        family: family(pre_tokenizer)?,
    })
}

/// The steps of a sequence, or the only one; none for `null`.
fn sequence<'v>(step: &'v Value, key: &str) -> Vec<&'v Value> {
    match step[key].as_array() {
        Some(steps) if step["type"] == "Sequence" => steps.iter().collect(),
        _ if step.is_null() => Vec::new(),
        _ => vec![step],
    }
}

/// How spaces become marks; `None` if they don't.
fn marked_spaces(normalizers: &[&Value], pre_tokenizer: &Value) -> Option<Spaces> {
    let marks = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
    let prefix = json!({"type": "Prepend", "prepend": "▁"});
    // There are no spaces left that this one would split at.
    let splits_never = json!({
        "type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false,
    });
    let is_whole = pre_tokenizer.is_null() || *pre_tokenizer == splits_never;
    match *normalizers {
        [] => metaspace(pre_tokenizer),
        [only] if is_whole && *only == marks => Some(Spaces::Marked),
        [first, second] if is_whole => {
            let is_known =
                (*first == prefix && *second == marks) || (*first == marks && *second == prefix);
            is_known.then_some(Spaces::MarkedWithPrefix)
        }
        _ => None,
    }
}

fn metaspace(pre_tokenizer: &Value) -> Option<Spaces> {
    if pre_tokenizer["type"] != "Metaspace" || pre_tokenizer["replacement"] != "▁" {
        return None;
    }
    let splits = match &pre_tokenizer["split"] {
        Value::Null => true,
        split => split.as_bool()?,
    };
    let prefix = match &pre_tokenizer["prepend_scheme"] {
        Value::Null => "always",
        prefix => prefix.as_str()?,
    };
    let prefix = match (prefix, &pre_tokenizer["add_prefix_space"]) {
        ("never", _) => MetaspacePrefix::Never,
        (_, Value::Bool(false)) => return None,
        ("first", _) => MetaspacePrefix::First,
        ("always", _) => MetaspacePrefix::Always,
        _ => return None,
    };
    Some(Spaces::Metaspace { prefix, splits })
}

/// The family that a pre-tokenizer is of.
fn family(pre_tokenizer: &Value) -> Option<Family> {
    let steps = sequence(pre_tokenizer, "pretokenizers");
    let (bytes, before) = steps.split_last()?;
    if bytes["type"] != "ByteLevel" || bytes["add_prefix_space"] != false {
        return None;
    }
    let uses_regex = match &bytes["use_regex"] {
        Value::Null => true,
        uses => uses.as_bool()?,
    };
    if uses_regex {
        let digits = json!({"type": "Digits", "individual_digits": true});
        return match *before {
            [] => Some(Family::Gpt2),
            [only] if *only == digits => Some(Family::Gpt2Digits),
            _ => None,
        };
    }
    let patterns: Option<Vec<&str>> = match *before {
        // To remove what is between the pieces is to isolate them, where the pattern leaves nothing in between.
        [only] if only["behavior"] == "Removed" && only["invert"] == true => {
            pattern(only).map(|pattern| vec![pattern])
        }
        ref splits => splits
            .iter()
            .map(|split| {
                let isolates = split["behavior"] == "Isolated" && split["invert"] == false;
                pattern(split).filter(|_| isolates)
            })
            .collect(),
    };
    Family::with_patterns(&patterns?)
}

/// The pattern that a step splits by.
fn pattern(split: &Value) -> Option<&str> {
    let pattern = split["pattern"]["Regex"].as_str()?;
    (split["type"] == "Split").then_some(pattern)
}
