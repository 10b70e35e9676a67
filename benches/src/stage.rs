//! Runs the pipeline up to one of its stages, on one thread and without a file being written, so
//! that what each stage adds can be measured from outside.

use std::fs::File;
use std::io::{self, Read as _};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, bail};
use resonare_pipeline::{
    Failure, Outputs, Run, Settings, Source, SpecialTokens, TokenCounter, TokenLimits, Tokenizer,
    TokenizerInfo,
};
use resonare_tokenizer::{ModelTokenizer, OpenAiEncoding};

const USAGE: &str = "usage: stage read|parse|count|write|raw EXPORT";

/// Counts nothing, in no time.
struct NoTokens;

impl Tokenizer for NoTokens {
    type Counter<'t> = NoTokens;

    fn counter(&self) -> NoTokens {
        NoTokens
    }
}

impl TokenCounter for NoTokens {
    fn count(&mut self, _text: &str) -> u32 {
        0
    }
}

/// The bytes alone, in the pieces that the pipeline asks for.
fn read(path: &Path) -> anyhow::Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 512 << 10];
    while file.read(&mut buffer)? > 0 {}
    Ok(())
}

fn run<T: Tokenizer>(
    path: &Path,
    tokenizer: &T,
    settings: &Settings,
    raw: bool,
) -> anyhow::Result<()> {
    let reader = Box::new(File::open(path)?);
    let run = Run {
        settings,
        tokenizer,
        tokenizer_info: TokenizerInfo {
            kind: String::new(),
            source: String::new(),
            fingerprint: String::new(),
            fallback_reason: None,
            engine: String::new(),
        },
        chat_template: None,
        special_tokens: &SpecialTokens::default(),
        threads: NonZeroUsize::MIN,
        scratch_dir: &std::env::temp_dir(),
        cancelled: &AtomicBool::new(false),
    };
    let (mut train, mut processed, mut copy) = (io::sink(), io::sink(), io::sink());
    let outputs = Outputs {
        train: &mut train,
        processed: &mut processed,
        raw: if raw { Some(&mut copy) } else { None },
        validation: None,
        formats: Vec::new(),
    };
    let name = path.display().to_string();
    run.execute([Ok(Source { name, reader })], outputs)?;
    Ok(())
}

/// A run in which no block can be kept, and that says so in the end.
fn run_in_vain<T: Tokenizer>(path: &Path, tokenizer: &T) -> anyhow::Result<()> {
    let settings = Settings {
        limits: TokenLimits::new(u32::MAX - 1, u32::MAX)?,
        ..Settings::default()
    };
    match run(path, tokenizer, &settings, false) {
        Err(error)
            if error
                .downcast_ref::<Failure>()
                .is_some_and(|failure| failure.error.is_about_the_whole()) =>
        {
            Ok(())
        }
        result => result,
    }
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [stage, path] = arguments.as_slice() else {
        bail!(USAGE);
    };
    let path = Path::new(path);
    let encoding = ModelTokenizer::open_ai(OpenAiEncoding::O200kBase);
    let settings = Settings::default();
    match stage.to_str().context(USAGE)? {
        "read" => read(path),
        "parse" => run_in_vain(path, &NoTokens),
        "count" => run_in_vain(path, &encoding),
        "write" => run(path, &encoding, &settings, false),
        "raw" => run(path, &encoding, &settings, true),
        _ => bail!(USAGE),
    }
}
