//! What decides on messages as they are read.

use resonare_consumers::SpecialTokens;
use resonare_redaction::{NameFinder, Names};

use crate::funnel::MessageDrop;
use crate::settings::{Forwarded, RepeatedMessages, Settings};

/// What decides on messages as they are read.
pub(crate) struct ReadingRules<'a> {
    pub(crate) settings: &'a Settings,
    /// What texts must not read as.
    pub(crate) special_tokens: &'a SpecialTokens,
    /// Finds the words of messages that are left out.
    pub(super) excluded_words: Option<NameFinder>,
    /// Whether messages are noted beside what is kept of them.
    pub(super) notes: bool,
    /// Whether those that are dropped are, too.
    pub(super) notes_dropped: bool,
    /// Whether messages of several inputs are compared.
    pub(super) compares_inputs: bool,
}

impl<'a> ReadingRules<'a> {
    /// The rules for one input or more.
    pub(crate) fn new(
        settings: &'a Settings,
        special_tokens: &'a SpecialTokens,
        has_several_inputs: bool,
    ) -> Self {
        let words = &settings.exclude_words;
        let can_repeat = has_several_inputs && settings.repeated_messages == RepeatedMessages::Drop;
        Self {
            settings,
            special_tokens,
            excluded_words: (!words.is_empty()).then(|| finder_of(words)),
            notes: can_repeat || settings.topics || settings.reply_context,
            notes_dropped: can_repeat || settings.topics,
            compares_inputs: can_repeat,
        }
    }

    /// Whether a text has none of the words of messages that are left out.
    pub(super) fn allow_words(&self, text: &str) -> Result<(), MessageDrop> {
        match &self.excluded_words {
            Some(words) if words.is_in(text) => Err(MessageDrop::ExcludedWord),
            _ => Ok(()),
        }
    }

    /// Whether fields are needed beyond those that say who wrote what and when.
    pub(super) fn want_other_fields(&self) -> bool {
        let Settings {
            media_placeholders,
            forwarded,
            ..
        } = self.settings;
        self.notes || *media_placeholders || *forwarded == Forwarded::Drop
    }
}

fn finder_of(words: &[String]) -> NameFinder {
    let mut names = Names::default();
    for word in words {
        names.word(word);
    }
    names.finder()
}
