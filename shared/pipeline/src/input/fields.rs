//! The fields of a message that are needed, as written.

use super::entities::{Beside, Entities};
use crate::json::cursor::{Cursor, Stop};
use crate::json::key_order::KeyOrder;
use crate::json::value;
use crate::json::walk::each_member;

/// The orders of keys, as the messages of an input have them.
#[derive(Default)]
pub(super) struct KeyOrders {
    message: KeyOrder,
    /// Of an entity of a text.
    entity: KeyOrder,
}

/// The fields that are needed, as written.
#[derive(Default)]
pub(super) struct Fields<'a> {
    pub(super) kind: Option<&'a [u8]>,
    pub(super) id: Option<&'a [u8]>,
    pub(super) date: Option<&'a [u8]>,
    pub(super) date_unixtime: Option<&'a [u8]>,
    pub(super) from: Option<&'a [u8]>,
    pub(super) from_id: Option<&'a [u8]>,
    pub(super) text: Option<&'a [u8]>,
    pub(super) text_entities: Option<&'a [u8]>,
    /// The same, if it is a list.
    pub(super) entities: Option<Entities<'a>>,
    pub(super) sticker_emoji: Option<&'a [u8]>,
}

/// Fields that only some settings ask for, as written.
#[derive(Default)]
pub(super) struct OtherFields<'a> {
    pub(super) action: Option<&'a [u8]>,
    pub(super) contact_information: Option<&'a [u8]>,
    pub(super) duration_seconds: Option<&'a [u8]>,
    pub(super) file: Option<&'a [u8]>,
    /// There also where the name is hidden.
    pub(super) forwarded_from: Option<&'a [u8]>,
    pub(super) game_title: Option<&'a [u8]>,
    pub(super) giveaway_information: Option<&'a [u8]>,
    pub(super) giveaway_results: Option<&'a [u8]>,
    pub(super) invoice_information: Option<&'a [u8]>,
    pub(super) live_location_period_seconds: Option<&'a [u8]>,
    pub(super) location_information: Option<&'a [u8]>,
    pub(super) media_type: Option<&'a [u8]>,
    pub(super) new_title: Option<&'a [u8]>,
    pub(super) photo: Option<&'a [u8]>,
    pub(super) place_name: Option<&'a [u8]>,
    pub(super) poll: Option<&'a [u8]>,
    pub(super) reply_to_message_id: Option<&'a [u8]>,
    pub(super) reply_to_peer_id: Option<&'a [u8]>,
    pub(super) title: Option<&'a [u8]>,
    pub(super) todo_list: Option<&'a [u8]>,
}

impl<'a> OtherFields<'a> {
    fn slot(&mut self, key: &[u8]) -> Option<&mut Option<&'a [u8]>> {
        Some(match key {
            b"action" => &mut self.action,
            b"contact_information" => &mut self.contact_information,
            b"duration_seconds" => &mut self.duration_seconds,
            b"file" => &mut self.file,
            b"forwarded_from" => &mut self.forwarded_from,
            b"game_title" => &mut self.game_title,
            b"giveaway_information" => &mut self.giveaway_information,
            b"giveaway_results" => &mut self.giveaway_results,
            b"invoice_information" => &mut self.invoice_information,
            b"live_location_period_seconds" => &mut self.live_location_period_seconds,
            b"location_information" => &mut self.location_information,
            b"media_type" => &mut self.media_type,
            b"new_title" => &mut self.new_title,
            b"photo" => &mut self.photo,
            b"place_name" => &mut self.place_name,
            b"poll" => &mut self.poll,
            b"reply_to_message_id" => &mut self.reply_to_message_id,
            b"reply_to_peer_id" => &mut self.reply_to_peer_id,
            b"title" => &mut self.title,
            b"todo_list" => &mut self.todo_list,
            _ => return None,
        })
    }
}

impl<'a> Fields<'a> {
    #[inline]
    fn slot(&mut self, key: &[u8]) -> Option<&mut Option<&'a [u8]>> {
        Some(match key {
            b"type" => &mut self.kind,
            b"id" => &mut self.id,
            b"date" => &mut self.date,
            b"date_unixtime" => &mut self.date_unixtime,
            b"from" => &mut self.from,
            b"from_id" => &mut self.from_id,
            b"text" => &mut self.text,
            b"text_entities" => &mut self.text_entities,
            b"sticker_emoji" => &mut self.sticker_emoji,
            _ => return None,
        })
    }

    /// Scans the object at the cursor, for other fields as well if they are wanted.
    #[inline]
    pub(super) fn scan(
        cursor: &mut Cursor<'a, '_>,
        orders: &mut KeyOrders,
        mut others: Option<&mut OtherFields<'a>>,
    ) -> Result<Self, Stop> {
        /// The message.
        const LEVELS: usize = 1;
        let mut fields = Self::default();
        let KeyOrders { message, entity } = orders;
        each_member(cursor, message, |cursor, key| {
            let decoded;
            let name = if key.is_escaped() {
                decoded = key.decode();
                decoded.as_bytes()
            } else {
                key.bytes
            };
            let value = if name == b"text_entities" {
                let is_list = cursor.peek()? == b'[';
                let start = cursor.at;
                fields.entities = if is_list {
                    Some(Entities::scan(cursor, Beside::Nothing, entity)?)
                } else {
                    value::skip_within(cursor, LEVELS)?;
                    None
                };
                &cursor.bytes()[start..cursor.at]
            } else {
                value::skip_member_within(cursor, key, LEVELS)?
            };
            let slot = fields
                .slot(name)
                .or_else(|| others.as_deref_mut()?.slot(name));
            if let Some(slot) = slot
                && slot.replace(value).is_some()
            {
                cursor.log.counts.duplicate_key += 1;
            }
            Ok(())
        })?;
        Ok(fields)
    }
}
