//! Counts what chats have, one after the other.

use std::collections::BTreeSet;

use super::copies::{EndedChat, JoinedChat, estimated_tokens};
use super::inspection::{InspectedChat, InspectedSender, Inspection};
use crate::advice::Advice;
use crate::chunk::Record;
use crate::date::Micros;
use crate::funnel::{MessageDrop, MessageFunnel};
use crate::gaps::{ChatTimes, EstimatedGaps};
use crate::senders::{SenderCounts, add_senders};
use crate::settings::Settings;
use crate::statistics::ImportedChats;
use crate::warnings;

/// Of the thresholds that [`Gaps`](crate::Gaps) tells about, the one that is the default.
const THRESHOLD_SECS: u64 = 3600;

/// How many senders are listed.
const SENDERS: usize = 20;

/// Takes chats as they are read.
pub(super) struct Inspector<'a> {
    settings: &'a Settings,
    /// What is known so far.
    pub(super) inspection: Inspection,
    /// Its chats, each with its place in the input.
    chats: Vec<(usize, InspectedChat)>,
    senders: SenderCounts,
    /// The same in chats that are selected.
    selected_senders: SenderCounts,
    /// The exports' owners, as far as they are named.
    pub(super) owners: BTreeSet<u64>,
    /// Of all chats that can be used.
    funnel: MessageFunnel,
    imported: ImportedChats,
    /// Of the chat that has not ended yet.
    usable: u64,
    by_sender: Vec<u64>,
    first: Option<(Micros, String)>,
    last: Option<(Micros, String)>,
    /// Each with the tokens of its text, about.
    times: Vec<(Micros, u32)>,
}

impl<'a> Inspector<'a> {
    pub(super) fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            inspection: Inspection::default(),
            chats: Vec::new(),
            senders: SenderCounts::default(),
            selected_senders: SenderCounts::default(),
            owners: BTreeSet::new(),
            funnel: MessageFunnel::default(),
            imported: ImportedChats::default(),
            usable: 0,
            by_sender: Vec::new(),
            first: None,
            last: None,
            times: Vec::new(),
        }
    }

    /// What there is, after the last chat.
    pub(super) fn finish(mut self) -> Inspection {
        let mut inspection = self.inspection;
        if let (Some(owner), 1) = (self.owners.first(), self.owners.len()) {
            inspection.owner = Some(format!("user{owner}"));
        }
        self.chats.sort_by_key(|(place, _)| *place);
        inspection.chats = self.chats.into_iter().map(|(_, chat)| chat).collect();
        let senders = self.senders.all_with(&self.selected_senders).into_iter();
        let senders = senders.map(|(count, selected_messages)| InspectedSender {
            sender: count.sender,
            messages: count.messages,
            selected_messages,
        });
        inspection.senders = senders.collect();
        let by_selected = |sender: &InspectedSender| u64::MAX - sender.selected_messages;
        inspection.senders.sort_by_key(by_selected);
        let listed = inspection.senders.len().min(SENDERS);
        let others = inspection.senders.drain(listed..).count();
        inspection.other_senders = others as u64;
        let dropped = &self.funnel.dropped;
        let of_senders = warnings::of_senders(
            self.funnel.read,
            dropped.get(MessageDrop::Service),
            dropped.get(MessageDrop::NoSender),
        );
        let blocks = |gaps: &EstimatedGaps| {
            let mut thresholds = gaps.0.thresholds();
            thresholds
                .find(|threshold| threshold.secs == THRESHOLD_SECS)
                .map_or(0, |threshold| threshold.blocks)
        };
        let is_any_selected = inspection.selected.chats > 0;
        let counts = |chat: &&InspectedChat| chat.is_selected || !is_any_selected;
        let chats = inspection.chats.iter().filter(counts);
        let of_chats = chats.map(|chat| blocks(&chat.gaps));
        let all_blocks = blocks(inspection.gaps_to_use());
        let found = [
            warnings::of_few(all_blocks, Some(Advice::KeepShorterBlocks)),
            warnings::of_times(self.imported.chats, self.imported.messages),
            of_senders,
            warnings::of_chats(of_chats),
        ];
        inspection.warnings = found.into_iter().flatten().collect();
        inspection
    }

    /// The times of the chat that ends.
    fn times(&mut self) -> ChatTimes {
        if !self.times.is_sorted_by_key(|(time, _)| *time) {
            self.times.sort_by_key(|(time, _)| *time);
        }
        ChatTimes::of(self.times.drain(..), self.settings.limits)
    }

    /// Adds messages to the chat that has not ended yet.
    pub(super) fn read_records(&mut self, records: &[Record], arena: &str) {
        let written = |record: &Record| {
            let mut plain = String::new();
            record.write_timestamp(arena, &mut plain);
            plain
        };
        self.usable += records.len() as u64;
        let times = records
            .iter()
            .map(|record| (record.time, estimated_tokens(record)));
        self.times.extend(times);
        add_senders(records, &mut self.by_sender);
        if let Some(record) = records.iter().min_by_key(|record| record.time)
            && self
                .first
                .as_ref()
                .is_none_or(|(time, _)| record.time < *time)
        {
            self.first = Some((record.time, written(record)));
        }
        if let Some(record) = records.iter().max_by_key(|record| record.time)
            && self
                .last
                .as_ref()
                .is_none_or(|(time, _)| record.time >= *time)
        {
            self.last = Some((record.time, written(record)));
        }
    }

    /// The chat whose messages were added has ended.
    pub(super) fn end_chat(&mut self, ended: EndedChat) {
        let EndedChat { place, end } = ended;
        let by_sender = std::mem::take(&mut self.by_sender);
        let usable_messages = std::mem::take(&mut self.usable);
        let is_of_type = self
            .settings
            .chat_types
            .iter()
            .any(|name| *name == end.chat_type);
        let mut is_selected = false;
        let (name, unusable) = match end.verdict {
            Ok(head) => {
                self.senders.add_chat(&head, &by_sender);
                is_selected = is_of_type && usable_messages > 0;
                if is_selected {
                    self.selected_senders.add_chat(&head, &by_sender);
                }
                self.funnel.read += end.read;
                self.funnel.dropped.merge(&end.dropped);
                (Some(head.name), None)
            }
            Err(reason) => (end.dropped_name, Some(reason.name())),
        };
        let times = self.times();
        let gaps = EstimatedGaps(times.gaps);
        if unusable.is_none() {
            self.inspection.gaps.0.add(&times.gaps);
            self.imported.add(&times, usable_messages);
        }
        if is_selected {
            let selected = &mut self.inspection.selected;
            selected.chats += 1;
            selected.usable_messages += usable_messages;
            selected.gaps.0.add(&times.gaps);
        }
        let chat = InspectedChat {
            name,
            id: end.id,
            chat_type: end.chat_type.into_owned(),
            messages: end.read,
            usable_messages,
            first_date: self.first.take().map(|(_, written)| written),
            last_date: self.last.take().map(|(_, written)| written),
            is_selected,
            unusable,
            gaps,
        };
        self.chats.push((place, chat));
    }

    /// Adds a whole chat.
    pub(super) fn add_joined(&mut self, chat: JoinedChat) {
        self.inspection.repeated_chats += chat.repeated_chats;
        self.inspection.repeated_messages += chat.repeated_messages;
        self.read_records(&chat.records, &chat.arena);
        self.end_chat(chat.ended);
    }
}
