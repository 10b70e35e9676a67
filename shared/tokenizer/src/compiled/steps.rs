//! What happens to a text before it is merged.

use std::borrow::Cow;

use unicode_normalization_alignments::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

use super::families::Family;
use super::spaces::Spaces;

/// The steps before the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Steps {
    /// Whether texts are brought into normal form C first.
    pub(crate) composes: bool,
    pub(crate) spaces: Spaces,
    pub(crate) family: Family,
}

impl Steps {
    /// A text as the normalizer leaves it.
    #[inline]
    pub(crate) fn normalized(self, text: &str) -> Cow<'_, str> {
        if self.composes && !text.is_ascii() && is_nfc_quick(text.chars()) != IsNormalized::Yes {
            return Cow::Owned(text.nfc().map(|(character, _)| character).collect());
        }
        self.spaces.normalized(text)
    }
}
