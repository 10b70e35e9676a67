//! What a row of a file says: its structure, its messages, and what is wrong with how it says it.

use std::borrow::Cow;

use crate::content::Flaw;
use crate::message::{MessageRef, Shape};
use crate::rule::Rule;
use crate::value::{Object, Value};

/// A row, read as far as it could be.
#[derive(Default)]
pub(crate) struct Row<'a> {
    pub(crate) shape: Option<Shape>,
    pub(crate) messages: Vec<Message<'a>>,
    pub(crate) flaws: Vec<Flaw>,
    /// The keys that say of messages whether they are learned.
    pub(crate) flags: Vec<&'static str>,
}

// One finding a mistake: neither breaks a rule of its own.
const UNREADABLE_ROLE: &str = "";
const UNREADABLE_CONTENT: &str = "{}";

/// A message of a row; what is missing is empty, and a flaw says so.
pub(crate) struct Message<'a> {
    role: &'a str,
    content: Cow<'a, str>,
    learned: bool,
}

impl Message<'_> {
    pub(crate) fn as_ref(&self) -> MessageRef<'_> {
        MessageRef {
            role: self.role,
            content: &self.content,
            learned: self.learned,
        }
    }
}

impl<'a> Row<'a> {
    pub(crate) fn of(value: &'a Value<'_>) -> Self {
        let mut row = Self::default();
        let Value::Object(object) = value else {
            row.flaws.push(Flaw::of_row(Rule::NotAnObject));
            return row;
        };
        if let Some(key) = object.repeated_key() {
            row.flaws
                .push(Flaw::of_row(Rule::DuplicateKey).finding(key));
        }
        let list = list_key(object);
        let Some((list_key, Value::List(values))) =
            list.and_then(|key| Some((key, object.get(key)?)))
        else {
            row.flaws.push(Flaw::of_row(Rule::MissingMessages));
            return row;
        };
        let shape = shape_of(object, list_key, values);
        row.shape = Some(shape);
        row.read_columns(object, shape);
        for value in values {
            row.read_message(value, shape);
        }
        row.read_weights(values);
        row
    }

    fn read_columns(&mut self, object: &'a Object<'_>, shape: Shape) {
        match shape {
            Shape::Messages => {
                for key in object.keys().filter(|&key| key != "messages") {
                    self.flaws
                        .push(Flaw::of_row(Rule::ExtraColumn).finding(key));
                }
            }
            Shape::Bedrock => {
                let version = object.get("schemaVersion");
                let known = |value: &Value<'_>| matches!(value, Value::Text(text) if text == "bedrock-conversation-2024");
                if version.is_some_and(|value| !known(value)) {
                    self.flaws.push(Flaw::of_row(Rule::WrongSchemaVersion));
                }
                if let Some(system) = object.get("system") {
                    self.read_bedrock_system(system);
                }
            }
            Shape::ShareGpt | Shape::Conversations => {
                if let Some(Value::Text(system)) = object.get("system") {
                    self.push("system", Cow::Borrowed(system.as_ref()));
                }
            }
        }
    }

    fn read_bedrock_system(&mut self, system: &'a Value<'_>) {
        let Value::List(parts) = system else {
            self.flaws.push(Flaw::of_row(Rule::ContentNotText));
            return;
        };
        for part in parts {
            match part_text(part) {
                Some(text) => self.push("system", Cow::Borrowed(text)),
                None => self.flaws.push(Flaw::of_row(Rule::ContentNotText)),
            }
        }
    }

    fn push(&mut self, role: &'a str, content: Cow<'a, str>) {
        self.messages.push(Message {
            role,
            content,
            learned: role == "assistant",
        });
    }

    fn read_message(&mut self, value: &'a Value<'_>, shape: Shape) {
        let index = self.messages.len();
        let mut flaw = |rule| self.flaws.push(Flaw::of_message(index, rule));
        let Value::Object(message) = value else {
            flaw(Rule::MessageNotAnObject);
            self.push(UNREADABLE_ROLE, Cow::Borrowed(UNREADABLE_CONTENT));
            return;
        };
        if message.repeated_key().is_some() {
            flaw(Rule::DuplicateKey);
        }
        let keys = Keys::of(shape);
        let role = match message.get(keys.role) {
            // Its place is beside the messages.
            Some(Value::Text(role)) if role == "system" && shape == Shape::Bedrock => {
                flaw(Rule::UnknownRole);
                UNREADABLE_ROLE
            }
            Some(Value::Text(role)) if !role.is_empty() => keys.known_role(role),
            _ => {
                flaw(Rule::MissingRole);
                UNREADABLE_ROLE
            }
        };
        let content = match message.get(keys.content) {
            None | Some(Value::Null) if calls_a_tool(message) => Cow::Borrowed(UNREADABLE_CONTENT),
            None => {
                flaw(Rule::MissingContent);
                Cow::Borrowed(UNREADABLE_CONTENT)
            }
            Some(value) => content_text(value, shape).unwrap_or_else(|| {
                flaw(Rule::ContentNotText);
                Cow::Borrowed(UNREADABLE_CONTENT)
            }),
        };
        for key in message.keys().filter(|key| !keys.expected(key)) {
            self.flaws
                .push(Flaw::of_message(index, Rule::UnknownMessageKey).finding(key));
        }
        self.push(role, content);
    }

