//! What to do about what is wrong, and what would keep more.

use maud::{Markup, html};
use resonare_pipeline::{Setting, Statistics, StatsFile};

use crate::amounts::count;
use crate::text;

pub(crate) fn section(stats: &StatsFile<'_>) -> Markup {
    let (warnings, remedies) = (warnings(stats.statistics), remedies(stats.statistics));
    let things = count(warnings.len() as u64, "thing", "things");
    html! {
        @if !warnings.is_empty() {
            section {
                h2 { (things) " to think about before training" }
                ul.advice { (items(&warnings)) }
            }
        } @else if stats.error.is_none() {
            p { "There are no warnings." }
        }
        @if !remedies.is_empty() {
            section {
                h2 { "What would keep more of the export" }
                ul.advice.more { (items(&remedies)) }
            }
        }
    }
}

fn items(items: &[String]) -> Markup {
    html! { @for item in items { li { (item) } } }
}

fn warnings(statistics: &Statistics) -> Vec<String> {
    let warnings = statistics.warnings.iter();
    let words = warnings.map(|warning| text::sentence(&text::whole(&warning.words(key))));
    words.map(|words| format!("{words}.")).collect()
}

/// They may begin with the name of a setting, which stays as it is.
fn remedies(statistics: &Statistics) -> Vec<String> {
    let remedies = statistics.remedies.iter();
    let words = remedies.map(|remedy| text::whole(&remedy.words(key)));
    words.map(|words| format!("{words}.")).collect()
}

/// Settings are called as every way of setting them calls them.
fn key(setting: Setting) -> String {
    setting.key().to_owned()
}
