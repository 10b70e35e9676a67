//! What would keep more of an export: one setting, another value of it, and what that brings.
//!
//! What a remedy says follows from counts of the run; where it only nearly does, it says so.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::advice::Setting;
use crate::date;
use crate::settings::DateLimit;
use crate::short_blocks::BlockCount;
use crate::words::counted;

/// A setting that would keep more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// What to change.
    pub change: Change,
    /// What that brings.
    pub gain: Gain,
}

/// Another value of one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Another number.
    Number {
        /// Of what.
        setting: Setting,
        /// The number as it is.
        from: u64,
        /// The other number.
        to: u64,
    },
    /// One more type of chats.
    ChatType {
        /// The types as they are.
        from: Vec<String>,
        /// The other type.
        added: &'static str,
    },
    /// No limit to how old a message may be.
    NoDateLimit {
        /// The limit as it is.
        from: DateLimit,
    },
}

/// What a change brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gain {
    /// So much more is in the output.
    Kept {
        /// More blocks, with more messages.
        more: BlockCount,
        /// Whether that is only about right.
        is_estimate: bool,
    },
    /// So many messages, which are too long now, are not.
    Fit {
        /// The messages.
        messages: u64,
    },
    /// So much more is read; how much of it is kept can't be told.
    Read {
        /// The chats, where whole chats are passed over.
        chats: Option<u64>,
        /// The messages, service messages included.
        messages: u64,
        /// Whether there may be fewer: chats that are passed over are counted once for each export that has them.
        is_estimate: bool,
    },
}

impl Change {
    /// The types of chats that are read with one more.
    fn chat_types<'c>(from: &'c [String], added: &'c str) -> Vec<&'c str> {
        from.iter().map(String::as_str).chain([added]).collect()
    }
}

impl Remedy {
    /// The setting that is changed.
    pub fn setting(&self) -> Setting {
        match self.change {
            Change::Number { setting, .. } => setting,
            Change::ChatType { .. } => Setting::ChatTypes,
            Change::NoDateLimit { .. } => Setting::DateLimit,
        }
    }

    /// What to change and what it brings, with settings as `spell` spells them.
    pub fn words(&self, spell: impl Fn(Setting) -> String) -> String {
        let setting = spell(self.setting());
        let change = match &self.change {
            Change::Number { from, to, .. } => format!("{setting} {to} instead of {from}"),
            Change::ChatType { from, added } => {
                format!("{setting} {}", Change::chat_types(from, added).join(","))
            }
            Change::NoDateLimit { .. } => format!("omitting {setting}"),
        };
        let gain = match self.gain {
            Gain::Kept { more, is_estimate } => {
                let about = if is_estimate { "about " } else { "" };
                let blocks = counted(more.blocks, "more block", "more blocks");
                let messages = counted(more.messages, "message", "messages");
                format!("keep {about}{blocks} ({messages})")
            }
            Gain::Fit { messages } => {
                let messages = counted(messages, "message that is", "messages that are");
                format!("make room for {messages} too long now")
            }
            Gain::Read {
                chats,
                messages,
                is_estimate,
            } => {
                let most = if is_estimate { "up to " } else { "" };
                match chats {
                    Some(chats) => format!(
                        "read {most}{} ({})",
                        counted(chats, "more chat", "more chats"),
                        counted(messages, "message", "messages")
                    ),
                    None => format!(
                        "read {most}{}",
                        counted(messages, "more message", "more messages")
                    ),
                }
            }
        };
        format!("{change} would {gain}")
    }
}

/// A limit as it can be set.
fn written(limit: DateLimit) -> String {
    let (micros, zone) = match limit {
        DateLimit::Wall(micros) => (micros, ""),
        DateLimit::Moment(micros) => (micros, "Z"),
    };
    let mut text = String::new();
    date::write_plain(micros, &mut text);
    text + zone
}

