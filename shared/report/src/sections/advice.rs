//! What to do about what is wrong.

use maud::{Markup, html};
use resonare_pipeline::{Setting, StatsFile};

use crate::amounts::count;
use crate::text;

pub(crate) fn section(stats: &StatsFile<'_>) -> Markup {
    let items = items(stats);
    let title = match (items.len() as u64, stats.error) {
        (0, Some(_)) => return html! {},
        (0, None) => return html! { p { "Nothing stands in the way of training." } },
        (number, _) => {
            let things = count(number, "thing", "things");
            format!("{things} to think about before training")
        }
    };
    html! {
        section {
            h2 { (title) }
            @if !items.is_empty() {
                ul.advice { @for item in &items { li { (item) } } }
            }
        }
    }
}

/// What to think about, a sentence or two each.
fn items(stats: &StatsFile<'_>) -> Vec<String> {
    let warnings = stats.statistics.warnings.iter();
    let words = warnings.map(|warning| warning.words(|setting: Setting| setting.key().to_owned()));
    words
        .map(|words| format!("{}.", text::sentence(&text::whole(&words))))
        .collect()
}
