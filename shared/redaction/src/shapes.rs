//! What each kind looks like. All look at a text in which look-alikes are ASCII ([`View`](crate::view::View)).

pub(crate) mod card;
pub(crate) mod email;
mod entropy;
pub(crate) mod groups;
pub(crate) mod iban;
pub(crate) mod link;
pub(crate) mod number;
pub(crate) mod phone;
pub(crate) mod secret;
mod top_level;
pub(crate) mod username;

#[cfg(test)]
mod testkit {
    //! What a text reads like without one kind.

    use crate::{Detector, PersonalData, Region, replace};

    pub(super) fn redacted(kind: PersonalData, text: &str) -> String {
        rewritten(kind, None, text)
    }

    /// Of phone numbers, where this number is from.
    pub(super) fn redacted_in(owner: &str, text: &str) -> String {
        rewritten(PersonalData::Phone, Region::of_number(owner), text)
    }

    fn rewritten(kind: PersonalData, region: Option<Region>, text: &str) -> String {
        let (mut findings, mut out) = (Vec::new(), String::new());
        Detector::new([kind]).find(text, region, &mut findings);
        replace(text, &findings, &mut out);
        out
    }
}
