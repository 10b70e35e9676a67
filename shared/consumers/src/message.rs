//! Messages as the rules and the formats see them, whatever file they came from.

/// Who speaks in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    System,
    User,
    Assistant,
    /// What a program says: a tool's answer, a developer's instruction.
    Program,
}

impl Role {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "system" => Self::System,
            "user" => Self::User,
            "assistant" => Self::Assistant,
            "tool" | "function" | "developer" => Self::Program,
            _ => return None,
        })
    }
}

/// One message of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageRef<'a> {
    /// `system`, `user` or `assistant`.
    pub role: &'a str,
    /// What is said.
    pub content: &'a str,
    /// Whether a model is to learn to say it.
    pub learned: bool,
}

impl<'a> MessageRef<'a> {
    /// A message of which the model learns what is the assistant's.
    pub fn new(role: &'a str, content: &'a str) -> Self {
        Self {
            role,
            content,
            learned: role == "assistant",
        }
    }
}

/// How a file says of each message whether it is learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// `"weight": 0` or `1` on every message: where one has a weight, those without count as 1.
    Weight,
    /// `"weight": 0` or `1` on the assistant's messages, the only ones that can be learned.
    AssistantWeight,
    /// `"train": true` or `false` on every message.
    Train,
}

impl Flag {
    /// The field that a message has for it, after its content; nothing where it has none.
    pub fn field(self, role: &str, learned: bool) -> &'static str {
        match (self, learned) {
            (Self::AssistantWeight, _) if role != "assistant" => "",
            (Self::Weight | Self::AssistantWeight, true) => r#","weight":1"#,
            (Self::Weight | Self::AssistantWeight, false) => r#","weight":0"#,
            (Self::Train, true) => r#","train":true"#,
            (Self::Train, false) => r#","train":false"#,
        }
    }
}

/// The structure of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `{"messages": [{"role", "content"}]}`.
    Messages,
    /// `bedrock-conversation-2024`: the system prompt aside, contents as lists of parts.
    Bedrock,
    /// `{"conversations": [{"from", "value"}]}`.
    ShareGpt,
    /// `{"conversations": [{"role", "content"}]}`: the list of the one with the messages of the other.
    Conversations,
}

impl Shape {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Bedrock => "bedrock-conversation-2024",
            Self::ShareGpt => "ShareGPT",
            Self::Conversations => "messages in a list named `conversations`",
        }
    }
}
