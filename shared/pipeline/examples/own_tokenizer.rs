//! The pipeline as a library, with a tokenizer of your own. Prints `train.jsonl`:
//! `cargo run -p resonare-pipeline --example own_tokenizer -- sample/result.json`

use std::error::Error;
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;
use std::{env, fs, io};

use resonare_pipeline::{
    Outputs, Run, Settings, Source, SpecialTokens, TokenCounter, TokenLimits, Tokenizer,
    TokenizerInfo,
};

/// Counts words.
struct Words;

impl Tokenizer for Words {
    type Counter<'t> = Words;

    fn counter(&self) -> Words {
        Words
    }
}

impl TokenCounter for Words {
    fn count(&mut self, text: &str) -> u32 {
        u32::try_from(text.split_whitespace().count()).unwrap_or(u32::MAX)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("usage: own_tokenizer EXPORT")?;
    let reader = Box::new(fs::File::open(&path)?);
    let settings = Settings {
        limits: TokenLimits::new(10, 800)?,
        ..Settings::default()
    };
    let run = Run {
        settings: &settings,
        tokenizer: &Words,
        tokenizer_info: TokenizerInfo::default(),
        chat_template: None,
        special_tokens: &SpecialTokens::default(),
        threads: NonZeroUsize::MIN,
        scratch_dir: &env::temp_dir(),
        cancelled: &AtomicBool::new(false),
    };
    let outputs = Outputs {
        train: &mut io::stdout(),
        processed: &mut io::sink(),
        raw: None,
        validation: None,
        formats: Vec::new(),
    };
    run.execute([Ok(Source { name: path, reader })], outputs)?;
    Ok(())
}
