//! Measuring blocks as a trainer sees them: the port that a model's chat template is behind.

use std::sync::atomic::{AtomicBool, Ordering};

use resonare_consumers::MessageRef;

/// A model's own chat template, whose text the model's tokenizer counts.
pub trait ChatTemplate: Sync {
    /// The tokens of these messages as the template renders them, special tokens included: as many as
    /// `apply_chat_template(tokenize=True)` of `transformers` returns.
    ///
    /// # Errors
    /// If the template refuses the messages or fails on them, or took too long.
    fn count(&self, messages: &[MessageRef<'_>]) -> Result<u64, NotRendered>;
}

/// Why a template gave no text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRendered {
    /// It refuses the messages or fails on them, always; in its own words.
    #[error("{0}")]
    Refused(String),
    /// It took so long that it was given up, which another machine might not have done.
    #[error("the chat template took too long")]
    TimedOut,
}

/// The template of one run, which is not asked any more where the answer would not count.
pub(crate) struct TemplateOfRun<'a> {
    template: &'a dyn ChatTemplate,
    cancelled: &'a AtomicBool,
    timed_out: AtomicBool,
}

impl<'a> TemplateOfRun<'a> {
    pub(crate) fn new(template: &'a dyn ChatTemplate, cancelled: &'a AtomicBool) -> Self {
        Self {
            template,
            cancelled,
            timed_out: AtomicBool::new(false),
        }
    }

    /// Whether it was given up, so that what was measured without it is worthless.
    pub(crate) fn timed_out(&self) -> bool {
        self.timed_out.load(Ordering::Relaxed)
    }
}

impl ChatTemplate for TemplateOfRun<'_> {
    fn count(&self, messages: &[MessageRef<'_>]) -> Result<u64, NotRendered> {
        if self.timed_out() || self.cancelled.load(Ordering::Relaxed) {
            return Err(NotRendered::TimedOut);
        }
        let count = self.template.count(messages);
        if count == Err(NotRendered::TimedOut) {
            self.timed_out.store(true, Ordering::Relaxed);
        }
        count
    }
}