    /// Reads the flags that say whether a message is learned.
    fn read_weights(&mut self, values: &[Value<'_>]) {
        let system = self.messages.len() - values.len();
        let mut weighted = 0;
        let mut trained = false;
        for (index, value) in values.iter().enumerate() {
            let Value::Object(object) = value else {
                continue;
            };
            let message = &mut self.messages[system + index];
            if let Some(weight) = object.get("weight") {
                weighted += 1;
                if let Value::Integer(weight @ (0 | 1)) = weight {
                    message.learned = *weight == 1;
                } else {
                    let flaw = Flaw::of_message(system + index, Rule::WeightNotZeroOrOne);
                    self.flaws.push(flaw);
                }
            }
            if let Some(train) = object.get("train") {
                trained = true;
                if let Value::Bool(learned) = train {
                    message.learned = *learned;
                }
            }
        }
        if weighted > 0 && weighted < values.len() {
            self.flaws.push(Flaw::of_row(Rule::PartialWeights));
        }
        let flags = [("weight", weighted > 0), ("train", trained)];
        let present = flags.into_iter().filter(|(_, is_present)| *is_present);
        self.flags.extend(present.map(|(key, _)| key));
    }
}

/// The key of the list of messages.
fn list_key(object: &Object<'_>) -> Option<&'static str> {
    ["messages", "conversations"]
        .into_iter()
        .find(|key| matches!(object.get(key), Some(Value::List(_))))
}

fn shape_of(object: &Object<'_>, list_key: &str, messages: &[Value<'_>]) -> Shape {
    let first = messages.iter().find_map(|value| match value {
        Value::Object(message) => Some(message),
        _ => None,
    });
    let in_parts = first.is_some_and(|message| match message.get("content") {
        // Parts with a type are OpenAI's, for pictures.
        Some(Value::List(parts)) => !parts.iter().any(has_type),
        _ => false,
    });
    if first.is_some_and(|message| message.get("from").is_some()) {
        Shape::ShareGpt
    } else if object.get("schemaVersion").is_some() || (list_key == "messages" && in_parts) {
        Shape::Bedrock
    } else if list_key == "conversations" {
        if first.is_none_or(|first| first.get("role").is_none()) {
            Shape::ShareGpt
        } else {
            Shape::Conversations
        }
    } else {
        Shape::Messages
    }
}

fn has_type(part: &Value<'_>) -> bool {
    matches!(part, Value::Object(part) if part.get("type").is_some())
}

/// How a structure names the parts of a message.
struct Keys {
    role: &'static str,
    content: &'static str,
}

impl Keys {
    fn of(shape: Shape) -> Self {
        let (role, content) = match shape {
            Shape::Messages | Shape::Bedrock | Shape::Conversations => ("role", "content"),
            Shape::ShareGpt => ("from", "value"),
        };
        Self { role, content }
    }

    /// The role's name in our terms; unchanged if this structure has no such role.
    fn known_role<'a>(&self, role: &'a str) -> &'a str {
        match role {
            "human" if self.role == "from" => "user",
            "gpt" if self.role == "from" => "assistant",
            other => other,
        }
    }

    /// Whether `OpenAI`'s format has this key in a message.
    fn expected(&self, key: &str) -> bool {
        const MORE: [&str; 5] = [
            "name",
            "weight",
            "function_call",
            "tool_calls",
            "tool_call_id",
        ];
        key == self.role || key == self.content || MORE.contains(&key)
    }
}

fn calls_a_tool(message: &Object<'_>) -> bool {
    ["tool_calls", "function_call"]
        .into_iter()
        .any(|key| matches!(message.get(key), Some(Value::List(_) | Value::Object(_))))
}

fn content_text<'a>(value: &'a Value<'_>, shape: Shape) -> Option<Cow<'a, str>> {
    match (value, shape) {
        (Value::Text(text), Shape::Messages | Shape::ShareGpt | Shape::Conversations) => {
            Some(Cow::Borrowed(text.as_ref()))
        }
        (Value::List(parts), Shape::Bedrock) => match parts.as_slice() {
            [] => None,
            [part] => part_text(part).map(Cow::Borrowed),
            parts => parts
                .iter()
                .map(part_text)
                .collect::<Option<String>>()
                .map(Cow::Owned),
        },
        _ => None,
    }
}

/// The text of a part of a Bedrock content.
fn part_text<'a>(part: &'a Value<'_>) -> Option<&'a str> {
    match part {
        Value::Object(object) => match object.get("text")? {
            Value::Text(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::render::{bedrock_line, messages_line, sharegpt_element};

    type Writer = fn(&[MessageRef<'_>], &mut Vec<u8>);

    proptest! {
        #[test]
        fn what_is_written_in_any_form_is_read_back(
            contents in prop::collection::vec(any::<String>(), 1..6)
        ) {
            let roles = ["system", "user", "assistant", "user", "assistant", "user"];
            let messages: Vec<_> = roles
                .into_iter()
                .zip(&contents)
                .map(|(role, content)| MessageRef::new(role, content))
                .collect();
            let writers: [Writer; 3] = [
                |messages, out| messages_line(messages, None, out),
                bedrock_line,
                sharegpt_element,
            ];
            for write in writers {
                let mut line = Vec::new();
                write(&messages, &mut line);
                let value: Value<'_> = serde_json::from_slice(&line).unwrap();
                let row = Row::of(&value);
                let read: Vec<_> = row.messages.iter().map(Message::as_ref).collect();
                prop_assert_eq!(&read, &messages);
                prop_assert!(row.flaws.is_empty());
            }
        }
    }
}
