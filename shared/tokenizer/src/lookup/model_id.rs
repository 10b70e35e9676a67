//! Names of models, which become paths and parts of URLs.

use std::fmt;

/// The name of a model: `name` or `organization/name`, where each part has up to 96 letters, digits, `.`, `_`
/// and `-`, and does not begin with a dot.
///
/// ```
/// use resonare_tokenizer::ModelId;
///
/// assert_eq!(ModelId::try_from("Qwen/Qwen3-8B").unwrap().as_str(), "Qwen/Qwen3-8B");
/// assert!(ModelId::try_from("../Qwen3-8B").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelId(String);

/// A text that can't be the name of a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("model_id {0:?} is not of the form name or organization/name")]
pub struct NotAModelId(pub String);

impl TryFrom<&str> for ModelId {
    type Error = NotAModelId;

    fn try_from(name: &str) -> Result<Self, NotAModelId> {
        let part = |part: &str| {
            (1..=96).contains(&part.len())
                && !part.starts_with('.')
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if name.split('/').count() <= 2 && name.split('/').all(part) {
            Ok(Self(name.to_owned()))
        } else {
            Err(NotAModelId(name.to_owned()))
        }
    }
}

impl ModelId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_a_folder_are_not_models() {
        for good in ["gpt2", "meta-llama/Llama-3.2-1B", "a/b_c.d-1"] {
            assert!(ModelId::try_from(good).is_ok(), "{good}");
        }
        let long = "a".repeat(97);
        for bad in [
            "", "/", "a/", "/a", "..", "a/..", "../a", "a/b/c", "a b", "a\\b", ".hidden", "a/.b",
            "ä", &long,
        ] {
            assert!(ModelId::try_from(bad).is_err(), "{bad}");
        }
    }
}
