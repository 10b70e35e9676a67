//! The table of keys.
//!
//! Each key is declared here, once. The options of the command line, what a request and its query may
//! set, upload metadata, the schemas of the API and the frozen configuration of a job come from this
//! table; `conf/config.yaml`, the table in `docs/configuration.md` and the parameters in `template.yaml`
//! are rendered from it by the tests in `tests/documents`.
//!
//! To add a key, add an entry here and a line in [`crate::Configuration`]; then let the tests render
//! those files anew with `UPDATE_DOCUMENTS=1 cargo test -p resonare-settings`.

use resonare_consumers::{Consumer, Loss, SystemAs};
use resonare_pipeline::{
    CHAT_TYPES, Deduplicate, Forwarded, OutputFormat, PersonalData, RepeatedMessages, RoleOrder,
    TokenBudget,
};
use serde_json::Value;

use crate::entry::{Entry, Scope, option};
use crate::kind::Kind;
use crate::modes::{InputMode, OutputMode, RawOutput};

macro_rules! keys {
    ($($key:ident = $entry:expr,)*) => {
        /// A configuration key.
        #[expect(missing_docs, reason = "each entry of the table has its line of help")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Key {
            $($key,)*
        }

        impl Key {
            /// Every key, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$key,)*];

            /// Its entry in the table.
            pub const fn entry(self) -> &'static Entry {
                match self {
                    $(Self::$key => {
                        const ENTRY: Entry = $entry;
                        &ENTRY
                    })*
                }
            }
        }
    };
}

