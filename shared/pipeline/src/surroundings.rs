//! What a message's text is told with: who speaks, and what it answers.

use hashbrown::HashMap;

use crate::chunk::{Record, WholeChat};
use crate::tokens::TextTokens;

/// How much of an answered message is quoted, in bytes.
const QUOTED_BYTES: usize = 120;

/// What texts are told with.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// The names of the chat's senders where they are wanted; that of the target is not told.
    pub(crate) names: Option<&'a [Option<String>]>,
    /// Whether answers begin with a quotation.
    pub(crate) quotes: bool,
}

/// The messages of a chat with other texts.
pub(crate) struct RetoldChat {
    pub(crate) records: Vec<Record>,
    pub(crate) arena: String,
}

impl Surroundings<'_> {
    /// Whether any text may change.
    pub(crate) fn are_told(self) -> bool {
        self.names.is_some() || self.quotes
    }

    /// The messages of a chat told so; `count` counts the tokens of those that change.
    pub(crate) fn retell(
        self,
        chat: WholeChat<'_>,
        mut count: impl FnMut(&str) -> TextTokens,
    ) -> RetoldChat {
        let answered: HashMap<i64, usize> = if self.quotes {
            let ids = chat.notes.iter().enumerate();
            ids.filter_map(|(index, note)| Some((note.id?, index)))
                .collect()
        } else {
            HashMap::new()
        };
        let mut retold = RetoldChat {
            records: Vec::with_capacity(chat.records.len()),
            arena: String::with_capacity(chat.arena.len()),
        };
        for (index, record) in chat.records.iter().enumerate() {
            let arena = &mut retold.arena;
            arena.push_str(record.written_date(chat.arena));
            let start = arena.len();
            if let Some(name) = self
                .names
                .and_then(|names| names[record.sender as usize].as_ref())
            {
                arena.push_str(name);
                arena.push_str(": ");
            }
            let reply_to = chat.notes.get(index).and_then(|note| note.reply_to);
            if let Some(quoted) = reply_to.and_then(|id| answered.get(&id)) {
                push_quotation(chat.records[*quoted].text(chat.arena), arena);
            }
            let is_changed = arena.len() > start;
            arena.push_str(record.text(chat.arena));
            let mut told = *record;
            told.set_text(start..arena.len());
            if is_changed {
                told.set_tokens(count(&arena[start..]));
            }
            retold.records.push(told);
        }
        retold
    }
}

/// Appends the beginning of a text, up to the end of a word.
fn push_quotation(text: &str, out: &mut String) {
    out.push_str("[\"");
    if text.len() <= QUOTED_BYTES {
        out.push_str(text);
    } else {
        let end = text.floor_char_boundary(QUOTED_BYTES);
        let words = text[..end].rfind(char::is_whitespace).unwrap_or(end);
        out.push_str(text[..words].trim_end());
        out.push('…');
    }
    out.push_str("\"] ");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotation_ends_with_a_whole_word() {
        let quoted = |text: &str| {
            let mut out = String::new();
            push_quotation(text, &mut out);
            out
        };
        assert_eq!(quoted("Where are you?"), "[\"Where are you?\"] ");
        let long = "word ".repeat(100);
        assert_eq!(
            quoted(&long),
            format!("[\"{}…\"] ", "word ".repeat(24).trim_end())
        );
        let without_spaces = "字".repeat(100);
        assert_eq!(
            quoted(&without_spaces),
            format!("[\"{}…\"] ", "字".repeat(40))
        );
    }
}
