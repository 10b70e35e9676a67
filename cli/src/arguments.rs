//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use resonare_settings::Layers;

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
    #[arg(long, value_name = "TOKEN", env = TOKEN_VARIABLE, hide_env_values = true)]
    pub(crate) token: Option<String>,
}

/// A variable that is no configuration key.
const TOKEN_VARIABLE: &str = "RESONARE_TOKEN";

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

/// What a request may set; values stay text until the configuration checks them, so that an error
/// is the same wherever a value comes from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct RequestArguments {
    /// Whose style is learnt: a full name as in the messages, or an id such as user123456789
    /// (default: the owner of the export)
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    target_name: Option<String>,

    /// Put before every block
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    system_prompt: Option<String>,

    /// Drop messages before this date or date-time
    #[arg(long, value_name = "DATE")]
    date_limit: Option<String>,

    /// The model to be fine-tuned; it chooses the tokenizer
    #[arg(long, value_name = "MODEL")]
    model_id: Option<String>,

    /// A longer gap between two messages begins a new block (default: 3600)
    #[arg(long, value_name = "SECONDS", alias = "convo-block-thereshold-secs")]
    convo_block_threshold_secs: Option<String>,

    /// Drop blocks with fewer tokens (default: 300)
    #[arg(long, value_name = "N")]
    min_tokens_per_block: Option<String>,

    /// The most tokens of a block (default: 800)
    #[arg(long, value_name = "N")]
    max_tokens_per_block: Option<String>,

    /// Put before every line of a merged message; may be empty (default: >>>)
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    message_delimiter: Option<String>,

    /// What the limits are measured against: content or rendered (default: content)
    #[arg(long, value_name = "BUDGET")]
    token_budget: Option<String>,

    /// Order of roles in a block: `as_is` or `user_first` (default: `as_is`)
    #[arg(long, value_name = "ORDER")]
    role_order: Option<String>,

    /// Keep chats of this type; repeat it for several (default: `personal_chat`)
    #[arg(long, value_name = "TYPE")]
    chat_type: Vec<String>,

    /// Use what is complete of an export that ends early
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    salvage: Option<String>,
}

impl RequestArguments {
    /// The keys that were given, and their values.
    pub(crate) fn values(&self) -> Vec<(String, String)> {
        let chat_types = (!self.chat_type.is_empty()).then(|| self.chat_type.join(","));
        given([
            ("target_name", &self.target_name),
            ("system_prompt", &self.system_prompt),
            ("date_limit", &self.date_limit),
            ("model_id", &self.model_id),
            (
                "convo_block_threshold_secs",
                &self.convo_block_threshold_secs,
            ),
            ("min_tokens_per_block", &self.min_tokens_per_block),
            ("max_tokens_per_block", &self.max_tokens_per_block),
            ("message_delimiter", &self.message_delimiter),
            ("token_budget", &self.token_budget),
            ("role_order", &self.role_order),
            ("chat_types", &chat_types),
            ("salvage", &self.salvage),
        ])
    }
}

fn given<const N: usize>(values: [(&str, &Option<String>); N]) -> Vec<(String, String)> {
    values
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)))
        .collect()
}

/// All configuration keys.
#[derive(Debug, Args)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct SettingsArguments {
    /// Read the configuration from this file (default: conf/config.yaml, if it exists)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    request: RequestArguments,

    /// A tokenizer.json, or an OpenAI encoding such as `o200k_base`, instead of the model's
    #[arg(long, value_name = "PATH|ENCODING")]
    tokenizer: Option<String>,

    /// Fail rather than count with a fallback tokenizer
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    require_exact_tokenizer: Option<String>,

    /// When to write raw.json: s3 (only with outputs on S3), always or never (default: s3)
    #[arg(long, value_name = "WHEN")]
    output_raw: Option<String>,

    /// Outputs go to `<DIR>/<run id>/` (default: ./data/processed/)
    #[arg(long, value_name = "DIR")]
    output_dir: Option<String>,
}

impl SettingsArguments {
    /// The layers of the configuration, with the command line as the last.
    pub(crate) fn layers(&self) -> Layers {
        let mut overrides = self.request.values();
        overrides.extend(given([
            ("tokenizer", &self.tokenizer),
            ("require_exact_tokenizer", &self.require_exact_tokenizer),
            ("output.raw", &self.output_raw),
            ("output.local_dir", &self.output_dir),
        ]));
        layers(self.config.clone(), overrides)
    }
}

/// The layers of this process, with these values of the command line.
pub(crate) fn layers(file: Option<PathBuf>, overrides: Vec<(String, String)>) -> Layers {
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name != TOKEN_VARIABLE)
        .collect();
    Layers {
        file,
        environment,
        overrides,
        overrides_origin: "the command line",
    }
}
