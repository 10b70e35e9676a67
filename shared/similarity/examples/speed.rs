//! How fast texts are signed and found, and how many are similar: each line of a file is a text.
//!
//! `cargo run --release --package resonare-similarity --example speed -- train.jsonl`

use std::error::Error;
use std::io::{Write as _, stdout};
use std::time::Instant;

use resonare_similarity::{Signer, SimilarTexts};

const PASSES: usize = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: speed FILE")?;
    let file = std::fs::read_to_string(path)?;
    let texts: Vec<&str> = file.lines().collect();
    let mut signer = Signer::default();
    let mut signatures = Vec::new();
    let mut fastest = f64::INFINITY;
    for _ in 0..PASSES {
        let start = Instant::now();
        signatures = texts
            .iter()
            .filter_map(|&text| signer.sign([text]))
            .collect();
        fastest = fastest.min(start.elapsed().as_secs_f64());
    }
    let megabytes = file.len() as f64 / 1e6;
    let mut out = stdout().lock();
    writeln!(
        out,
        "signed {} texts of {:.0} bytes on average: {:.0} MB/s",
        texts.len(),
        file.len() as f64 / texts.len() as f64,
        megabytes / fastest,
    )?;
    let start = Instant::now();
    let mut index = SimilarTexts::default();
    let mut similar = 0;
    for signature in signatures {
        if index.similar(&signature, 0.8).next().is_some() {
            similar += 1;
        } else {
            index.insert(signature);
        }
    }
    let nanoseconds = start.elapsed().as_secs_f64() * 1e9 / texts.len() as f64;
    writeln!(
        out,
        "{similar} of them are similar to an earlier one, found in {nanoseconds:.0} ns each",
    )?;
    Ok(())
}
