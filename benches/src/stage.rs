//! Runs the pipeline up to one of its stages, on one thread and without a file being written, so
//! that what each stage adds can be measured from outside.

use std::fs::File;
use std::io::{self, Read as _};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, bail};
use resonare_pipeline::{
    Outputs, Run, Settings, Source, TokenCounter, TokenLimits, Tokenizer, TokenizerInfo,
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
        threads: NonZeroUsize::MIN,
        scratch_dir: &std::env::temp_dir(),
        cancelled: &AtomicBool::new(false),
    };
    let (mut train, mut processed, mut copy) = (io::sink(), io::sink(), io::sink());
    let outputs = Outputs {
        train: &mut train,
        processed: &mut processed,
        raw: if raw { Some(&mut copy) } else { None },
    };
    let name = path.display().to_string();
    match run.execute([Ok(Source { name, reader })], outputs) {
        // That nothing was kept is what some of the stages are for.
        Err(failure) if !failure.error.is_about_the_whole() => Err(failure.into()),
        _ => Ok(()),
    }
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [stage, path] = arguments.as_slice() else {
        bail!(USAGE);
    };
    let path = Path::new(path);
    let encoding = ModelTokenizer::open_ai(OpenAiEncoding::O200kBase);
    let all = Settings::default();
    // No block has so many tokens: all are counted, none is written.
    let none_written = Settings {
        limits: TokenLimits::new(u32::MAX - 1, u32::MAX)?,
        ..Settings::default()
    };
    match stage.to_str().context(USAGE)? {
        "read" => read(path),
        "parse" => run(path, &NoTokens, &none_written, false),
        "count" => run(path, &encoding, &none_written, false),
        "write" => run(path, &encoding, &all, false),
        "raw" => run(path, &encoding, &all, true),
        _ => bail!(USAGE),
    }
}
