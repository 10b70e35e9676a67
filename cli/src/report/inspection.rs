//! What is in an export: its chats, its senders and the pauses between messages.

use std::collections::BTreeMap;

use resonare_pipeline::{
    EstimatedGaps, Gaps, InspectedChat, Inspection, Setting, counted, grouped,
};

use super::parts::{self, Next};
use crate::advice;
use crate::table::{Column, Table};
use crate::text::{labeled, name, one_line, paragraph, shortened, together, width as text_width};

/// So many chats are listed, and so many with their pauses, unless all are asked for.
const CHATS: usize = 20;
/// So many senders.
const SENDERS: usize = 10;
/// The header over a sender's messages.
const COUNT: &str = "usable messages";
/// The headers over those in chats that a run reads, and in others.
const OF_READ: &str = "messages read";
const OF_OTHERS: &str = "in other chats";
/// As long as a month is written.
const MONTH: usize = "2024-01".len();

/// How an inspection is told.
pub(crate) struct InspectionReport<'a> {
    pub(crate) inspection: &'a Inspection,
    /// Whether every chat and every sender is listed.
    pub(crate) all: bool,
    /// The types of chats that a run reads.
    pub(crate) chat_types: &'a [String],
    /// The command that comes next.
    pub(crate) next: String,
}

