//! What is found in an export.

use serde::Serialize;

use crate::gaps::EstimatedGaps;
use crate::json::mend::Mends;
use crate::warning::Warning;

/// A chat of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InspectedChat {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its id, where it has one.
    pub id: Option<u64>,
    /// Its `type`, `personal_chat` where it doesn't say.
    pub chat_type: String,
    /// Its messages, service messages included.
    pub messages: u64,
    /// Those with a sender, text and a date.
    pub usable_messages: u64,
    /// The date of the earliest usable message, as written.
    pub first_date: Option<String>,
    /// The date of the latest, as written.
    pub last_date: Option<String>,
    /// Whether a run with the same settings reads it: it can be used, has usable messages, and is of a type that is
    /// selected.
    pub is_selected: bool,
    /// Why it can't be used whatever the settings: the name of a [`ChatDrop`](crate::ChatDrop).
    pub unusable: Option<&'static str>,
    /// The pauses between its usable messages.
    pub gaps: EstimatedGaps,
}

impl InspectedChat {
    /// Whether it can be used, and has usable messages.
    pub fn is_usable(&self) -> bool {
        self.unusable.is_none() && self.usable_messages > 0
    }
}

/// A sender of usable messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InspectedSender {
    /// The full name, with the id where it is known.
    pub sender: String,
    /// The usable messages; among very many senders, those that were counted.
    pub messages: u64,
    /// Those of them that are in chats that are selected.
    pub selected_messages: u64,
}

/// The chats of an export that a run with the same settings reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SelectedChats {
    /// How many there are.
    pub chats: u64,
    /// Their usable messages.
    pub usable_messages: u64,
    /// The pauses between these.
    pub gaps: EstimatedGaps,
}

/// What an export holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// Its chats, in the order of the input. What several inputs have of a chat is one chat, with each message once.
    pub chats: Vec<InspectedChat>,
    /// Of these, the ones that are selected.
    pub selected: SelectedChats,
    /// Chats of an input that an earlier one has, too.
    pub repeated_chats: u64,
    /// Messages that count only as an earlier input has them.
    pub repeated_messages: u64,
    /// The senders with the most usable messages, at most 20: those with the most in selected chats first, then
    /// those with the most in all.
    pub senders: Vec<InspectedSender>,
    /// Senders that are not listed.
    pub other_senders: u64,
    /// The id of the export's owner, of the form `user123456789`, where one is named, and no other.
    pub owner: Option<String>,
    /// The pauses between usable messages, in all chats that can be used.
    pub gaps: EstimatedGaps,
    /// What to think about before blocks are made of it.
    pub warnings: Vec<Warning>,
    /// Defects that were read as meant.
    pub mended: Mends,
}

impl Inspection {
    /// The pauses in the chats that are selected, or in all that can be used where none is.
    pub fn gaps_to_use(&self) -> &EstimatedGaps {
        if self.selected.chats > 0 {
            &self.selected.gaps
        } else {
            &self.gaps
        }
    }
}
