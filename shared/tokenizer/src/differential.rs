//! What counting is compared with the reference implementations on: texts, and a small tokenizer.

use serde_json::{Map, Value, json};

use crate::compiled::compile::alphabet;

/// Numbers that look random, the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// What the patterns tell apart, and what they stumble over.
const PARTS: [&str; 72] = [
    "a",
    "B",
    "word",
    "WORD",
    "Word",
    "naïve",
    "é",
    "e\u{301}",
    "ß",
    "ǅ",
    "ª",
    "ʰ",
    "字",
    "漢字",
    "ひ",
    "カ",
    "ー",
    "゛",
    "・",
    "゠",
    "한",
    "한",
    "ث",
    "เ",
    "न\u{93c}",
    "я",
    "Ж",
    "\u{301}",
    "\u{20dd}",
    "1",
    "23",
    "4567",
    "٣",
    "Ⅷ",
    "½",
    "²",
    " ",
    "  ",
    "\t",
    "\u{a0}",
    "\u{3000}",
    "\u{2028}",
    "\u{85}",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "\u{b}",
    "!",
    "?!",
    "'",
    "\"",
    "/",
    "-",
    "_",
    "$",
    "€",
    "😂",
    "👍🏽",
    "\u{200d}",
    "\u{feff}",
    "\u{0}",
    "\u{1b}",
    "\u{e000}",
    "\u{378}",
    "'s",
    "'ſ",
    "'LL",
    "'Ve",
    "'x",
    "<think>",
    "<|EOT|>",
];

/// Added tokens, which [`texts`] has next to none of.
const TOKENS: [&str; 12] = [
    "<|im_end|>",
    "<think>",
    "<left>",
    "<right>",
    "<both>",
    "e\u{301}word",
    "éword",
    "é!",
    "<|begin_of_text|>",
    "<｜User｜>",
    "<｜end▁of▁sentence｜>",
    "<|im_end|><think>",
];

/// Texts of parts: all pairs, then up to twelve by chance. `RESONARE_DIFFERENTIAL_TEXTS` says how many
/// of those.
pub(crate) fn texts() -> impl Iterator<Item = String> {
    let pairs = PARTS
        .iter()
        .flat_map(|a| PARTS.iter().map(move |b| format!("{a}{b}")));
    pairs.chain(random_texts(PARTS.to_vec()))
}

/// Texts by chance that have many added tokens in them.
pub(crate) fn texts_with_tokens() -> impl Iterator<Item = String> {
    let mut parts = PARTS.to_vec();
    for _ in 0..4 {
        parts.extend(TOKENS);
    }
    random_texts(parts)
}

fn random_texts(parts: Vec<&'static str>) -> impl Iterator<Item = String> {
    let count = std::env::var("RESONARE_DIFFERENTIAL_TEXTS");
    let count = count.map_or(15_000, |count| count.parse().unwrap());
    let mut numbers = Numbers(88_172_645_463_325_252);
    (0..count).map(move |_| {
        let length = 1 + numbers.below(12);
        let mut text = String::new();
        for _ in 0..length {
            if numbers.below(8) == 0 {
                let code_point = u32::try_from(numbers.below(0x11_0000)).unwrap();
                text.extend(char::from_u32(code_point));
            } else {
                text.push_str(parts[numbers.below(parts.len())]);
            }
        }
        text
    })
}

/// A `tokenizer.json` of a few merges, whose text is split by these patterns.
pub(crate) fn small_tokenizer(patterns: &[&str], normalizer: Value) -> Value {
    let mut vocab: Vec<String> = alphabet().map(String::from).to_vec();
    let merges = [
        ("h", "e"),
        ("l", "l"),
        ("he", "ll"),
        ("hell", "o"),
        ("Ġ", "w"),
        ("o", "r"),
        ("Ġw", "or"),
        ("W", "O"),
        ("1", "2"),
        ("!", "!"),
        ("Ġ", "Ġ"),
        ("Ã", "©"),
    ];
    vocab.extend(merges.map(|(left, right)| format!("{left}{right}")));
    let vocab: Map<String, Value> = vocab.into_iter().zip((0..).map(Value::from)).collect();
    let split = |pattern: &&str| json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false});
    let mut steps: Vec<Value> = patterns.iter().map(split).collect();
    steps.push(
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}),
    );
    json!({
        "version": "1.0",
        "added_tokens": [
            {"id": 300, "content": "<think>", "special": false, "single_word": false,
             "lstrip": false, "rstrip": false, "normalized": false},
            {"id": 301, "content": "<|EOT|>", "special": true, "single_word": false,
             "lstrip": false, "rstrip": false, "normalized": false},
        ],
        "normalizer": normalizer,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps},
        "post_processor": null,
        "decoder": null,
        "model": {"type": "BPE", "vocab": vocab, "merges": merges.map(|(l, r)| format!("{l} {r}"))},
    })
}
