//! Where the system prompt goes in a block.

use std::str::FromStr;

use crate::message::MessageRef;

/// How the system prompt is given to a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SystemAs {
    /// As a message of its own.
    #[default]
    System,
    /// At the beginning of the first user turn, for templates without a system role.
    FirstUser,
    /// Not at all.
    None,
}

impl SystemAs {
    /// The names that [`FromStr`] reads.
    pub const NAMES: [&'static str; 3] = ["system", "first_user", "none"];

    /// The name that chooses it.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::FirstUser => "first_user",
            Self::None => "none",
        }
    }

    /// Puts the prompt where it belongs. Where it is folded it stands before the first turn's text,
    /// an empty line between them, as the templates of Gemma 3 do it themselves. A block that the
    /// assistant begins gets a user turn with only the prompt: it has to come before what it is to
    /// shape. `folded` holds the text that is made.
    pub fn place<'a>(
        self,
        prompt: &'a str,
        messages: &mut Vec<MessageRef<'a>>,
        folded: &'a mut String,
    ) {
        match (self, messages.first_mut()) {
            (Self::None, _) => {}
            (Self::System, _) => messages.insert(0, MessageRef::new("system", prompt)),
            (Self::FirstUser, Some(first)) if first.role == "user" => {
                folded.clear();
                folded.push_str(prompt);
                folded.push_str("\n\n");
                folded.push_str(first.content);
                first.content = folded;
            }
            (Self::FirstUser, _) => messages.insert(0, MessageRef::new("user", prompt)),
        }
    }
}

impl FromStr for SystemAs {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        [Self::System, Self::FirstUser, Self::None]
            .into_iter()
            .find(|value| value.name() == name)
            .ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The block as `role: content` lines.
    fn placed(system_as: SystemAs, roles: &[&'static str]) -> String {
        let mut folded = String::new();
        let mut messages: Vec<_> = roles
            .iter()
            .map(|role| MessageRef::new(role, "text"))
            .collect();
        system_as.place("Be Ren.", &mut messages, &mut folded);
        let lines: Vec<_> = messages
            .iter()
            .map(|message| format!("{}: {}", message.role, message.content))
            .collect();
        lines.join(" | ")
    }

    #[test]
    fn the_prompt_is_a_message_of_its_own() {
        assert_eq!(
            placed(SystemAs::System, &["user"]),
            "system: Be Ren. | user: text"
        );
    }

    #[test]
    fn the_prompt_is_folded_into_the_first_user_turn() {
        assert_eq!(
            placed(SystemAs::FirstUser, &["user", "assistant"]),
            "user: Be Ren.\n\ntext | assistant: text"
        );
    }

    #[test]
    fn a_block_that_the_assistant_begins_gets_a_user_turn_with_the_prompt() {
        assert_eq!(
            placed(SystemAs::FirstUser, &["assistant"]),
            "user: Be Ren. | assistant: text"
        );
    }

    #[test]
    fn the_prompt_can_be_left_out() {
        assert_eq!(placed(SystemAs::None, &["user"]), "user: text");
    }

    #[test]
    fn each_name_is_read_as_what_it_names() {
        for name in SystemAs::NAMES {
            assert_eq!(name.parse::<SystemAs>().map(SystemAs::name), Ok(name));
        }
    }
}
