//! The model hub, as the environment names it.

use resonare_tokenizer::Hub;

/// The hub of `HF_ENDPOINT`, with the token of `HF_TOKEN`.
pub(crate) fn from_environment() -> Hub {
    let variable = |name| std::env::var(name).ok();
    Hub::new(
        variable("HF_ENDPOINT").as_deref(),
        variable("HF_TOKEN").as_deref(),
    )
}
