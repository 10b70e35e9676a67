//! From a `tokenizer.json` to tables.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroUsize;
use std::thread;

use serde_json::json;

use super::description::{Description, Model, Pair};
use super::families::Family;
use super::recognition::recognize;
use super::spaces::{MARK, Spaces, unmarked};
use super::tables::{Parts, write};
use super::token_index::TokenIndex;
use crate::bytepair::characters::{self, CharacterTokens};
use crate::bytepair::pair_merger::PairMerger;
use crate::bytepair::pair_table::{CompiledPairs, Merge, has_room};
use crate::bytepair::{hash, joins};

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
    let description: Description<'_> = serde_json::from_slice(json).ok()?;
    let Description {
        added_tokens,
        normalizer,
        pre_tokenizer,
        model,
    } = &description;
    let steps = recognize(normalizer, pre_tokenizer)?;
    let largest = model.vocab.0.iter().map(|(_, id)| *id).max()?;
    if !is_covered(model, steps.family)
        || !has_room(largest, model.merges.len())
        || !are_distinct(&model.vocab.0, largest)
    {
        return None;
    }
    let index = TokenIndex::new(&model.vocab.0);
    let alphabet = match steps.family {
        Family::SentencePiece => Alphabet::of_characters(model, &index)?,
        _ => Alphabet::of_bytes(&index)?,
    };
    let mut merges = merges(&model.merges, &index)?;
    let texts = model
        .vocab
        .0
        .iter()
        .filter_map(|(token, _)| alphabet.text(token));
    let mut words: Vec<Vec<u8>> = texts.filter(|text| !text.is_empty()).collect();
    let ways = alphabet.ways(&words, &CompiledPairs::new(&merges))?;
    keep_reached(&mut merges, &ways);
    let pairs = CompiledPairs::new(&merges);
    if !model.ignore_merges {
        let mut ways = ways.into_iter();
        words.retain(|_| !matches!(ways.next(), Some(Way::None)));
    }
    if words.len() >> hash::RANK_BITS > 0 {
        return None;
    }
    let (characters, joins) = match alphabet.kind {
        Kind::Bytes(_) => (Vec::new(), Vec::new()),
        Kind::Characters(tokens) => (tokens, joins(&model.merges, steps.spaces)),
    };
    let added = added_tokens.iter().map(|token| {
        json!({
            "content": token.text, "single_word": token.single_word, "lstrip": token.lstrip,
            "rstrip": token.rstrip, "normalized": token.normalized, "special": token.special,
        })
    });
    let parts = Parts {
        steps,
        bytes: alphabet.bytes,
        pairs,
        added: json!({"added_tokens": added.collect::<Vec<_>>()}).to_string(),
        characters,
        joins,
        words,
    };
    Some(write(&parts, fingerprint))
}

