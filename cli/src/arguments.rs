//! The command line.

mod configuration;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args, Parser, Subcommand};
use clap_complete::Shell;
use resonare_consumers::Consumer;

use crate::color::Color;
use crate::log::LogFormat;
use crate::report::Detail;
use crate::terminal;

pub(crate) use self::configuration::{
    RequestArguments, SettingsArguments, THE_COMMAND_LINE, layers,
};

/// Turns Telegram exports into conversation blocks for fine-tuning a language model.
#[derive(Debug, Parser)]
#[command(name = "resonare", version, max_term_width = 100)]
pub(crate) struct Arguments {
    /// When to use colors; `NO_COLOR` in the environment and terminals without colors count for auto
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value = "auto",
        global = true
    )]
    pub(crate) color: Color,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Turn exports into train.jsonl, processed.json, stats.json and report.html
    Prepare(Box<PrepareArguments>),
    /// List the chats and senders of exports, so that you can choose a target
    Inspect(InspectArguments),
    /// Check whether a trainer or a service takes files of conversations
    #[command(long_about = CHECK_HELP)]
    Check(CheckArguments),
    /// Run the HTTP API, workers and a sweeper in one process
    Serve(Box<ServeArguments>),
    /// Send an export to a running service, wait, and download the outputs
    Submit(Box<SubmitArguments>),
    /// Print completions for a shell
    Completions(CompletionsArguments),
    /// Print the manual (pipe it to `man -l -`)
    Man(ManArguments),
}

const PATHS_HELP: &str = "Exports to read: files written by Telegram Desktop (result.json, possibly \
                          gzipped), folders of them, or - for standard input";

#[derive(Debug, Args)]
pub(crate) struct PrepareArguments {
    #[arg(value_name = "PATH", help = PATHS_HELP)]
    pub(crate) paths: Vec<PathBuf>,

    /// Name of the run and of its output folder (default: a new UUID)
    #[arg(long, value_name = "ID")]
    pub(crate) run_id: Option<String>,

    /// Number of threads; it does not affect the result (default: one per processor)
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) threads: Option<NonZeroUsize>,

    /// Open report.html in the browser when the run has ended
    #[arg(long)]
    pub(crate) open: bool,

    #[command(flatten)]
    pub(crate) output: OutputArguments,

    #[command(flatten)]
    pub(crate) settings: SettingsArguments,
}

/// What is printed of a run.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option that is given or not"
)]
pub(crate) struct OutputArguments {
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Print only where the outputs are; warnings and errors go to standard error
    #[arg(long, short, conflicts_with_all = ["json", "verbose", "example"])]
    quiet: bool,

    /// Print everything that is known of the result
    #[arg(long, short)]
    verbose: bool,

    /// Show a block of the result even if standard output is not a terminal
    #[arg(long)]
    example: bool,
}

impl OutputArguments {
    /// How much is told.
    pub(crate) fn detail(&self) -> Detail {
        match (self.quiet, self.verbose) {
            (true, _) => Detail::Quiet,
            (false, true) => Detail::Everything,
            (false, false) => Detail::Summary,
        }
    }

    /// Whether a block is shown: where nobody watches, output may be kept, and chats don't belong there.
    pub(crate) fn shows_example(&self) -> bool {
        self.example || terminal::is_watched() && !self.quiet && !self.json
    }
}

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    #[arg(value_name = "PATH", help = PATHS_HELP)]
    pub(crate) paths: Vec<PathBuf>,

    /// Inspect the complete part of an export that ends early
    #[arg(long)]
    pub(crate) salvage: bool,

    /// Read the configuration from this file (default: conf/config.yaml, if it exists)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// List every chat and every sender, and the pauses in each chat
    #[arg(long)]
    pub(crate) all: bool,

    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const CHECK_HELP: &str = "\
Reads JSON Lines, a JSON array or Parquet, written by `resonare prepare` or by anything else, and holds \
each row against the rules of the consumer that --for names: its form, who speaks and in which order, \
the words it reserves, how many rows it takes and how large a file. Each rule that is broken is counted \
and said with the first places (the line of the row, the message from 0) and what to do about it.

Lengths are in characters. With --model-id or --tokenizer they are in tokens: for trainers that use the \
model's chat template, as it renders each row, else of the contents alone. Then the rows over a limit \
are counted, and those whose last answer begins after it.

The exit status is 0 if the consumer takes every row (there may be warnings), 1 if it refuses any, 2 for \
wrong usage.";

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("tokens").multiple(true))]
pub(crate) struct CheckArguments {
    /// Files to check, possibly gzipped; the folder of a run; or - for standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Who is to read the files
    #[arg(long = "for", value_name = "CONSUMER", value_parser = consumer(), ignore_case = true)]
    pub(crate) consumer: Consumer,

