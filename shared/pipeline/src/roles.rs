//! The two roles of a conversation, and the order that chat templates demand.

use crate::block::Block;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    User,
    Assistant,
}

impl Role {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// A block from its first user message on; `None` where it has none.
pub(crate) fn from_first_user(block: &Block, role: impl Fn(usize) -> Role) -> Option<Block> {
    let is_user = |index: &usize| role(*index) == Role::User;
    let (context, messages) = (&block.context, &block.messages);
    let (context, messages) = if let Some(first) = context.clone().find(is_user) {
        (first..context.end, messages.clone())
    } else {
        let first = messages.clone().find(is_user)?;
        (first..first, first..messages.end)
    };
    Some(Block {
        context,
        messages,
        ..block.clone()
    })
}

/// What is left of a block when leading assistant and trailing user messages are cut, from its context
/// first; `None` where no exchange is left, or nothing of the assistant's that is the block's own.
pub(crate) fn user_first(block: &Block, role: impl Fn(usize) -> Role) -> Option<Block> {
    let mut left = from_first_user(block, &role)?;
    let mut own = left.messages.clone().rev();
    let last = own.find(|&index| role(index) == Role::Assistant)?;
    left.messages.end = last + 1;
    Some(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of a block whose first messages are context.
    fn trimmed(context: &str, own: &str) -> Option<String> {
        let roles = format!("{context}{own}");
        let role = |index: usize| match roles.as_bytes()[index] {
            b'u' => Role::User,
            _ => Role::Assistant,
        };
        let block = Block {
            context: 0..context.len(),
            messages: context.len()..roles.len(),
            ..Block::beginning(0..0, 0)
        };
        let left = user_first(&block, role)?;
        let (context, own) = (&roles[left.context], &roles[left.messages]);
        Some(format!("{context}|{own}"))
    }

    #[test]
    fn the_user_begins_and_the_assistant_ends() {
        assert_eq!(trimmed("", "aauuauau").as_deref(), Some("|uuaua"));
        assert_eq!(trimmed("", "ua").as_deref(), Some("|ua"));
        for without_exchange in ["", "u", "a", "aau", "uuu"] {
            assert_eq!(trimmed("", without_exchange), None, "{without_exchange}");
        }
    }

    #[test]
    fn a_user_in_the_context_begins_what_the_assistant_goes_on_with() {
        assert_eq!(trimmed("au", "aauau").as_deref(), Some("u|aaua"));
        assert_eq!(trimmed("aa", "aua").as_deref(), Some("|ua"));
        assert_eq!(trimmed("ua", "uu"), None);
        assert_eq!(trimmed("aa", "a"), None);
    }
}
