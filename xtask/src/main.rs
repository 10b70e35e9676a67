//! The project's own commands: `cargo xtask test`, `cargo xtask bench`, `cargo xtask make-export`.

mod aws;
mod bench;
mod imports;
mod make_export;
mod process;
mod python;
mod reference;
mod test;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every check: formatting, lints, tests, documentation, imports
    Test,
    /// Measure the whole job against the yardstick
    Bench {
        /// Size of the export, in MB (10^6 bytes)
        #[arg(long, default_value_t = 100.0)]
        mb: f64,
        /// Counted runs of each program
        #[arg(long, default_value_t = 7)]
        runs: usize,
        /// Measure on this export instead of a synthetic one
        #[arg(long)]
        export: Option<PathBuf>,
        /// Write outputs below this folder; choose one in memory
        #[arg(long, default_value = "/dev/shm")]
        output_dir: PathBuf,
        /// Measure with this tokenizer too: a tokenizer.json or an encoding; repeat it for several
        #[arg(long)]
        tokenizer: Vec<String>,
    },
    /// Write a synthetic export to standard output
    MakeExport {
        /// Size to reach, in MB (10^6 bytes)
        #[arg(long, default_value_t = 10.0)]
        mb: f64,
        /// The same seed gives the same bytes
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Test => test::run(),
        Command::Bench {
            mb,
            runs,
            export,
            output_dir,
            tokenizer,
        } => bench::run(mb, runs, export.as_deref(), &output_dir, &tokenizer),
        Command::MakeExport { mb, seed } => {
            let out = std::io::BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
            make_export::write(mb, seed, out)
        }
    }
}
