//! Added tokens that a text is split at, as the reference does it: some before it is normalized, some after.

use resonare_chat_template::AddedToken;

use super::steps::Steps;
use crate::added_tokens::{AddedTokens, SpecialTokens};

/// The two kinds of added tokens.
#[derive(Debug)]
pub(crate) struct SplitTokens {
    pub(crate) before: AddedTokens,
    pub(crate) after: AddedTokens,
    /// Whether one begins in a line and goes on in the next.
    pub(crate) span_lines: bool,
}

impl SplitTokens {
    /// These tokens, in texts that go through these steps.
    pub(crate) fn new(tokens: &[AddedToken], steps: Steps, special: SpecialTokens) -> Self {
        let goes_on = |token: &AddedToken| token.text.trim_end_matches('\n').contains('\n');
        let span_lines = tokens.iter().any(goes_on);
        let (mut after, before): (Vec<AddedToken>, Vec<AddedToken>) =
            tokens.iter().cloned().partition(|token| token.normalized);
        for token in &mut after {
            token.text = steps.normalized(&token.text).into_owned();
        }
        let after = AddedTokens::new(&after, special);
        Self {
            before: AddedTokens::new(&before, special),
            after: if steps.spaces.are_normalized() {
                after.with_marked_spaces()
            } else {
                after
            },
            span_lines,
        }
    }
}
