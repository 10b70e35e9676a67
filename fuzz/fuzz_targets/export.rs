//! Any bytes as an export: no panic, a balanced funnel, a raw copy that is JSON and means the same, and no difference
//! where messages are read ahead.
#![no_main]

use std::io::{Cursor, Write};
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

use libfuzzer_sys::fuzz_target;
use resonare_pipeline::{
    Outputs, Run, Settings, Source, SpecialTokens, Statistics, Target, TokenCounter, TokenLimits, Tokenizer,
    TokenizerInfo,
};

#[derive(Clone, Copy)]
struct Words;

impl Tokenizer for Words {
    type Counter<'t> = Self;

    fn counter(&self) -> Self {
        *self
    }
}

impl TokenCounter for Words {
    fn count(&mut self, text: &str) -> u32 {
        u32::try_from(text.split_whitespace().count()).unwrap_or(u32::MAX)
    }
}

/// So many read ahead.
const THREADS: NonZeroUsize = NonZeroUsize::new(3).unwrap();

/// The blocks and the raw copy of a run that succeeds.
fn run(bytes: &[u8], settings: &Settings, threads: NonZeroUsize) -> Result<(Vec<u8>, Vec<u8>, Statistics), String> {
    let (mut train, mut processed, mut raw) = (Vec::new(), Vec::new(), Vec::new());
    let run = Run {
        settings,
        tokenizer: &Words,
        tokenizer_info: TokenizerInfo {
            kind: String::new(),
            source: String::new(),
            fingerprint: String::new(),
            fallback_reason: None,
            engine: String::new(),
        },
        chat_template: None,
        special_tokens: &SpecialTokens::default(),
        threads,
        scratch_dir: &std::env::temp_dir(),
        cancelled: &AtomicBool::new(false),
    };
    let outputs = Outputs {
        train: &mut train as &mut (dyn Write + Send),
        processed: &mut processed,
        raw: Some(&mut raw),
        validation: None,
        formats: Vec::new(),
    };
    let source = Source { name: "x".to_owned(), reader: Box::new(Cursor::new(bytes.to_vec())) };
    let statistics = run.execute([Ok(source)], outputs).map_err(|failure| failure.to_string())?;
    serde_json::from_slice::<serde_json::Value>(&processed).expect("processed.json is JSON");
    Ok((train, raw, statistics))
}

fuzz_target!(|input: (bool, bool, &[u8])| {
    let (salvage, inferred, bytes) = input;
    let settings = Settings {
        target: (!inferred).then(|| Target::parse("Me")),
        salvage,
        limits: TokenLimits::new(1, 1000).expect("in order"),
        ..Settings::default()
    };
    let one = run(bytes, &settings, NonZeroUsize::MIN);
    let (train, raw, statistics) = match (one, run(bytes, &settings, THREADS)) {
        (Ok(one), Ok(several)) => {
            assert!(one.0 == several.0 && one.1 == several.1);
            assert_eq!(one.2.funnel, several.2.funnel);
            one
        }
        (Err(one), Err(several)) => return assert_eq!(one, several),
        (one, several) => panic!("{:?} {:?}", one.err(), several.err()),
    };
    assert!(statistics.funnel.balances());
    serde_json::from_slice::<serde_json::Value>(&raw).expect("raw.json is JSON");
    if !inferred {
        let (again, copied, _) = run(&raw, &settings, NonZeroUsize::MIN).expect("the copy is an export");
        assert!(train == again && raw == copied);
    }
});
