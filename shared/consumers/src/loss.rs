//! Which turns are learned.

use std::str::FromStr;

/// Which turns a model is to learn to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loss {
    /// All of them.
    #[default]
    All,
    /// The assistant's: what the target wrote.
    Assistant,
}

impl Loss {
    /// The names that [`FromStr`] reads.
    pub const NAMES: [&'static str; 2] = ["all", "assistant"];

    /// The name that chooses it.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Assistant => "assistant",
        }
    }

    /// Whether a message of this role is learned.
    pub fn learns(self, role: &str) -> bool {
        match self {
            Self::All => true,
            Self::Assistant => role == "assistant",
        }
    }
}

impl FromStr for Loss {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        [Self::All, Self::Assistant]
            .into_iter()
            .find(|value| value.name() == name)
            .ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_read_as_what_it_names() {
        for name in Loss::NAMES {
            assert_eq!(name.parse::<Loss>().map(Loss::name), Ok(name));
        }
    }

    #[test]
    fn the_others_are_learned_only_where_all_are() {
        assert!(Loss::All.learns("user") && Loss::All.learns("assistant"));
        assert!(!Loss::Assistant.learns("user") && Loss::Assistant.learns("assistant"));
    }
}
