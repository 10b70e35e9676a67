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
    /// Whether each line feed is cut off from what is before and after it: it is such a token, or belongs to one of
    /// line feeds alone.
    pub(crate) cuts_line_feeds: bool,
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
        let with_line_feed = || tokens.iter().filter(|token| token.text.contains('\n'));
        let is_cut_off = |token: &AddedToken| {
            let takes_more = token.lstrip || token.rstrip || token.single_word;
            let is_text = token.special && special == SpecialTokens::AreText;
            !token.normalized && !takes_more && !is_text
        };
        let cuts_line_feeds = with_line_feed().any(|token| token.text == "\n")
            && with_line_feed()
                .all(|token| is_cut_off(token) && token.text.bytes().all(|byte| byte == b'\n'));
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
            cuts_line_feeds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compiled::families::Family;
    use crate::compiled::spaces::Spaces;

    fn token(text: &str) -> AddedToken {
        AddedToken {
            text: text.to_owned(),
            ..AddedToken::default()
        }
    }

    fn line_feeds_are_cut(tokens: &[AddedToken]) -> bool {
        let steps = Steps {
            family: Family::SentencePiece,
            composes: false,
            spaces: Spaces::Marked,
        };
        SplitTokens::new(tokens, steps, SpecialTokens::AreText).cuts_line_feeds
    }

    #[test]
    fn line_feeds_are_cut_off_by_a_token_that_nothing_else_has_a_part_in() {
        assert!(line_feeds_are_cut(&["\n", "\n\n", "<a>"].map(token)));
        assert!(!line_feeds_are_cut(&["\n\n", "<a>"].map(token)));
        assert!(!line_feeds_are_cut(&["\n", "<a>\n"].map(token)));
        let change: [fn(&mut AddedToken); 5] = [
            |token| token.normalized = true,
            |token| token.special = true,
            |token| token.single_word = true,
            |token| token.lstrip = true,
            |token| token.rstrip = true,
        ];
        for change in change {
            let mut changed = token("\n");
            change(&mut changed);
            assert!(!line_feeds_are_cut(&[changed]));
        }
    }
}
