//! Where the commands look for tokenizers.

use std::path::Path;
use std::sync::Arc;

use resonare_jobs::causes;
use resonare_settings::Configuration;
use resonare_tokenizer::{
    FilesError, FolderModelFiles, Hub, HubError, Lookup, LookupError, NoUrls, UrlReader,
};

use crate::error::CommandError;
use crate::storage::s3::{S3, address_of};

/// Holds `<model_id>/tokenizer.json`.
pub(crate) const FOLDER: &str = "./data/tokenizers";

/// Where a model's file is, as it is shown: the statistics call it the same wherever that folder is.
pub(crate) fn shown_place(configuration: &Configuration, place: &str) -> String {
    // What was named is shown as it was.
    let kept = place.strip_prefix("tokenizers/");
    match kept.filter(|_| configuration.tokenizer.is_none()) {
        Some(file) => format!("{}/{file}", FOLDER.trim_start_matches("./")),
        None => place.to_owned(),
    }
}

/// The look-up for a configuration, which keeps what it fetches in `folder`.
///
/// # Errors
/// If the configured tokenizer is an object in S3, and this machine has no AWS configuration.
pub(crate) fn lookup(
    configuration: &Configuration,
    folder: &Path,
    s3: &S3,
) -> anyhow::Result<Lookup> {
    // Without an object in S3, no AWS configuration is needed.
    let urls: Arc<dyn UrlReader> = match &configuration.tokenizer {
        Some(tokenizer) if !matches!(address_of(Path::new(tokenizer)), Ok(None)) => {
            Arc::new(s3.url_reader(tokenizer)?)
        }
        _ => Arc::new(NoUrls),
    };
    Ok(Lookup {
        files: Arc::new(FolderModelFiles::new(folder)),
        urls,
        hub: hub(),
    })
}

/// The hub of `HF_ENDPOINT`, with the token of `HF_TOKEN`.
fn hub() -> Hub {
    let variable = |name| std::env::var(name).ok();
    Hub::new(
        variable("HF_ENDPOINT").as_deref(),
        variable("HF_TOKEN").as_deref(),
    )
}

/// Why there is no tokenizer, and how the command can do without that one.
pub(crate) fn not_found(error: &LookupError) -> CommandError {
    let (message, help) = (causes(error), advice(error));
    if is_wrong_usage(error) {
        CommandError::WrongUsage { message, help }
    } else {
        CommandError::Failed {
            message,
            details: help,
        }
    }
}

/// Whether a look-up failed for what was configured: then no other time or network helps.
pub(crate) fn is_wrong_usage(error: &LookupError) -> bool {
    matches!(
        error,
        LookupError::NoSuchTokenizer { .. }
            | LookupError::ModelId(_)
            | LookupError::Files(FilesError::NotAUrl(_))
    )
}

/// What else the user of the command can do about a failed look-up, a line each.
pub(crate) fn advice(error: &LookupError) -> Vec<String> {
    let advice = match error {
        LookupError::NotExact(_) | LookupError::OutOfReach(_) => {
            "name a tokenizer.json or an OpenAI encoding with --tokenizer, or omit \
             --require-exact-tokenizer"
        }
        LookupError::Hub(HubError::Unusable { .. } | HubError::Unexpected { .. }) => {
            "name a tokenizer.json or an OpenAI encoding with --tokenizer to do without the hub"
        }
        LookupError::NoSuchTokenizer { .. }
        | LookupError::NothingAtUrl(_)
        | LookupError::Unusable { .. }
        | LookupError::Changed { .. }
        | LookupError::UnreadableSource { .. }
        | LookupError::Files(_)
        | LookupError::ModelId(_)
        | LookupError::BrokenOff(_) => return Vec::new(),
    };
    vec![advice.to_owned()]
}
