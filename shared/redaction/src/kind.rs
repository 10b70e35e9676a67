//! The kinds of personal data.

use std::str::FromStr;

/// A kind of personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PersonalData {
    /// A phone number: international, or as it is dialed in the owner's region.
    Phone,
    /// An e-mail address.
    Email,
    /// A URL, or a domain with or without a path.
    Link,
    /// The number of a payment card.
    Card,
    /// `@name`, as Telegram allows it.
    Username,
    /// An international bank account number.
    Iban,
    /// A key, a token or a password.
    Secret,
    /// Any number of seven digits or more.
    Number,
    /// The name of a person or a chat, or a listed word.
    Name,
}

impl PersonalData {
    /// All kinds, in the order of [`PersonalData::NAMES`].
    pub const ALL: [Self; 9] = [
        Self::Phone,
        Self::Email,
        Self::Link,
        Self::Card,
        Self::Username,
        Self::Iban,
        Self::Secret,
        Self::Number,
        Self::Name,
    ];

    /// Their names, as a configuration has them.
    pub const NAMES: [&'static str; 9] = [
        "phone", "email", "link", "card", "username", "iban", "secret", "number", "name",
    ];

    /// The placeholders, in the same order.
    pub(crate) const PLACEHOLDERS: [&'static str; 9] = [
        "[PHONE]",
        "[EMAIL]",
        "[LINK]",
        "[CARD]",
        "[USERNAME]",
        "[IBAN]",
        "[SECRET]",
        "[NUMBER]",
        "[NAME]",
    ];

    /// Its name in a configuration.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// What stands in a text for what was there.
    pub fn placeholder(self) -> &'static str {
        Self::PLACEHOLDERS[self as usize]
    }
}

impl FromStr for PersonalData {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let known = Self::ALL.into_iter().find(|kind| kind.name() == name);
        known.ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_known_by_its_name_and_has_a_placeholder_like_it() {
        for (kind, name) in PersonalData::ALL.into_iter().zip(PersonalData::NAMES) {
            assert_eq!(name.parse(), Ok(kind));
            assert_eq!(
                kind.placeholder(),
                format!("[{}]", name.to_ascii_uppercase())
            );
        }
        assert_eq!("phones".parse::<PersonalData>(), Err(()));
    }
}
