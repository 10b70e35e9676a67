//! What the export itself marks as personal data.

use resonare_redaction::{Finding, PersonalData};

/// A place in a message's text that the export itself marks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    /// The message's place among the records of the chunk.
    pub(crate) record: usize,
    pub(crate) finding: Finding,
}

/// The kind of personal data that Telegram marks with this type of entity.
pub(crate) fn kind_of_entity(entity_type: &str) -> Option<PersonalData> {
    Some(match entity_type {
        "phone" => PersonalData::Phone,
        "email" => PersonalData::Email,
        "link" => PersonalData::Link,
        "bank_card" => PersonalData::Card,
        "mention" => PersonalData::Username,
        // Of somebody without a username.
        "mention_name" => PersonalData::Name,
        _ => return None,
    })
}
