//! The two roles of a conversation, and the order that chat templates demand.

use std::ops::Range;

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

/// What is left of a block when leading assistant and trailing user messages are cut; `None` where
/// no exchange is left.
pub(crate) fn user_first(
    block: Range<usize>,
    role: impl Fn(usize) -> Role,
) -> Option<Range<usize>> {
    let start = block.clone().find(|&index| role(index) == Role::User)?;
    let last = (start..block.end)
        .rev()
        .find(|&index| role(index) == Role::Assistant)?;
    Some(start..last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_begins_and_the_assistant_ends() {
        let trimmed = |roles: &str| {
            let role = |index: usize| match roles.as_bytes()[index] {
                b'u' => Role::User,
                _ => Role::Assistant,
            };
            user_first(0..roles.len(), role).map(|kept| roles[kept].to_owned())
        };
        assert_eq!(trimmed("aauuauau").as_deref(), Some("uuaua"));
        assert_eq!(trimmed("ua").as_deref(), Some("ua"));
        for without_exchange in ["", "u", "a", "aau", "uuu"] {
            assert_eq!(trimmed(without_exchange), None, "{without_exchange}");
        }
    }
}
