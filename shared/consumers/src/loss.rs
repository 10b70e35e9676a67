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