impl InspectionReport<'_> {
    /// The lines of the report, at most as wide as `width`.
    pub(crate) fn lines(&self, width: usize) -> String {
        let warnings = self.inspection.warnings.iter();
        let warnings: Vec<_> = warnings
            .map(|warning| warning.words(advice::option))
            .collect();
        let end = [
            parts::sentences("warning", &warnings, width),
            self.owner(width),
            parts::next(&self.next(), width),
        ];
        let sections = [
            self.chats(width),
            self.senders(width),
            self.gaps(width),
            thresholds(&self.inspection.gaps_to_use().0, width),
            end.concat(),
        ];
        sections.join("\n")
    }

    /// Those that are read and have the most usable messages first, then others that can be used, then the rest.
    fn chats(&self, width: usize) -> String {
        let mut table = Table::new([
            Column::names("chat"),
            Column::text("type"),
            Column::numbers("id"),
            Column::numbers("usable"),
            Column::numbers("messages").optional(),
            Column::text("first").optional(),
            Column::text("last"),
        ]);
        let usable = self.usable();
        let shown = if self.all {
            usable.len()
        } else {
            usable.len().min(CHATS)
        };
        for chat in &usable[..shown] {
            table.add(row(chat));
        }
        let mut out = self.heading(usable.len() as u64, width) + "\n";
        if shown > 0 {
            out.push_str(&table.lines(width));
        }
        if shown < usable.len() {
            let rest = &usable[shown..];
            let messages = rest.iter().map(|chat| chat.usable_messages).sum();
            let messages = counted(messages, "usable message", "usable messages");
            let chats = counted(rest.len() as u64, "more chat", "more chats");
            let rest = format!("and {chats} with {messages}; --all lists them");
            out.push_str(&paragraph(&rest, width));
        }
        out + &self.unusable_chats(width)
    }

    /// How many chats there are, and what of them a run would read.
    fn heading(&self, usable: u64, width: usize) -> String {
        let Inspection {
            chats,
            selected,
            repeated_chats,
            repeated_messages,
            ..
        } = self.inspection;
        let count = counted(chats.len() as u64, "chat", "chats");
        let line = match chats.len() as u64 {
            0 => "no chats".to_owned(),
            1 if usable == 1 => format!("{count}, with usable messages"),
            all if all == usable => format!("{count}, all with usable messages"),
            _ => format!("{count}, {} of them with usable messages", grouped(usable)),
        };
        let mut out = paragraph(&line, width);
        let option = advice::option(Setting::ChatTypes);
        if selected.chats < usable {
            let types = self.chat_types.join(", ");
            let messages = counted(
                selected.usable_messages,
                "usable message",
                "usable messages",
            );
            let line = match selected.chats {
                0 => format!(
                    "prepare reads none of these: it reads {types} unless {option} selects others"
                ),
                chats => format!(
                    "prepare reads {} of these ({types}), with {messages}; {option} selects others",
                    grouped(chats)
                ),
            };
            out.push_str(&paragraph(&line, width));
        }
        if *repeated_chats > 0 {
            let chats = counted(*repeated_chats, "chat is", "chats are");
            let repeated = grouped(*repeated_messages);
            let messages = match repeated_messages {
                0 => "no message is repeated".to_owned(),
                1 => "the 1 message that is repeated counts once".to_owned(),
                _ => format!("the {repeated} messages that are repeated count once"),
            };
            let line = format!("the exports overlap: {chats} in an earlier one, too; {messages}");
            out.push_str(&paragraph(&line, width));
        }
        out
    }

    /// Whether some of the chats that can be used are of types that are not read, beside others that are.
    fn is_mixed(&self) -> bool {
        let selected = self.inspection.selected.chats;
        selected > 0
            && selected
                < self
                    .inspection
                    .chats
                    .iter()
                    .filter(|chat| chat.is_usable())
                    .count() as u64
    }

    fn usable(&self) -> Vec<&InspectedChat> {
        let mut usable: Vec<_> = self
            .inspection
            .chats
            .iter()
            .filter(|chat| chat.is_usable())
            .collect();
        usable.sort_by_key(|chat| (!chat.is_selected, u64::MAX - chat.usable_messages));
        usable
    }

    /// Those that can't be used, in a line or, if all are asked for, in a table.
    fn unusable_chats(&self, width: usize) -> String {
        let chats: Vec<_> = self
            .inspection
            .chats
            .iter()
            .filter(|chat| !chat.is_usable())
            .collect();
        if chats.is_empty() {
            return String::new();
        }
        if self.all {
            let mut table = Table::new([
                Column::names("chat that can't be used"),
                Column::text("type"),
                Column::numbers("id").optional(),
                Column::numbers("messages"),
                Column::text("why"),
            ]);
            for chat in chats {
                table.add([
                    shown_name(chat),
                    one_line(&chat.chat_type),
                    shown_id(chat),
                    grouped(chat.messages),
                    why_unusable(chat).to_owned(),
                ]);
            }
            return format!("\n{}", table.lines(width));
        }
        let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
        for chat in &chats {
            *reasons.entry(why_unusable(chat)).or_default() += 1;
        }
        let reasons: Vec<_> = reasons
            .into_iter()
            .map(|(reason, count)| {
                let reason = reason.replace('_', " ");
                together(&format!("{} {reason}", grouped(count)))
            })
            .collect();
        let count = counted(chats.len() as u64, "other chat", "other chats");
        let line = format!(
            "{count} can't be used: {}; --all lists them",
            reasons.join(", ")
        );
        paragraph(&line, width)
    }

    fn senders(&self, width: usize) -> String {
        let Inspection {
            senders,
            other_senders,
            ..
        } = self.inspection;
        if senders.is_empty() {
            return "nobody has sent a usable message\n".to_owned();
        }
        let shown = if self.all {
            senders.len()
        } else {
            senders.len().min(SENDERS)
        };
        let is_mixed = self.is_mixed();
        let header = Column::names("sender");
        let mut table = if is_mixed {
            let columns = [OF_READ, OF_OTHERS].map(Column::numbers);
            Table::new([header].into_iter().chain(columns))
        } else {
            Table::new([header, Column::numbers(COUNT)])
        };
        for sender in &senders[..shown] {
            if is_mixed {
                let others = sender.messages.saturating_sub(sender.selected_messages);
                let counts = [sender.selected_messages, others].map(grouped);
                let room = width.saturating_sub(OF_READ.len() + OF_OTHERS.len() + 4);
                let name = with_id(&sender.sender, room);
                table.add([name].into_iter().chain(counts));
            } else {
                let room = width.saturating_sub(COUNT.len() + 2);
                table.add([with_id(&sender.sender, room), grouped(sender.messages)]);
            }
        }
        let mut out = table.lines(width);
        let hidden = (senders.len() - shown) as u64 + other_senders;
        if hidden > 0 {
            let more = counted(hidden, "more sender", "more senders");
            let line = if is_mixed {
                format!("and {more}")
            } else {
                format!("and {more} with fewer messages")
            };
            out.push_str(&paragraph(&line, width));
        }
        out
    }

    /// The pauses in the export, and in its chats if all are asked for.
    fn gaps(&self, width: usize) -> String {
        let ends = self.inspection.gaps.0.histogram();
        let ends = ends.map(|range| range.up_to_secs.map_or("more".to_owned(), duration));
        let header = Column::names("pauses up to");
        let mut table = Table::new([header].into_iter().chain(ends.map(Column::numbers)));
        let mut add = |name: String, gaps: &EstimatedGaps| {
            let counts = gaps.0.histogram().map(|range| compact(range.gaps));
            table.add([name].into_iter().chain(counts));
        };
        if self.is_mixed() {
            let selected = &self.inspection.selected;
            add("in chats that are read".to_owned(), &selected.gaps);
        }
        add("in all chats".to_owned(), &self.inspection.gaps);
        if self.all {
            for chat in self.usable() {
                add(shown_name(chat), &chat.gaps);
            }
        }
        table.lines(width)
    }

    fn owner(&self, width: usize) -> String {
        let Some(owner) = &self.inspection.owner else {
            return String::new();
        };
        let mut senders = self.inspection.senders.iter();
        let named = senders.find(|sender| sender.sender.ends_with(&format!("({owner})")));
        let who = named.map_or(owner, |sender| &sender.sender);
        let line = format!(
            "{}, whose style is learned unless you choose a sender",
            with_id(who, width)
        );
        labeled("owner", &line, width)
    }

    fn next(&self) -> Next {
        let words = match &self.inspection.owner {
            Some(_) => None,
            None => Some(
                "no one owner is named: if it can't be told from the chats, choose one of the senders with \
                 --target-name"
                    .to_owned(),
            ),
        };
        Next {
            words,
            command: Some(self.next.clone()),
        }
    }
}

