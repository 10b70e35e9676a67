//! Who says how much.

use maud::{Markup, html};
use resonare_pipeline::{Statistics, Voice};

use crate::amounts::{number, percent, portion, ratio};
use crate::chart::bar;
use crate::text;

pub(crate) fn section(statistics: &Statistics) -> Markup {
    let voices = &statistics.profile.voices;
    if voices.target.messages + voices.others.messages == 0 {
        return html! {};
    }
    let target = statistics.target.as_ref();
    let target = target.map(|choice| choice.name.as_ref().unwrap_or(&choice.target));
    let target = text::name(target.map_or("The target", String::as_str));
    let measures = |voice: &Voice| [voice.tokens, voice.messages, voice.turns];
    let measured = measures(&voices.target)
        .into_iter()
        .zip(measures(&voices.others));
    let tokens = portion(
        voices.target.tokens,
        voices.target.tokens + voices.others.tokens,
    );
    html! {
        section {
            h2 { bdi { (target) } " says " (tokens) " of what is said" }
            p.key { "In the blocks, context aside: " span.kept { bdi { (target) } " (assistant)" } ", "
                span.other { "everybody else (user)" } "." }
            table.bars.voices {
                caption.unseen { "What each side says in the blocks" }
                thead.unseen { tr {
                    th scope="col" { "Measure" }
                    th scope="col" { "Assistant" }
                    th scope="col" { "User" }
                    th scope="col" { "Part of the assistant" }
                } }
                tbody {
                    @for (name, (own, others)) in ["Tokens", "Messages", "Turns"].into_iter().zip(measured) {
                        @let part = ratio(own, own + others);
                        tr {
                            th scope="row" { (name) }
                            td.number.kept { (number(own)) }
                            td.number.other { (number(others)) }
                            td.bar { (bar(&[("kept", part), ("other", 1.0 - part)])) span.unseen { (percent(own, own + others)) } }
                        }
                    }
                }
            }
            @if let Some(words) = statistics.turns.refused(statistics.num_blocks()) { p { (text::sentence(&words)) "." } }
        }
    }
}