/// Whether no two tokens have the same number, of which `largest` is the largest.
fn are_distinct(tokens: &[(Cow<'_, str>, u32)], largest: u32) -> bool {
    let mut taken = vec![false; largest as usize + 1];
    let mut is_new = |id: u32| !std::mem::replace(&mut taken[id as usize], true);
    tokens.iter().all(|(_, id)| is_new(*id))
}

/// Whether a model merges as the tables do.
fn is_covered(model: &Model<'_>, family: Family) -> bool {
    let is_empty = |text: &Option<String>| text.as_deref().unwrap_or_default().is_empty();
    // What is done about unknown characters does not matter: there are none, where each byte is a token.
    model.kind == "BPE"
        && model.dropout.is_none()
        && is_empty(&model.continuing_subword_prefix)
        && is_empty(&model.end_of_word_suffix)
        && match family {
            // Without merges, a whole text could be one token.
            Family::SentencePiece => model.byte_fallback && !model.ignore_merges,
            _ => true,
        }
}

/// The merges of a file, in the order of their ranks.
fn merges(pairs: &[Pair<'_>], index: &TokenIndex<'_, '_>) -> Option<Vec<Merge>> {
    let mut both = Vec::new();
    let merge = |(rank, pair): (u32, &Pair<'_>)| {
        let (left, right) = (pair.left.as_bytes(), pair.right.as_bytes());
        both.clear();
        both.extend_from_slice(left);
        both.extend_from_slice(right);
        Some(Merge {
            left: index.id(left)?,
            right: index.id(right)?,
            rank,
            joined: index.id(&both)?,
        })
    };
    (0..).zip(pairs).map(merge).collect()
}

/// The smallest tokens.
struct Alphabet {
    /// The token of each byte.
    bytes: [u32; 256],
    kind: Kind,
}

enum Kind {
    /// Texts are read as bytes; for each character of the vocabulary, the byte that it stands for.
    Bytes(Vec<Option<u8>>),
    /// They are read as characters, of which this table has the tokens; only others become bytes.
    Characters(Vec<u8>),
}

impl Alphabet {
    /// The bytes, each by the character that stands for it; `None` if one is no token.
    fn of_bytes(index: &TokenIndex<'_, '_>) -> Option<Self> {
        let mut bytes = [0; 256];
        let mut byte_of = Vec::new();
        for (byte, character) in (0..=255).zip(alphabet()) {
            bytes[usize::from(byte)] = index.id(character.encode_utf8(&mut [0; 4]).as_bytes())?;
            byte_of.resize(byte_of.len().max(character as usize + 1), None);
            byte_of[character as usize] = Some(byte);
        }
        Some(Self {
            bytes,
            kind: Kind::Bytes(byte_of),
        })
    }

    /// Characters, and the bytes that others are made of; `None` if one of those is no token, or is joined with
    /// others.
    fn of_characters(model: &Model<'_>, index: &TokenIndex<'_, '_>) -> Option<Self> {
        let mut tokens = BTreeMap::new();
        for (token, _) in &model.vocab.0 {
            let mut text = token.chars();
            // A space is never met: it has become a mark.
            if let (Some(character), None) = (text.next(), text.next())
                && character != ' '
            {
                let character = if character == MARK { ' ' } else { character };
                tokens.insert(character, index.id(token.as_bytes())?);
            }
        }
        // Without a mark of its own, a space is the mark's bytes.
        if !tokens.contains_key(&' ') {
            return None;
        }
        let mut bytes = [0; 256];
        for (token, byte) in bytes.iter_mut().zip(0..=255_u8) {
            let is_needed = match byte {
                0..=0x7f => !tokens.contains_key(&char::from(byte)),
                // No text has these.
                0xc0 | 0xc1 | 0xf5..=0xff => false,
                _ => true,
            };
            match index.id(format!("<0x{byte:02X}>").as_bytes()) {
                Some(id) => *token = id,
                None if is_needed => return None,
                None => {}
            }
        }
        let is_byte =
            |text: &str| text.len() == 6 && text.starts_with("<0x") && text.ends_with('>');
        let are_joined = |pair: &Pair<'_>| is_byte(&pair.left) || is_byte(&pair.right);
        if model.merges.iter().any(are_joined) {
            return None;
        }
        Some(Self {
            bytes,
            kind: Kind::Characters(characters::compile(&tokens)),
        })
    }

    /// The text that a token of the vocabulary is made of; `None` if no text is.
    fn text(&self, token: &str) -> Option<Vec<u8>> {
        match &self.kind {
            Kind::Bytes(byte_of) => token
                .chars()
                .map(|character| byte_of.get(character as usize).copied().flatten())
                .collect(),
            Kind::Characters(_) => {
                let is_text = !token.contains(' ');
                is_text.then(|| unmarked(token).into_owned().into_bytes())
            }
        }
    }

    /// How merging makes one token of each of these texts.
    fn ways(&self, texts: &[Vec<u8>], pairs: &CompiledPairs) -> Option<Vec<Way>> {
        let pairs = pairs.view(&self.bytes);
        let characters = match &self.kind {
            Kind::Bytes(_) => None,
            Kind::Characters(table) => Some(CharacterTokens::new(table)?),
        };
        let way = |merger: &mut PairMerger, text: &[u8]| {
            let tokens = match (characters, std::str::from_utf8(text)) {
                (Some(characters), Ok(text)) => {
                    merger.count(pairs, characters.tokens(text, &self.bytes))
                }
                _ => merger.count(pairs, text.iter().map(|byte| pairs.byte_token(*byte))),
            };
            match (tokens, merger.last()) {
                (1, Some(rank)) => Way::Merge(rank),
                (1, None) => Way::ByItself,
                _ => Way::None,
            }
        };
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let share = texts.len().div_ceil(threads).max(1);
        let ways = thread::scope(|scope| {
            let shares = texts.chunks(share).map(|texts| {
                scope.spawn(move || {
                    let mut merger = PairMerger::default();
                    let ways = texts.iter().map(|text| way(&mut merger, text));
                    ways.collect::<Vec<_>>()
                })
            });
            let shares: Vec<_> = shares.collect();
            let shares = shares.into_iter().map(thread::ScopedJoinHandle::join);
            shares.collect::<Result<Vec<_>, _>>()
        });
        Some(ways.ok()?.concat())
    }
}

/// How merging makes a token of its text.
#[derive(Clone, Copy)]
enum Way {
    /// It does not.
    None,
    /// The token is among the smallest.
    ByItself,
    /// The merge of this rank comes last.
    Merge(u32),
}

/// Drops the merges that no text comes to, and ranks the others anew.
///
/// Files list all the pairs that a token can be cut into, but a text takes only one: two tokens are next to each
/// other only if no merge has reached across the ends of the two, so what came to be in between is what comes to be
/// when the text of both is merged by itself.
fn keep_reached(merges: &mut Vec<Merge>, ways: &[Way]) {
    let mut reached = vec![false; merges.len()];
    for way in ways {
        if let Way::Merge(rank) = way {
            reached[*rank as usize] = true;
        }
    }
    merges.retain(|merge| reached[merge.rank as usize]);
    for (rank, merge) in (0..).zip(merges) {
        merge.rank = rank;
    }
}

/// Where merges reach across, in texts with spaces for marks: see [`mod@crate::bytepair::joins`].
fn joins(merges: &[Pair<'_>], spaces: Spaces) -> Vec<u8> {
    let mut joins = HashSet::new();
    for pair in merges {
        if let (Some(left), Some(right)) =
            (pair.left.chars().next_back(), pair.right.chars().next())
        {
            let space_for_mark = |character| if character == MARK { ' ' } else { character };
            joins.insert((space_for_mark(left), space_for_mark(right)));
        }
    }
    if spaces.split() {
        joins.retain(|(_, right)| *right != ' ');
    }
    let mut joins: Vec<_> = joins.into_iter().collect();
    joins.sort_unstable();
    joins::compile(&joins)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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
            ("continuing_subword_prefix", json!("##")),
            ("end_of_word_suffix", json!("</w>")),
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
            ("unk_token", json!("a")),
            ("fuse_unk", json!(true)),
            ("byte_fallback", json!(true)),
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
                true,
            ),
            (
                json!({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "NFC"}]}),
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
