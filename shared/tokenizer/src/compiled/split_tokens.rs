//! Added tokens that a text is split at, as the reference does it: some before it is normalized, some after.

use resonare_chat_template::AddedToken;

use super::steps::Steps;
use crate::added_tokens::{AddedTokens, SpecialTokens};

/// The two kinds of added tokens.
#[derive(Debug)]
pub(crate) struct SplitTokens {
    pub(crate) before: AddedTokens,
    pub(crate) after: AddedTokens,
    /// Whether one may matter to a text by itself and not in a message, or the other way round: it goes on from one
    /// line to the next, or is passed over where a line or its text ends, and hides another.
    pub(crate) cross_edges: bool,
}

impl SplitTokens {
    /// These tokens, in texts that go through these steps.
    pub(crate) fn new(tokens: &[AddedToken], steps: Steps, special: SpecialTokens) -> Self {
        let cross_edges = |token: &AddedToken| {
            let text = steps.normalized(&token.text);
            let goes_on = text.trim_end_matches('\n').contains('\n');
            goes_on || (token.single_word || token.special) && text.contains([' ', '\n'])
        };
        let cross_edges = tokens.iter().any(cross_edges);
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
            cross_edges,
        }
    }
}