// A job keeps its configuration, and `stats.json` shows it, in this order.
keys! {
    ModelId = Entry {
        name: "model_id",
        kind: Kind::Model,
        default: Some("meta-llama/Llama-3.2-1B"),
        option: Some(option("model-id", "MODEL")),
        help: "Model to fine-tune; it determines the tokenizer",
        ..Entry::OF_REQUEST
    },
    Tokenizer = Entry {
        name: "tokenizer",
        kind: Kind::Name,
        null_means: Some("the model's own"),
        option: Some(option("tokenizer", "PATH|ENCODING")),
        help: "Tokenizer to use instead of the model's: a tokenizer.json (a path or an s3:// URL), or \
               an OpenAI encoding such as o200k_base",
        ..Entry::OF_OPERATOR
    },
    RequireExactTokenizer = Entry {
        name: "require_exact_tokenizer",
        kind: Kind::Flag,
        default: Some("false"),
        option: Some(option("require-exact-tokenizer", "BOOL")),
        help: "Fail rather than count with a fallback tokenizer",
        ..Entry::OF_OPERATOR
    },
    AllowedModels = Entry {
        name: "allowed_models",
        kind: Kind::Models,
        null_means: Some("the configured model_id"),
        is_frozen: false,
        help: "Models that a request may choose",
        ..Entry::OF_OPERATOR
    },
    TargetName = Entry {
        name: "target_name",
        kind: Kind::Text,
        null_means: Some("the owner of the export"),
        option: Some(option("target-name", "NAME")),
        help: "Person whose style is learned: a full name as in the messages, or an id such as \
               user123456789",
        ..Entry::OF_REQUEST
    },
    SystemPrompt = Entry {
        name: "system_prompt",
        scope: Scope::Request,
        kind: Kind::Text,
        option: Some(option("system-prompt", "TEXT")),
        help: "System message at the beginning of every block",
        ..Entry::OF_REQUEST
    },
    DateLimit = Entry {
        name: "date_limit",
        kind: Kind::Date,
        option: Some(option("date-limit", "DATE")),
        help: "Drop messages before this date or date-time, such as 2024-01-31 or \
               2024-01-31T12:00:00+01:00",
        ..Entry::OF_REQUEST
    },
    ChatTypes = Entry {
        name: "chat_types",
        kind: Kind::SomeOf(&CHAT_TYPES),
        default: Some("personal_chat"),
        option: Some(option("chat-type", "TYPE")),
        help: "Chat types to keep",
        ..Entry::OF_REQUEST
    },
    Salvage = Entry {
        name: "salvage",
        kind: Kind::Flag,
        default: Some("false"),
        option: Some(option("salvage", "BOOL")),
        help: "Use the complete part of an export that ends early",
        ..Entry::OF_REQUEST
    },
    ConvoBlockThresholdSecs = Entry {
        name: "convo_block_threshold_secs",
        // As the original's configuration file spells it.
        alias: Some("convo_block_thereshold_secs"),
        kind: Kind::Number { least: 0, most: u32::MAX },
        default: Some("3600"),
        option: Some(option("convo-block-threshold-secs", "SECONDS")),
        help: "Start a new block after a pause of more than this many seconds",
        ..Entry::OF_REQUEST
    },
    MinTokensPerBlock = Entry {
        name: "min_tokens_per_block",
        kind: Kind::Number { least: 0, most: u32::MAX },
        default: Some("300"),
        option: Some(option("min-tokens-per-block", "N")),
        help: "Drop blocks with fewer tokens; must be below max_tokens_per_block",
        ..Entry::OF_REQUEST
    },
    MaxTokensPerBlock = Entry {
        name: "max_tokens_per_block",
        kind: Kind::Number { least: 1, most: u32::MAX },
        default: Some("800"),
        option: Some(option("max-tokens-per-block", "N")),
        help: "Maximum number of tokens in a block",
        ..Entry::OF_REQUEST
    },
    MessageDelimiter = Entry {
        name: "message_delimiter",
        kind: Kind::TextOrEmpty,
        default: Some(">>>"),
        option: Some(option("message-delimiter", "TEXT")),
        help: "Text before every line of a merged message; may be empty",
        ..Entry::OF_REQUEST
    },
    TokenBudget = Entry {
        name: "token_budget",
        kind: Kind::OneOf(TokenBudget::NAMES),
        default: Some("content"),
        option: Some(option("token-budget", "BUDGET")),
        help: "What the limits are measured against: content (the messages' own text), rendered (the \
               text as emitted, with delimiters and system prompt) or template (the block as the \
               model's chat template renders it, special tokens included)",
        ..Entry::OF_PRESET
    },
    RoleOrder = Entry {
        name: "role_order",
        kind: Kind::OneOf(RoleOrder::NAMES),
        default: Some("as_is"),
        option: Some(option("role-order", "ORDER")),
        help: "Order of roles in a block: as_is, or user_first (user first and assistant last, as \
               most chat templates require)",
        ..Entry::OF_PRESET
    },
    Consumer = Entry {
        name: "consumer",
        kind: Kind::OptionalOneOf(&Consumer::NAMES),
        option: Some(option("for", "CONSUMER")),
        help: "Trainer or service that the blocks are for; sets the keys that it demands: trl, \
               unsloth, axolotl, llama-factory, together, bedrock-nova, bedrock-llama or openai",
        ..Entry::OF_REQUEST
    },
    SystemAs = Entry {
        name: "system_as",
        kind: Kind::OneOf(&SystemAs::NAMES),
        default: Some("system"),
        option: Some(option("system-as", "WAY")),
        help: "How the system prompt is written: system (a message of its own), first_user (at the \
               beginning of the first user message) or none (not at all)",
        ..Entry::OF_PRESET
    },
    Loss = Entry {
        name: "loss",
        kind: Kind::OneOf(&Loss::NAMES),
        default: Some("all"),
        option: Some(option("loss", "TURNS")),
        help: "Which turns the trainer is told to learn: all, or assistant (those of the target); \
               needs a consumer",
        ..Entry::OF_PRESET
    },
    ContextTokens = Entry {
        name: "context_tokens",
        kind: Kind::Number { least: 0, most: u32::MAX },
        default: Some("0"),
        option: Some(option("context-tokens", "N")),
        help: "Where the token limit cut a conversation, begin the next block with up to this many \
               tokens of the one before, as context that is not learned",
        ..Entry::OF_REQUEST
    },
    RepeatedMessages = Entry {
        name: "repeated_messages",
        kind: Kind::OneOf(RepeatedMessages::NAMES),
        default: Some("drop"),
        option: Some(option("repeated-messages", "drop|keep")),
        help: "Messages of a chat that an earlier input had already: drop or keep",
        ..Entry::OF_REQUEST
    },
    ExcludeChats = Entry {
        name: "exclude_chats",
        kind: Kind::Texts,
        option: Some(option("exclude-chats", "NAME|ID")),
        help: "Chats to leave out, by their name or id as inspect shows them",
        ..Entry::OF_PRIVATE_LIST
    },
    ExcludeWords = Entry {
        name: "exclude_words",
        kind: Kind::Texts,
        option: Some(option("exclude-words", "WORD")),
        help: "Leave out every message with one of these words or phrases, in whatever case",
        ..Entry::OF_PRIVATE_LIST
    },
    Redact = Entry {
        name: "redact",
        kind: Kind::AnyOf(&PersonalData::NAMES),
        option: Some(option("redact", "KIND")),
        help: "Personal data to replace by words such as [PHONE] in everybody's messages: phone, email, \
               link, card, username, iban, secret (keys and tokens), number (of seven digits or more), \
               name (of the people and chats of the export, and redact_words)",
        ..Entry::OF_REQUEST
    },
    RedactWords = Entry {
        name: "redact_words",
        kind: Kind::Texts,
        option: Some(option("redact-words", "WORD")),
        help: "Further words and phrases to replace as names are",
        ..Entry::OF_PRIVATE_LIST
    },
    MinChatMessages = Entry {
        name: "min_chat_messages",
        kind: Kind::Number { least: 0, most: u32::MAX },
        default: Some("0"),
        option: Some(option("min-chat-messages", "N")),
        help: "Leave out chats with fewer usable messages",
        ..Entry::OF_REQUEST
    },
    SpeakerNames = Entry {
        name: "speaker_names",
        kind: Kind::Flag,
        default: Some("false"),
        option: Some(option("speaker-names", "BOOL")),
        help: "In groups, begin each line of others with the name of who said it",
        ..Entry::OF_REQUEST
    },
    Topics = Entry {
        name: "topics",
        kind: Kind::Flag,
        default: Some("false"),
        option: Some(option("topics", "BOOL")),
        help: "Take each topic of a group as a chat of its own",
        ..Entry::OF_REQUEST
    },
    ReplyContext = Entry {
        name: "reply_context",
        kind: Kind::Flag,
        default: Some("false"),
        option: Some(option("reply-context", "BOOL")),
        help: "Begin a reply with a quotation of the message that it answers",
        ..Entry::OF_REQUEST
    },
    MediaPlaceholders = Entry {
        name: "media_placeholders",
        kind: Kind::Flag,
        default: Some("false"),
        option: Some(option("media-placeholders", "BOOL")),
        help: "Keep messages with photos, voice messages and the like as words such as [photo]",
        ..Entry::OF_REQUEST
    },
    Forwarded = Entry {
        name: "forwarded",
        kind: Kind::OneOf(Forwarded::NAMES),
        default: Some("keep"),
        option: Some(option("forwarded", "keep|drop")),
        help: "Forwarded messages, which somebody else wrote: keep or drop",
        ..Entry::OF_REQUEST
    },
    Deduplicate = Entry {
        name: "deduplicate",
        kind: Kind::OneOf(Deduplicate::NAMES),
        default: Some("none"),
        option: Some(option("deduplicate", "WHICH")),
        help: "Drop blocks that were there before: none, exact (with the same contents) or near (also \
               with nearly the same words)",
        ..Entry::OF_REQUEST
    },
    ValidationFraction = Entry {
        name: "validation_fraction",
        kind: Kind::Fraction,
        default: Some("0"),
        option: Some(option("validation-fraction", "FRACTION")),
        help: "Write this part of the blocks, the newest conversations of each chat, to validation.jsonl \
               instead of train.jsonl",
        ..Entry::OF_REQUEST
    },
    ReportSamples = Entry {
        name: "report_samples",
        kind: Kind::Number { least: 0, most: 1_000 },
        default: Some("10"),
        option: Some(option("report-samples", "N")),
        help: "How many blocks report.html shows; 0 leaves texts out",
        ..Entry::OF_REQUEST
    },
    OutputFormats = Entry {
        name: "output.formats",
        kind: Kind::SomeOf(OutputFormat::NAMES),
        default: Some("messages"),
        option: Some(option("output-format", "FORMAT")),
        help: "Files with the blocks: messages (train.jsonl, which is always written), bedrock \
               (train.bedrock.jsonl), sharegpt (train.sharegpt.json), parquet (train.parquet)",
        ..Entry::OF_PRESET
    },
    OutputRaw = Entry {
        name: "output.raw",
        kind: Kind::OneOf(RawOutput::NAMES),
        default: Some("s3"),
        option: Some(option("output-raw", "WHEN")),
        help: "When to write raw.json: s3 (only with outputs on S3), always, or never",
        set_by: Some("redact"),
        ..Entry::OF_OPERATOR
    },
    OutputReport = Entry {
        name: "output.report",
        kind: Kind::Flag,
        default: Some("true"),
        option: Some(option("output-report", "BOOL")),
        help: "Write report.html, a page about the blocks with charts and samples",
        ..Entry::OF_REQUEST
    },
    OutputModes = Entry {
        name: "output.modes",
        kind: Kind::SomeOf(OutputMode::NAMES),
        default: Some("local"),
        help: "Where outputs go: local, s3, or both",
        ..Entry::OF_MACHINE
    },
    OutputLocalDir = Entry {
        name: "output.local_dir",
        kind: Kind::Path,
        default: Some("./data/processed/"),
        option: Some(option("output-dir", "DIR")),
        help: "Folder for outputs; each run gets a subfolder named after its run id",
        ..Entry::OF_MACHINE
    },
    OutputS3Bucket = Entry {
        name: "output.s3_bucket",
        kind: Kind::Name,
        help: "Bucket for outputs; each run writes to RUN_ID/data/",
        ..Entry::OF_MACHINE
    },
    OutputS3Region = Entry {
        name: "output.s3_region",
        kind: Kind::Name,
        null_means: Some("the machine's"),
        help: "Region of that bucket",
        ..Entry::OF_MACHINE
    },
    InputMode = Entry {
        name: "input.mode",
        kind: Kind::OneOf(InputMode::NAMES),
        default: Some("file"),
        help: "What to read when no path is given: file (input.file) or dir (input.dir)",
        ..Entry::OF_MACHINE
    },
    InputFile = Entry {
        name: "input.file",
        kind: Kind::Path,
        default: Some("./data/raw/result.json"),
        help: "Export to read when no path is given",
        ..Entry::OF_MACHINE
    },
    InputDir = Entry {
        name: "input.dir",
        kind: Kind::Path,
        default: Some("./data/raw/chats/"),
        help: "Folder of exports to read when no path is given",
        ..Entry::OF_MACHINE
    },
    KeepInput = Entry {
        name: "keep_input",
        kind: Kind::Flag,
        default: Some("false"),
        help: "Keep an uploaded export after its job has ended",
        ..Entry::OF_OPERATOR
    },
}

