//! Checks a file and prints the report: `check FILE CONSUMER`.

use std::fs::File;
use std::io::{BufReader, Write};
use std::time::Instant;

use resonare_consumers::{Checker, Consumer};

type AnyError = Box<dyn std::error::Error>;

fn main() -> Result<(), AnyError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, consumer] = arguments.as_slice() else {
        return Err("usage: check FILE CONSUMER".into());
    };
    let begun = Instant::now();
    let mut checker = Checker::new(consumer.parse::<Consumer>()?);
    checker.read(BufReader::with_capacity(256 << 10, File::open(file)?))?;
    let report = checker.finish();
    let seconds = begun.elapsed().as_secs_f64();
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &report)?;
    writeln!(out)?;
    writeln!(std::io::stderr(), "{seconds:.3} s")?;
    Ok(())
}
