//! What a trainer needs that learns the assistant's turns alone.

use crate::markers::{FAMILIES, GENERATION, Markers, TurnMarks, has_generation, marked};
use crate::template::{ChatTemplate, Message};

// Characters for private use, which no template writes.
const SEEN_OPEN: char = '\u{e000}';
const SEEN_CLOSE: char = '\u{e001}';
const SEEN: Markers = Markers {
    open: "\u{e000}",
    close: "\u{e001}",
};

/// Chats to try, a letter for each role; a template may refuse all but the first. None has two turns of one
/// role in a row, which some templates run together.
const TRIED: [&str; 5] = ["uaua", "ua", "uauaua", "suaua", "aua"];

impl ChatTemplate {
    /// A template that writes the same text, and marks each of the assistant's turns with
    /// `{% generation %}…{% endgeneration %}`: the template itself if it does so already, else itself with
    /// what marks them around it. `None` if it can't be told where turns begin and end in its text.
    ///
    /// A turn is what the assistant says and what ends the turn, without what begins it.
    pub fn with_generation_markers(&self) -> Option<String> {
        if has_generation(self.source()) {
            return Some(self.source().to_owned());
        }
        let turn = FAMILIES.into_iter().find(|turn| self.has_turns(*turn))?;
        Some(marked(self.source(), turn, GENERATION))
    }

    /// Whether these marks stand around all that the assistant says, and around nothing else.
    fn has_turns(&self, turn: TurnMarks) -> bool {
        let Ok(seen) = self.with_source(marked(self.source(), turn, SEEN)) else {
            return false;
        };
        TRIED.iter().enumerate().all(|(number, roles)| {
            let contents = contents(roles.len());
            let messages: Vec<Message<'_>> = roles
                .chars()
                .zip(&contents)
                .map(|(role, content)| Message {
                    role: role_name(role),
                    content,
                })
                .collect();
            match (self.render(&messages), seen.render(&messages)) {
                (Ok(text), Ok(seen)) => {
                    seen.replace([SEEN_OPEN, SEEN_CLOSE], "") == text
                        && has_all_turns(&messages, &seen, turn)
                }
                (Err(_), Err(_)) => number > 0,
                _ => false,
            }
        })
    }
}

fn contents(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("said {number}.")).collect()
}

fn role_name(letter: char) -> &'static str {
    match letter {
        's' => "system",
        'u' => "user",
        _ => "assistant",
    }
}

/// Whether each assistant's message stands in a span of its own, which ends with the end of a turn, and
/// no other message in any.
fn has_all_turns(messages: &[Message<'_>], seen: &str, turn: TurnMarks) -> bool {
    let mut spans = Vec::new();
    for part in seen.split(SEEN_OPEN).skip(1) {
        match part.split_once(SEEN_CLOSE) {
            Some((span, _)) => spans.push(span),
            None => return false,
        }
    }
    let (assistant, others): (Vec<&Message<'_>>, Vec<_>) = messages
        .iter()
        .partition(|message| message.role == "assistant");
    spans.len() == assistant.len()
        && spans
            .iter()
            .zip(assistant)
            .all(|(span, message)| span.contains(message.content) && span.ends_with(turn.end))
        && !others
            .iter()
            .any(|message| spans.iter().any(|span| span.contains(message.content)))
}
