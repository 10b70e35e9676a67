//! The command line.

mod configuration;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use self::configuration::{RequestArguments, SettingsArguments, layers};

/// Turns Telegram exports into conversation blocks to fine-tune a language model with.
#[derive(Debug, Parser)]
#[command(name = "resonare", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Turn exports into train.jsonl, processed.json and stats.json
    Prepare(Box<PrepareArguments>),
    /// List the chats and senders of exports, so that you can choose a target
    Inspect(InspectArguments),
    /// Run the HTTP API, a worker and a sweeper, with nothing beside them
    Serve(Box<ServeArguments>),
    /// Send an export to a running service, wait, and download the outputs
    Submit(Box<SubmitArguments>),
    /// Print completions for a shell
    Completions(CompletionsArguments),
    /// Print the manual, to be read with `man -l -`
    Man(ManArguments),
}

const PATHS_HELP: &str = "Exports to read: files as Telegram Desktop writes them (result.json, also \
                          gzipped), folders of them, or - for standard input";

#[derive(Debug, Args)]
pub(crate) struct PrepareArguments {
    #[arg(value_name = "PATH", help = PATHS_HELP)]
    pub(crate) paths: Vec<PathBuf>,

    /// Name of the run and of its output folder (default: a new UUID)
    #[arg(long, value_name = "ID")]
    pub(crate) run_id: Option<String>,

    /// Threads that work; the result does not depend on it (default: one per processor)
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,

    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) settings: SettingsArguments,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    #[arg(value_name = "PATH", help = PATHS_HELP)]
    pub(crate) paths: Vec<PathBuf>,

    /// Look at what is complete of an export that ends early
    #[arg(long)]
    pub(crate) salvage: bool,

    /// Read the configuration from this file (default: conf/config.yaml, if it exists)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// Address to listen on; one that others can reach needs --token
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) host: String,

    /// Port to listen on; 0 for any that is free
    #[arg(long, value_name = "PORT", default_value_t = 8010)]
    pub(crate) port: u16,

    /// Jobs, their outputs and fetched tokenizers are kept below this folder
    #[arg(long, value_name = "DIR", default_value = "./data")]
    pub(crate) data_dir: PathBuf,

    /// Read the configuration from this file (default: conf/config.yaml, if it exists)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) token: TokenArguments,

    /// A name by which the service may be called, beside localhost and addresses; repeat it for
    /// several
    #[arg(long, value_name = "NAME")]
    pub(crate) allow_host: Vec<String>,

    /// Jobs that are worked on at once
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) jobs: NonZeroUsize,

    /// Threads of each job (default: one per processor, shared among the jobs at once)
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,

    /// Jobs that may be unfinished at once; more are refused
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) max_active_jobs: usize,

    /// The largest body of /data-prep/process; larger exports are uploaded
    #[arg(long, value_name = "BYTES", default_value_t = 100 << 20)]
    pub(crate) max_body_bytes: u64,

    /// The largest upload
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 40)]
    pub(crate) max_upload_bytes: u64,

    /// A sender that pauses for longer is refused
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    pub(crate) max_pause_secs: u64,

    /// How long a worker's claim on a job holds without being extended
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) lease_secs: u64,

    /// Jobs and their outputs are removed after this many days
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=36_500))]
    pub(crate) retention_days: u64,
}

#[derive(Debug, Args)]
pub(crate) struct TokenArguments {
    /// The secret that requests carry (`Authorization: Bearer …`)
    #[arg(long, value_name = "TOKEN", env = configuration::TOKEN_VARIABLE, hide_env_values = true)]
    pub(crate) token: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SubmitArguments {
    /// The export: a file as Telegram Desktop writes it, also gzipped
    pub(crate) file: PathBuf,

    /// Where the service is
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8010")]
    pub(crate) api: String,

    #[command(flatten)]
    pub(crate) token: TokenArguments,

    /// Sign requests with the AWS credentials of this machine, for this region (default: the region
    /// of --api, where that is an address of API Gateway)
    #[arg(long, value_name = "REGION")]
    pub(crate) aws_region: Option<String>,

    /// Outputs go to `<DIR>/<run id>/`
    #[arg(long, value_name = "DIR", default_value = "./data/processed/")]
    pub(crate) output_dir: PathBuf,

    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,

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
    /// The page of this command (default: that of the program, which lists the commands)
    pub(crate) command: Option<String>,
}
