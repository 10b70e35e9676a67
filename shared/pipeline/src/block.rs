//! A run of messages kept together.

use std::ops::Range;

use crate::split::Split;

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
    /// The part of it that the model's chat template rendered last, where that was asked.
    pub(crate) rendered: Option<RenderedPart>,
    /// The number of its conversation in the chat: a run of messages without a gap over the threshold.
    pub(crate) conversation: usize,
    pub(crate) split: Split,
}

/// A part of a block, or all of it, as the model's chat template renders it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RenderedPart {
    pub(crate) context: Range<usize>,
    pub(crate) messages: Range<usize>,
    pub(crate) tokens: u64,
}

impl Block {
    /// A block that begins with one message after some context.
    pub(crate) fn beginning(context: Range<usize>, first: usize) -> Self {
        Self {
            context,
            messages: first..first + 1,
            tokens: 0,
            rendered: None,
            conversation: 0,
            split: Split::default(),
        }
    }

    /// Its tokens as the chat template renders it, if that is known.
    pub(crate) fn template_tokens(&self) -> Option<u64> {
        let rendered = self.rendered.as_ref()?;
        let is_all = (&rendered.context, &rendered.messages) == (&self.context, &self.messages);
        is_all.then_some(rendered.tokens)
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
