//! What finds everything that has a shape.

use crate::finding::{Finding, replace, settle};
use crate::kind::PersonalData;
use crate::placeholders;
use crate::region::Region;
use crate::shapes::{card, email, groups, iban, link, number, phone, secret, username};
use crate::triggers::Triggers;
use crate::view::View;

/// Finds personal data that has a shape: all kinds but names, for which there is
/// [`NameFinder`](crate::NameFinder).
#[derive(Clone, Copy, Debug)]
pub struct Detector {
    wanted: [bool; PersonalData::ALL.len()],
}

impl Detector {
    /// Looks for these kinds.
    pub fn new(kinds: impl IntoIterator<Item = PersonalData>) -> Self {
        let mut wanted = [false; PersonalData::ALL.len()];
        for kind in kinds {
            wanted[kind as usize] = true;
        }
        Self { wanted }
    }

    /// Adds what it finds in `text`, and leaves all findings sorted and apart: those that overlap, or touch and are of
    /// one kind, are one, of the longest's kind. `region` is where phone numbers without a country's code are dialed.
    ///
    /// It looks until nothing more is found in what [`replace`] would write, what was found before
    /// included.
    pub fn find(&self, text: &str, region: Option<Region>, findings: &mut Vec<Finding>) {
        placeholders::cover(text, findings);
        if !self.looks_for_shapes() {
            settle(text, findings);
            return;
        }
        // First as it is: an address may have parts that are marked already.
        self.find_in(&View::plain(text), region, findings);
        let mut rest = String::new();
        while !findings.is_empty() {
            settle(text, findings);
            rest.clear();
            replace(text, findings, &mut rest);
            // Most often nothing is left to look for, and where what is in the text need not be known.
            if Triggers::of(&rest).is_empty()
                || !self.find_in(&View::without(text, findings), region, findings)
            {
                break;
            }
        }
    }

    fn looks_for_shapes(&self) -> bool {
        let mut wanted = PersonalData::ALL
            .into_iter()
            .filter(|&kind| self.wanted[kind as usize]);
        wanted.any(|kind| kind != PersonalData::Name)
    }

    /// Whether there was anything.
    fn find_in(&self, view: &View, region: Option<Region>, findings: &mut Vec<Finding>) -> bool {
        let triggers = Triggers::of(view.text());
        if triggers.is_empty() {
            return false;
        }
        let known = findings.len();
        if triggers.look_alikes {
            self.look(&view.without_look_alikes(), triggers, region, findings);
        } else {
            self.look(view, triggers, region, findings);
        }
        findings.len() > known
    }

    fn look(
        &self,
        view: &View,
        triggers: Triggers,
        region: Option<Region>,
        findings: &mut Vec<Finding>,
    ) {
        let (text, known) = (view.text(), findings.len());
        let wants = |kind: PersonalData| self.wanted[kind as usize];
        if triggers.at && wants(PersonalData::Email) {
            email::find(text, findings);
        }
        if triggers.at && wants(PersonalData::Username) {
            username::find(text, findings);
        }
        if triggers.address && wants(PersonalData::Link) {
            link::find(text, findings);
        }
        if (triggers.run || triggers.colon) && wants(PersonalData::Secret) {
            secret::find(text, findings);
        }
        if triggers.has_account() && wants(PersonalData::Iban) {
            iban::find(text, findings);
        }
        if triggers.has_number() {
            groups::each_stretch(text, |groups| {
                if wants(PersonalData::Card) {
                    card::find(text, groups, findings);
                }
                groups::take_dates(text, groups);
                if wants(PersonalData::Phone) {
                    phone::find(text, groups, region, findings);
                }
                if wants(PersonalData::Number) {
                    number::find(text, groups, findings);
                }
            });
        }
        placeholders::spare(text, findings, known);
        for finding in &mut findings[known..] {
            *finding = view.original(*finding);
        }
    }
}
