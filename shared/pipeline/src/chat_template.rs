//! Measuring blocks as a trainer sees them: the port that a model's chat template is behind.

use resonare_consumers::MessageRef;

/// A model's own chat template, whose text the model's tokenizer counts.
pub trait ChatTemplate: Sync {
    /// The tokens of these messages as the template renders them, special tokens included: as many as
    /// `apply_chat_template(tokenize=True)` of `transformers` returns.
    ///
    /// # Errors
    /// The template's own words, if it refuses the messages or fails on them.
    fn count(&self, messages: &[MessageRef<'_>]) -> Result<u64, String>;
}
