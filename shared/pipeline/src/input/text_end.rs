//! Where texts go, with what is noted of them.

use resonare_redaction::{Finding, PersonalData};

use crate::json::scalar::Scalar;
use crate::marks::kind_of_entity;

/// Where a text is appended.
pub(super) struct TextEnd<'t> {
    pub(super) out: &'t mut String,
    pub(super) repeated_keys: &'t mut u64,
    /// Takes what the export marks as personal data of these kinds, by its place in all of `out`.
    pub(super) marks: Option<(&'t [PersonalData], &'t mut Vec<Finding>)>,
}

impl TextEnd<'_> {
    /// Notes what was appended since `start` where its type is one of personal data.
    pub(super) fn mark(&mut self, start: usize, entity_type: Option<&[u8]>) {
        let Some((kinds, marks)) = &mut self.marks else {
            return;
        };
        if let Scalar::String(entity_type) = Scalar::of(entity_type)
            && let Some(kind) = kind_of_entity(&entity_type.decoded())
            && kinds.contains(&kind)
        {
            let end = self.out.len();
            marks.push(Finding { start, end, kind });
        }
    }
}