impl Key {
    /// The key of that name or alias.
    pub fn named(name: &str) -> Option<Self> {
        let is_named = |key: &Self| {
            let entry = key.entry();
            entry.name == name || entry.alias == Some(name)
        };
        Self::ALL.iter().copied().find(is_named)
    }

    /// Whether this name is a group that contains keys.
    pub(crate) fn is_group(name: &str) -> bool {
        let mut groups = Self::ALL
            .iter()
            .filter_map(|key| key.name().split_once('.'));
        groups.any(|(group, _)| group == name)
    }

    /// The name in the table.
    pub const fn name(self) -> &'static str {
        self.entry().name
    }

    /// Whether a request may set it, since it concerns the request's own data.
    pub fn is_for_requests(self) -> bool {
        self.entry().scope >= Scope::Request
    }

    /// Whether a query may set it.
    pub fn is_for_queries(self) -> bool {
        self.entry().scope >= Scope::Query
    }

    /// The keys that a request may set.
    pub fn of_requests() -> impl Iterator<Item = Self> {
        Self::ALL
            .iter()
            .copied()
            .filter(|key| key.is_for_requests())
    }

    /// The value where nothing is set.
    pub(crate) fn default_value(self) -> Value {
        let entry = self.entry();
        let default = entry.default.map_or(Value::Null, Value::from);
        let value = entry.kind.check(&default);
        value.expect("a test lets each kind check the defaults of the table")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn entries() -> impl Iterator<Item = &'static Entry> {
        Key::ALL.iter().map(|key| key.entry())
    }

    #[test]
    fn each_name_and_each_option_stands_once_in_the_table() {
        let names: Vec<_> = entries()
            .flat_map(|entry| [Some(entry.name), entry.alias])
            .flatten()
            .collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        let options: Vec<_> = entries().filter_map(|entry| entry.option).collect();
        let distinct: BTreeSet<_> = options.iter().map(|option| option.name).collect();
        assert_eq!(distinct.len(), options.len());
    }

    #[test]
    fn a_key_is_found_by_its_name_and_by_its_alias() {
        for key in Key::ALL {
            assert_eq!(Key::named(key.name()), Some(*key));
        }
        let misspelt = Key::named("convo_block_thereshold_secs");
        assert_eq!(misspelt, Some(Key::ConvoBlockThresholdSecs));
        assert_eq!(Key::named("unheard_of"), None);
    }

    #[test]
    fn each_default_is_allowed_and_each_help_is_one_plain_line() {
        for (key, entry) in Key::ALL.iter().zip(entries()) {
            let _checked = key.default_value();
            assert!(entry.default.is_none() || entry.null_means.is_none());
            // It has to read well in a terminal, a comment, a table and a quoted string.
            assert!(!entry.help.is_empty() && !entry.help.ends_with('.'));
            assert!(
                !entry.help.contains(['"', '\\', '|', '<', '`', '\n', '#']),
                "{}",
                entry.help
            );
        }
    }

    #[test]
    fn the_help_of_a_choice_explains_each_name() {
        for entry in entries() {
            let (Kind::OneOf(names) | Kind::OptionalOneOf(names) | Kind::SomeOf(names)) =
                entry.kind
            else {
                continue;
            };
            // Telegram's types of chats explain themselves.
            if entry.name != "chat_types" {
                for name in names {
                    assert!(entry.help.contains(name), "{}: {name}", entry.name);
                }
            }
        }
    }

    #[test]
    fn a_request_may_set_what_concerns_its_own_data() {
        let names: Vec<_> = Key::of_requests().map(Key::name).collect();
        let expected = [
            "model_id",
            "target_name",
            "system_prompt",
            "date_limit",
            "chat_types",
            "salvage",
            "convo_block_threshold_secs",
            "min_tokens_per_block",
            "max_tokens_per_block",
            "message_delimiter",
            "token_budget",
            "role_order",
            "consumer",
            "system_as",
            "loss",
            "context_tokens",
            "repeated_messages",
            "exclude_chats",
            "exclude_words",
            "redact",
            "redact_words",
            "min_chat_messages",
            "speaker_names",
            "topics",
            "reply_context",
            "media_placeholders",
            "forwarded",
            "deduplicate",
            "validation_fraction",
            "report_samples",
            "output.formats",
            "output.report",
        ];
        assert_eq!(names, expected);
        let not_in_queries: Vec<_> = Key::of_requests()
            .filter(|key| !key.is_for_queries())
            .collect();
        assert_eq!(
            not_in_queries,
            [
                Key::SystemPrompt,
                Key::ExcludeChats,
                Key::ExcludeWords,
                Key::RedactWords
            ]
        );
    }
}