/// What other thresholds would make of the export.
fn thresholds(gaps: &Gaps, width: usize) -> String {
    let mut table = Table::new([
        Column::names("pause that ends a conversation"),
        Column::numbers("conversations"),
        Column::numbers("blocks (estimated)"),
    ]);
    for result in gaps.thresholds() {
        table.add([
            duration(result.secs),
            grouped(result.conversations),
            grouped(result.blocks),
        ]);
    }
    table.lines(width)
}

fn why_unusable(chat: &InspectedChat) -> &str {
    chat.unusable.unwrap_or("without usable messages")
}

fn shown_name(chat: &InspectedChat) -> String {
    match chat.name.as_deref() {
        Some("") | None => "-".to_owned(),
        Some(own) => name(own),
    }
}

fn shown_id(chat: &InspectedChat) -> String {
    chat.id.map(|id| id.to_string()).unwrap_or_default()
}

fn row(chat: &InspectedChat) -> [String; 7] {
    let month = |date: &Option<String>| {
        let date = date.as_deref().unwrap_or_default();
        one_line(date.get(..MONTH).unwrap_or(date))
    };
    [
        shown_name(chat),
        one_line(&chat.chat_type),
        shown_id(chat),
        grouped(chat.usable_messages),
        grouped(chat.messages),
        month(&chat.first_date),
        month(&chat.last_date),
    ]
}

/// A sender in so many columns: what is cut is the name, not the id that chooses the target.
fn with_id(sender: &str, most: usize) -> String {
    let Some((own, id)) = sender.rsplit_once(" (") else {
        return name(sender);
    };
    let id = format!(" ({}", one_line(id));
    shortened(&name(own), most.saturating_sub(text_width(&id))) + &id
}

/// A round number of seconds.
fn duration(secs: u64) -> String {
    match secs {
        0..3_600 => format!("{} min", secs / 60),
        3_600..86_400 => format!("{} h", secs / 3_600),
        _ => format!("{} d", secs / 86_400),
    }
}

/// A number in five columns at most.
fn compact(number: u64) -> String {
    match number {
        0..10_000 => number.to_string(),
        10_000..1_000_000 => format!("{}k", number / 1_000),
        1_000_000..1_000_000_000 => format!("{}M", number / 1_000_000),
        _ => format!("{}G", number / 1_000_000_000),
    }
}
