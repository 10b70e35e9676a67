//! The project's own commands: `cargo xtask test`, `cargo xtask circles`, `cargo xtask bench`,
//! `cargo xtask make-export`, `cargo xtask templates`, `cargo xtask clients`,
//! `cargo xtask browser`, `cargo xtask consumers`, `cargo xtask aws …`.

mod aws;
mod bench;
mod browser;
mod circles;
mod clients;
mod consumers;
mod deny;
mod fuzz;
mod imports;
mod make_export;
mod process;
mod python;
mod reference;
mod templates;
mod test;

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
    /// Check that no two files of a crate import each other
    Circles,
    /// Measure the whole job and its stages against the yardstick
    Bench(bench::Options),
    /// Compare our rendering of real chat templates with that of transformers
    Templates,
    /// Generate clients from the API's description, and use them against a running service
    Clients,
    /// Use the page of `resonare serve` in a browser
    Browser(browser::Options),
    /// Give what we write for each trainer and service to its own code
    Consumers,
    /// Operate a stack on AWS
    Aws {
        #[command(subcommand)]
        task: aws::Task,
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
        Command::Circles => circles::check(),
        Command::Bench(options) => bench::run(&options),
        Command::Templates => templates::compare(),
        Command::Clients => clients::compare(),
        Command::Browser(options) => browser::test(&options),
        Command::Consumers => consumers::compare(),
        Command::Aws { task } => aws::run_task(&task),
        Command::MakeExport { mb, seed } => {
            let out = std::io::BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
            make_export::write(mb, seed, out)
        }
    }
}
