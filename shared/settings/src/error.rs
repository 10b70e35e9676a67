//! Why a configuration is refused.

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A layer can't be read at all.
    #[error("failed to read the configuration from {origin}: {problem}")]
    Unreadable {
        /// The layer.
        origin: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A key that does not exist.
    #[error("unknown configuration key `{key}` (from {origin}); {hint}")]
    UnknownKey {
        /// The key.
        key: String,
        /// The layer.
        origin: String,
        /// A key that was probably meant, or all that there are.
        hint: String,
    },
    /// A value that its key does not allow.
    #[error("{key}: {value} (from {origin}) is not allowed; expected {allowed}")]
    WrongValue {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// The layer.
        origin: String,
        /// What would be allowed.
        allowed: String,
    },
    /// A value that the consumer of the blocks, or another key, doesn't take.
    #[error("{key}: {value} (from {origin}) is not allowed here: {why}")]
    Refused {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// The layer that gives it.
        origin: String,
        /// What would be allowed, and why.
        why: String,
    },
    /// Blocks are to be measured by a chat template, and there is none.
    #[error("token_budget: template (from {origin}) needs the model's chat template: {reason}")]
    NoChatTemplate {
        /// The layer that asks for it.
        origin: String,
        /// Why there is none.
        reason: String,
    },
    /// A minimum that leaves no block.
    #[error(
        "min_tokens_per_block ({min} from {min_origin}) must be below max_tokens_per_block ({max} from {max_origin})"
    )]
    Limits {
        /// The fewest tokens of a block.
        min: u32,
        /// The layer that says so.
        min_origin: String,
        /// The most tokens of a block.
        max: u32,
        /// The layer that says so.
        max_origin: String,
    },
}

impl SettingsError {
    /// Whether it is about what this layer gives.
    pub fn is_about(&self, layer: &str) -> bool {
        let is_from = |origin: &str| origin == layer;
        match self {
            Self::Unreadable { origin, .. }
            | Self::UnknownKey { origin, .. }
            | Self::WrongValue { origin, .. }
            | Self::Refused { origin, .. }
            | Self::NoChatTemplate { origin, .. } => is_from(origin),
            Self::Limits {
                min_origin,
                max_origin,
                ..
            } => is_from(min_origin) || is_from(max_origin),
        }
    }
}
