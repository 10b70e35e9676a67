//! The fields of a message that are needed, as written.

use crate::json::cursor::{Cursor, Stop};
use crate::json::value;
use crate::json::walk::each_member;

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
    pub(super) sticker_emoji: Option<&'a [u8]>,
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

    /// Scans the object at the cursor.
    #[inline]
    pub(super) fn scan(cursor: &mut Cursor<'a, '_>) -> Result<Self, Stop> {
        let mut fields = Self::default();
        each_member(cursor, |cursor, key| {
            let value = value::skip_member(cursor, key)?;
            let decoded;
            let name = if key.escaped {
                decoded = key.decode();
                decoded.as_bytes()
            } else {
                key.bytes
            };
            if let Some(slot) = fields.slot(name)
                && slot.replace(value).is_some()
            {
                cursor.log.counts.duplicate_key += 1;
            }
            Ok(())
        })?;
        Ok(fields)
    }
}