    /// Measure rows in the tokens of this model
    #[arg(long, value_name = "MODEL", group = "tokens")]
    pub(crate) model_id: Option<String>,

    /// Measure rows with this tokenizer: a tokenizer.json (a path or an s3:// URL), or the name of an
    /// OpenAI encoding
    #[arg(long, value_name = "PATH|ENCODING", group = "tokens")]
    pub(crate) tokenizer: Option<String>,

    /// Count the rows with more tokens than this (default: what the consumer reads if its
    /// configuration doesn't say)
    #[arg(long, value_name = "N", requires = "tokens")]
    pub(crate) limit: Option<u64>,

    /// The files are for validation, where some consumers take fewer rows
    #[arg(long)]
    pub(crate) validation: bool,

    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Reads how many of something there are to be.
fn at_least_one(text: &str) -> Result<NonZeroUsize, String> {
    text.parse()
        .map_err(|_| "expected a whole number from 1".to_owned())
}

/// Reads the name of a consumer; completions know all of them.
fn consumer() -> impl TypedValueParser<Value = Consumer> {
    PossibleValuesParser::new(Consumer::NAMES).try_map(|name| name.parse::<Consumer>())
}

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// Address to listen on; one that others can reach needs --token
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) host: String,

    /// Port to listen on; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value_t = 8010)]
    pub(crate) port: u16,

    /// Open the service's page in the browser
    #[arg(long)]
    pub(crate) open: bool,

    /// Folder for jobs, their outputs and downloaded tokenizers
    #[arg(long, value_name = "DIR", default_value = "./data")]
    pub(crate) data_dir: PathBuf,

    /// Read the configuration from this file (default: conf/config.yaml, if it exists)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) token: TokenArguments,

    /// Host name that requests may use, besides localhost and IP addresses; can be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) allow_host: Vec<String>,

    /// How to write the log
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "auto")]
    pub(crate) log_format: LogFormat,

    /// Number of jobs to run at the same time
    #[arg(long, value_name = "N", default_value = "1", value_parser = at_least_one)]
    pub(crate) jobs: NonZeroUsize,

    /// Threads per job (default: one per processor, divided among concurrent jobs)
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) threads: Option<NonZeroUsize>,

    /// Maximum number of unfinished jobs; further submissions are refused
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) max_active_jobs: usize,

    /// Maximum size of a request body for /data-prep/process; larger exports are uploaded
    #[arg(long, value_name = "BYTES", default_value_t = 100 << 20)]
    pub(crate) max_body_bytes: u64,

    /// Maximum size of an upload
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 40)]
    pub(crate) max_upload_bytes: u64,

    /// How much of the disk is to stay free; exports that would take more are refused, and the service reports
    /// that it is degraded
    #[arg(long, value_name = "BYTES", default_value_t = 512 << 20)]
    pub(crate) min_free_bytes: u64,

    /// Longest pause allowed while a client is sending data
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    pub(crate) max_pause_secs: u64,

    /// How long a worker's claim on a job lasts if it is not extended
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) lease_secs: u64,

    /// Jobs and their outputs are removed after this many days
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=36_500))]
    pub(crate) retention_days: u64,
}

#[derive(Debug, Args)]
pub(crate) struct TokenArguments {
    /// Secret sent with each request (`Authorization: Bearer …`)
    #[arg(long, value_name = "TOKEN", env = configuration::TOKEN_VARIABLE, hide_env_values = true)]
    pub(crate) token: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SubmitArguments {
    /// Exports to send: files written by Telegram Desktop (result.json, possibly gzipped), folders of them, or -
    /// for standard input. Several become one job
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,

    /// URL of the service
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8010")]
    pub(crate) api: String,

    #[command(flatten)]
    pub(crate) token: TokenArguments,

    /// Sign requests with the AWS credentials of this machine, for this region (default: the region
    /// of --api, if that is an API Gateway URL)
    #[arg(long, value_name = "REGION")]
    pub(crate) aws_region: Option<String>,

    /// Folder for outputs, which go to `<DIR>/<run id>/`
    #[arg(long, value_name = "DIR", default_value = "./data/processed/")]
    pub(crate) output_dir: PathBuf,

    #[command(flatten)]
    pub(crate) output: OutputArguments,

    #[command(flatten)]
    pub(crate) request: RequestArguments,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// The shell
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// Command whose page to print (default: the main page, which lists the commands)
    pub(crate) command: Option<String>,
}
