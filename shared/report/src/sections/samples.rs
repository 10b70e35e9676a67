//! A few blocks, as the chats that they were.

use maud::{Markup, html};
use resonare_pipeline::{Sample, SampledTurn, Split, Statistics};

use crate::amounts::{count, number};
use crate::text;

/// So many messages of a sample are shown; the others are folded away.
const SHOWN: usize = 10;

pub(crate) fn section(statistics: &Statistics) -> Markup {
    let samples = &statistics.profile.samples;
    let shown = samples.iter().len() as u64;
    if shown == 0 {
        return html! {};
    }
    html! {
        section.samples {
            h2 {
                @if shown == 1 { "One of the blocks, to see what is learned from" }
                @else { (number(shown)) " of the blocks, to see what is learned from" }
            }
            p.key { "Evenly spread over all blocks. "
                span.kept { "On the right: the assistant" } ", whose turns are to be learned; "
                span.other { "on the left: the user" } "." }
            div.talks { @for sample in samples.iter() { (talk(sample)) } }
        }
    }
}

fn talk(sample: &Sample) -> Markup {
    let (first, rest) = cut(&sample.turns);
    let folded = rest.iter().map(|turn| turn.texts.len() as u64).sum();
    html! {
        article {
            h3 { bdi { (text::name(&sample.chat)) } }
            p.when {
                @if let Some(turn) = sample.turns.first() { (moment(&turn.timestamp)) " · " }
                (count(sample.tokens, "token", "tokens"))
                @if sample.split == Split::Validation { " · for validation" }
            }
            (turns(&first))
            @if !rest.is_empty() {
                details {
                    summary { (count(folded, "more message", "more messages")) }
                    (turns(&rest))
                }
            }
            @if sample.left_out > 0 {
                p.when { "… and " (count(sample.left_out, "message", "messages")) " that are not shown here" }
            }
        }
    }
}

/// A turn, or a part of one.
struct Part<'a> {
    turn: &'a SampledTurn,
    texts: &'a [String],
}

/// The turns with the messages that are shown, and those with the others.
fn cut(turns: &[SampledTurn]) -> (Vec<Part<'_>>, Vec<Part<'_>>) {
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    let mut room = SHOWN;
    for turn in turns {
        let (shown, folded) = turn.texts.split_at(room.min(turn.texts.len()));
        room -= shown.len();
        for (part, texts) in [(&mut first, shown), (&mut rest, folded)] {
            if !texts.is_empty() {
                part.push(Part { turn, texts });
            }
        }
    }
    (first, rest)
}

fn turns(parts: &[Part<'_>]) -> Markup {
    html! {
        ol {
            @for Part { turn, texts } in parts {
                li.target[turn.is_target].context[turn.is_context] {
                    span.unseen {
                        @if turn.is_target { "assistant" } @else { "user" }
                        @if turn.is_context { ", context that is not learned" }
                        ": "
                    }
                    @for message in *texts { p dir="auto" { (text::whole(message)) } }
                }
            }
        }
    }
}

/// A timestamp without the letter in it and without the seconds.
fn moment(timestamp: &str) -> String {
    let shown = text::name(timestamp);
    match (shown.get(..10), shown.get(11..16)) {
        (Some(day), Some(time)) if shown.as_bytes()[10] == b'T' => format!("{day} {time}"),
        _ => shown,
    }
}
