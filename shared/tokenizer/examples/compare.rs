//! Compares what tables count with what the reference implementation counts, and the time that both take.
//!
//! Takes a `tokenizer.json`, how many texts to make up of random characters, and a file with a JSON list of texts.

use std::error::Error;
use std::io::{self, Write as _};
use std::time::Instant;

use resonare_pipeline::{TokenCounter, Tokenizer as _};
use resonare_tokenizer::ModelTokenizer;

/// Characters of all classes that patterns tell apart, and of those that normal forms change.
const CHARACTERS: &str = "aaeeiotnshrEATSRé ßſ字漢ひカ한яАдж٣1290½\u{301}\u{93c}न\u{200d}😂👍\n\n\r\t      \u{a0}\u{3000}''.,,!?-/_▁<>|\0\u{378}";

/// Numbers that look random, the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from((self.0 >> 33) % u64::from(bound)).unwrap_or_default()
    }
}

/// Every character by itself, and between others.
fn characters() -> impl Iterator<Item = String> {
    ('\0'..=char::MAX).map(|character| format!("{character}a{character}B {character}{character}1"))
}

/// All pairs of characters that patterns tell apart.
fn pairs() -> impl Iterator<Item = String> {
    let pairs = |one| {
        CHARACTERS
            .chars()
            .map(move |other| format!("{one}{other}x{other}{one}"))
    };
    CHARACTERS.chars().flat_map(pairs)
}

/// Words of a few letters, digits, white space, whatever there is.
fn random_texts(count: u32) -> impl Iterator<Item = String> {
    let known: Vec<char> = CHARACTERS.chars().collect();
    let size = u32::try_from(known.len()).unwrap_or(1);
    let mut numbers = Numbers(88_172_645_463_325_252);
    (0..count).map(move |_| {
        let mut text = String::new();
        for _ in 0..=numbers.below(24) {
            match numbers.below(20) {
                0 => text.extend(char::from_u32(numbers.below(0x11_0000))),
                1 => text.extend(char::from_u32(numbers.below(0x3000))),
                _ => text.push(known[numbers.below(size) as usize]),
            }
        }
        text
    })
}

fn compare(
    what: &str,
    compiled: &mut impl TokenCounter,
    reference: &mut impl TokenCounter,
    texts: impl Iterator<Item = String>,
) -> Result<(), Box<dyn Error>> {
    let mut compared = 0;
    for text in texts {
        let (count, expected) = (compiled.count(&text), reference.count(&text));
        if count != expected {
            return Err(format!("{text:?} has {expected} tokens, not {count}").into());
        }
        compared += 1;
    }
    writeln!(io::stdout(), "{compared} {what} agree")?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: compare TOKENIZER_JSON RANDOM_TEXTS [TEXTS_JSON]";
    let json = std::fs::read(arguments.next().ok_or(usage)?)?;
    let count: u32 = arguments.next().ok_or(usage)?.parse()?;
    let start = Instant::now();
    let compiled = ModelTokenizer::hugging_face(&json)?;
    let (engine, time) = (compiled.engine(), start.elapsed());
    writeln!(io::stdout(), "{engine} after {time:.3?}")?;
    let reference = ModelTokenizer::reference(&json)?;
    let (mut compiled, mut reference) = (compiled.counter(), reference.counter());
    if let Some(texts) = arguments.next() {
        let texts: Vec<String> = serde_json::from_slice(&std::fs::read(texts)?)?;
        let bytes: usize = texts.iter().map(String::len).sum();
        for _ in 0..3 {
            let start = Instant::now();
            let tokens: u64 = texts
                .iter()
                .map(|text| u64::from(compiled.count(text)))
                .sum();
            let time = start.elapsed();
            writeln!(io::stdout(), "{tokens} tokens, {bytes} bytes, {time:.3?}")?;
        }
        compare("texts", &mut compiled, &mut reference, texts.into_iter())?;
    }
    if count > 0 {
        compare("characters", &mut compiled, &mut reference, characters())?;
        compare("pairs", &mut compiled, &mut reference, pairs())?;
        compare(
            "random texts",
            &mut compiled,
            &mut reference,
            random_texts(count),
        )?;
    }
    Ok(())
}
