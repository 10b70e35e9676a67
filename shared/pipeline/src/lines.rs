//! The messages of a chat as the lines that they become.

use std::ops::Range;

use crate::block::Block;
use crate::chunk::Record;
use crate::roles::Role;

/// The messages of a chat as lines of merged messages.
#[derive(Clone, Copy)]
pub(crate) struct Lines<'a> {
    pub(crate) records: &'a [Record],
    pub(crate) arena: &'a str,
    /// For each sender of the chat, whether it is the target.
    pub(crate) targets: &'a [bool],
    /// The delimiter, stripped.
    pub(crate) delimiter: &'a str,
}

impl<'a> Lines<'a> {
    pub(crate) fn role(&self, index: usize) -> Role {
        let is_target = self.targets[self.records[index].sender as usize];
        if is_target {
            Role::Assistant
        } else {
            Role::User
        }
    }

    /// A message's own text.
    pub(crate) fn text(&self, index: usize) -> &'a str {
        self.records[index].text(self.arena)
    }

    /// The runs of one role in a block and its context. One that the context begins and the block goes on
    /// with is one run.
    pub(crate) fn runs(self, block: &Block) -> impl Iterator<Item = Range<usize>> {
        let (context, own) = (block.context.clone(), block.messages.clone());
        let (first, second) = if context.end == own.start {
            (context.start..own.end, own.end..own.end)
        } else {
            (context, own)
        };
        self.merged(first).chain(self.merged(second))
    }

    /// The runs of one role among consecutive messages.
    pub(crate) fn merged(self, messages: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let mut rest = messages;
        std::iter::from_fn(move || {
            let first = rest.next()?;
            let role = self.role(first);
            while !rest.is_empty() && self.role(rest.start) == role {
                rest.next();
            }
            Some(first..rest.start)
        })
    }

    /// Appends the line that a message becomes in a merged one.
    pub(crate) fn push_line(self, index: usize, out: &mut String) {
        if !self.delimiter.is_empty() {
            out.push_str(self.delimiter);
            out.push(' ');
        }
        out.push_str(self.text(index));
    }

    /// Appends the content that a run of messages of one role is emitted with.
    pub(crate) fn push_content(self, run: Range<usize>, out: &mut String) {
        for index in run.clone() {
            if index > run.start {
                out.push('\n');
            }
            self.push_line(index, out);
        }
    }
}
