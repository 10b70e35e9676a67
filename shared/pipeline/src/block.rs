//! A run of messages kept together.

use std::ops::Range;

/// A run of messages kept together, by their indices in the chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Messages of the block before that it begins with, as context that is not learned. Where they are
    /// followed by others that are left out, they end before the block's own messages.
    pub(crate) context: Range<usize>,
    /// Its own messages.
    pub(crate) messages: Range<usize>,
    /// Its tokens with the context, as the token budget counts them.
    pub(crate) tokens: u64,
    /// Its tokens as the model's chat template renders it, where that is asked.
    pub(crate) template_tokens: Option<u64>,
}

impl Block {
    /// A block that begins with one message after some context.
    pub(crate) fn beginning(context: Range<usize>, first: usize) -> Self {
        Self {
            context,
            messages: first..first + 1,
            tokens: 0,
            template_tokens: None,
        }
    }

    /// The same block without its context.
    pub(crate) fn without_context(&self) -> Self {
        let start = self.messages.start;
        Self {
            context: start..start,
            ..self.clone()
        }
    }
}
