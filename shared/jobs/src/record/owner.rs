//! Whose jobs they are.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Whose job it is. It is invisible to others.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Owner(pub String);

/// The beginning of the names of owners in a service that does not identify its callers.
const OPEN: &str = "open";

impl Owner {
    /// The owner of what comes from `source` where nobody proves who they are. It is limited by
    /// itself, and may see the jobs of every other open owner whose names it knows.
    pub fn open(source: &str) -> Self {
        Self(format!("{OPEN}:{source}"))
    }

    fn is_open(&self) -> bool {
        let after = self.0.strip_prefix(OPEN);
        after.is_some_and(|after| after.is_empty() || after.starts_with(':'))
    }

    /// Whether this owner may see and delete what belongs to `other`.
    pub(crate) fn owns(&self, other: &Self) -> bool {
        self == other || (self.is_open() && other.is_open())
    }

    /// Tells owners apart in logs, keys and queues without naming them: 16 hexadecimal digits.
    pub fn digest(&self) -> String {
        let digest = Sha256::digest(&self.0);
        base16ct::lower::encode_string(&digest[..8])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_owners_see_what_they_can_name_and_nobody_else_does() {
        let [home, office] = ["198.51.100.1", "198.51.100.2"].map(Owner::open);
        assert!(home.owns(&office) && home.owns(&Owner("open".to_owned())));
        let named = Owner("jwt:issuer|open".to_owned());
        assert!(!home.owns(&named) && !named.owns(&home) && named.owns(&named));
        assert!(!home.owns(&Owner("opened".to_owned())));
    }

    #[test]
    fn a_digest_tells_owners_apart_without_naming_them() {
        let [ann, bob] = ["ann", "bob"].map(|name| Owner(name.to_owned()).digest());
        assert_ne!(ann, bob);
        assert_eq!(ann.len(), 16);
        assert!(ann.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
