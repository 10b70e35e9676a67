//! Who sent a message, and whose style the model is to learn.

use serde::{Deserialize, Serialize};

/// From 2020-10 (v2.4) to 2021-04 (v2.7.1) Telegram Desktop added this to the ids of users: its
/// `kUserPeerIdShift`.
const USER_SHIFT: u64 = 1 << 32;

/// A sender's id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum SenderId {
    /// `"user123"`, as newer exports write it.
    User(u64),
    /// A bare number, as older exports write it, perhaps shifted.
    Number(u64),
    /// `"channel123"`, `"chat123"`, or whatever else was there.
    Other(String),
}

impl SenderId {
    pub(crate) fn from_text(text: &str) -> Self {
        user_number(text).map_or_else(|| Self::Other(text.to_owned()), Self::User)
    }

    /// The user's id without a shift.
    pub(crate) fn user(&self) -> Option<u64> {
        match *self {
            Self::User(id) => Some(id),
            Self::Number(number) => Some(without_shift(number)),
            Self::Other(_) => None,
        }
    }

    fn is_user(&self, id: u64) -> bool {
        self.user() == Some(id) || *self == Self::Number(id)
    }

    /// Whether the sender is the contact of the personal chat with that `id`.
    pub(crate) fn is_contact(&self, chat_id: u64) -> bool {
        match *self {
            Self::User(id) => id == chat_id,
            Self::Number(number) => without_shift(number) == without_shift(chat_id),
            Self::Other(_) => false,
        }
    }
}

/// A user's id without the shift of exporters of those months.
pub(crate) fn without_shift(number: u64) -> u64 {
    if (USER_SHIFT..2 * USER_SHIFT).contains(&number) {
        number - USER_SHIFT
    } else {
        number
    }
}

/// The number of `user123`.
fn user_number(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("user")?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

/// One of the people of a chat: a pair of `from` and `from_id`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Sender {
    pub(crate) name: String,
    pub(crate) id: Option<SenderId>,
}

impl Sender {
    /// What messages to people call the sender.
    pub(crate) fn label(&self) -> String {
        match self.id.as_ref().and_then(SenderId::user) {
            Some(id) => format!("{} (user{id})", self.name),
            None => self.name.clone(),
        }
    }
}

/// The person whose messages get the role `assistant`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Compared exactly with a message's `from`.
    Name(String),
    /// Compared with a message's `from_id`.
    User(u64),
}

impl Target {
    /// Reads `target_name`: the form `user123456789` names an id, also in brackets after a name as senders
    /// are listed; everything else is a name.
    pub fn parse(text: &str) -> Self {
        let listed = text
            .strip_suffix(')')
            .and_then(|text| text.rsplit_once(" ("));
        let id = listed.map_or(text, |(_, id)| id);
        user_number(id).map_or_else(|| Self::Name(text.to_owned()), Self::User)
    }

    pub(crate) fn matches(&self, sender: &Sender) -> bool {
        match self {
            Self::Name(name) => sender.name == *name,
            Self::User(id) => sender.id.as_ref().is_some_and(|sender| sender.is_user(*id)),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::User(id) => write!(f, "user{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(name: &str, id: SenderId) -> Sender {
        Sender {
            name: name.to_owned(),
            id: Some(id),
        }
    }

    #[test]
    fn a_target_of_the_form_of_an_id_is_compared_with_ids() {
        let target = Target::parse("user1000");
        assert!(target.matches(&sender("Anyone", SenderId::from_text("user1000"))));
        assert!(target.matches(&sender("Anyone", SenderId::Number(1000))));
        assert!(target.matches(&sender("Anyone", SenderId::Number(1000 + USER_SHIFT))));
        assert!(!target.matches(&sender("user1000", SenderId::from_text("channel1000"))));
    }

    #[test]
    fn a_target_can_be_given_as_senders_are_listed() {
        let ana = sender("Ana Kovac", SenderId::User(15));
        assert_eq!(Target::parse(&ana.label()), Target::User(15));
        let odd = sender("Ana (at work)", SenderId::User(15));
        assert_eq!(Target::parse(&odd.label()), Target::User(15));
    }

    #[test]
    fn every_other_target_is_a_full_name() {
        for name in [
            "Ana",
            "user",
            "user12x",
            "users12",
            "Ana (user)",
            "Ana (user1",
            "Ana(user1)",
        ] {
            assert_eq!(Target::parse(name), Target::Name(name.to_owned()));
        }
        let ana = sender("Ana Kovac", SenderId::User(1));
        assert!(Target::parse("Ana Kovac").matches(&ana));
        assert!(!Target::parse("Ana").matches(&ana));
    }

    #[test]
    fn new_ids_beyond_32_bits_are_not_taken_for_shifted_ones() {
        assert!(!SenderId::User(USER_SHIFT + 7).is_contact(7));
        assert!(SenderId::User(USER_SHIFT + 7).is_contact(USER_SHIFT + 7));
        assert!(SenderId::Number(USER_SHIFT + 7).is_contact(7));
        assert!(SenderId::Number(7).is_contact(USER_SHIFT + 7));
    }
}