impl Serialize for Remedy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("setting", self.setting().key())?;
        match &self.change {
            Change::Number { from, to, .. } => {
                map.serialize_entry("from", from)?;
                map.serialize_entry("to", to)?;
            }
            Change::ChatType { from, added } => {
                map.serialize_entry("from", from)?;
                map.serialize_entry("to", &Change::chat_types(from, added))?;
            }
            Change::NoDateLimit { from } => {
                map.serialize_entry("from", &written(*from))?;
                map.serialize_entry("to", &None::<()>)?;
            }
        }
        let (gain, chats, count, is_estimate) = match self.gain {
            Gain::Kept { more, is_estimate } => (
                "kept",
                None,
                (Some(more.blocks), more.messages),
                is_estimate,
            ),
            Gain::Fit { messages } => ("fit", None, (None, messages), false),
            Gain::Read {
                chats,
                messages,
                is_estimate,
            } => ("read", chats, (None, messages), is_estimate),
        };
        map.serialize_entry("gain", gain)?;
        if let Some(chats) = chats {
            map.serialize_entry("chats", &chats)?;
        }
        let (blocks, messages) = count;
        map.serialize_entry("blocks", &blocks)?;
        map.serialize_entry("messages", &messages)?;
        map.serialize_entry("is_estimate", &is_estimate)?;
        map.serialize_entry("message", &self.words(|setting| setting.key().to_owned()))?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedies() -> Vec<Remedy> {
        let number = |setting, from, to| Change::Number { setting, from, to };
        let kept = |blocks, messages, is_estimate| Gain::Kept {
            more: BlockCount { blocks, messages },
            is_estimate,
        };
        let types = Change::ChatType {
            from: vec!["personal_chat".to_owned()],
            added: "private_group",
        };
        let dates = Change::NoDateLimit {
            from: DateLimit::parse("2024-01-31").unwrap(),
        };
        let of = |change, gain| Remedy { change, gain };
        vec![
            of(
                number(Setting::MinTokensPerBlock, 300, 150),
                kept(1240, 31_000, false),
            ),
            of(
                number(Setting::ConvoBlockThresholdSecs, 3600, 14_400),
                kept(1, 1, true),
            ),
            of(
                number(Setting::MaxTokensPerBlock, 800, 1600),
                Gain::Fit { messages: 1 },
            ),
            of(
                types,
                Gain::Read {
                    chats: Some(1),
                    messages: 2000,
                    is_estimate: true,
                },
            ),
            of(
                dates,
                Gain::Read {
                    chats: None,
                    messages: 1,
                    is_estimate: false,
                },
            ),
        ]
    }

    #[test]
    fn a_remedy_says_what_to_change_and_what_that_brings() {
        let words = remedies();
        let words = words
            .iter()
            .map(|remedy| remedy.words(|setting| setting.key().to_owned()));
        insta::assert_snapshot!(words.collect::<Vec<_>>().join("\n"), @r"
        min_tokens_per_block 150 instead of 300 would keep 1,240 more blocks (31,000 messages)
        convo_block_threshold_secs 14400 instead of 3600 would keep about 1 more block (1 message)
        max_tokens_per_block 1600 instead of 800 would make room for 1 message that is too long now
        chat_types personal_chat,private_group would read up to 1 more chat (2,000 messages)
        omitting date_limit would read 1 more message
        ");
    }

    #[test]
    fn programs_read_it_too() {
        let values = serde_json::to_value(remedies()).unwrap();
        insta::assert_snapshot!(values[3], @r#"{"setting":"chat_types","from":["personal_chat"],"to":["personal_chat","private_group"],"gain":"read","chats":1,"blocks":null,"messages":2000,"is_estimate":true,"message":"chat_types personal_chat,private_group would read up to 1 more chat (2,000 messages)"}"#);
        assert_eq!(values[0]["to"], 150);
        assert_eq!(values[4]["from"], "2024-01-31T00:00:00");
    }
}
