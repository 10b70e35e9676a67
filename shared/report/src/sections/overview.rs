//! What there is, and how that compares with what its consumer wants.

use maud::{Markup, html};
use resonare_consumers::Consumer;
use resonare_pipeline::{Month, Statistics, StatsFile};

use crate::amounts::{count, number};
use crate::sections::time::month_name;
use crate::text;

pub(crate) fn section(stats: &StatsFile<'_>) -> Markup {
    let statistics = stats.statistics;
    html! {
        header {
            p.kicker { "Resonare Data Prep" }
            @if let Some(error) = stats.error {
                h1 { "There is nothing to learn from yet" }
                p.lead { (text::sentence(&text::whole(error))) "." }
                @for detail in stats.error_details {
                    p.detail dir="auto" { (text::value(detail)) }
                }
            } @else {
                h1 { (count(statistics.num_blocks(), "conversation block", "conversation blocks")) " to learn from" }
                p.lead { (lead(statistics)) }
            }
        }
        @if stats.error.is_none() {
            (figures(statistics))
            (demands(stats))
        }
    }
}

/// Who speaks where, and when.
fn lead(statistics: &Statistics) -> Markup {
    let who = statistics.target.as_ref();
    let who = who.map(|choice| choice.name.as_ref().unwrap_or(&choice.target));
    let chats = count(statistics.num_chats(), "chat", "chats");
    html! {
        @if let Some(who) = who {
            "How " bdi { (text::name(who)) } " speaks in " (chats)
        } @else {
            "From " (chats)
        }
        @if let Some(when) = when(statistics) { ", " (when) }
        "."
    }
}

fn when(statistics: &Statistics) -> Option<String> {
    let months = || {
        let months = statistics.profile.beginnings.months();
        months.map(|(month, _)| month)
    };
    let (first, last): (Month, Month) = (months().next()?, months().next_back()?);
    Some(if first == last {
        format!("in {}", month_name(first))
    } else {
        format!("from {} to {}", month_name(first), month_name(last))
    })
}

fn figures(statistics: &Statistics) -> Markup {
    let tokens = &statistics.tokens_per_block;
    let of_validation = statistics.split.map(|split| split.validation_blocks);
    let messages = statistics.funnel.messages.in_blocks;
    html! {
        dl.figures {
            @if let Some(of_validation) = of_validation {
                (figure("for training", &number(statistics.train_blocks())))
                (figure("for validation", &number(of_validation)))
            } @else {
                (figure("blocks", &number(statistics.num_blocks())))
            }
            (figure("messages", &number(messages)))
            (figure("tokens as written", &rounded(tokens.sum())))
            (figure("tokens per block, on average", &rounded(tokens.avg().unwrap_or_default())))
        }
    }
}

fn figure(name: &str, value: &str) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "tokens are not negative, and far from the largest number"
)]
fn rounded(value: f64) -> String {
    number(value.round() as u64)
}

/// Whether a demand is met.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Met,
    Unmet,
    /// The consumer's own configuration, which lies beside the blocks, sees to it.
    Configured,
}

impl Verdict {
    fn of(is_met: bool) -> Self {
        if is_met { Self::Met } else { Self::Unmet }
    }

    fn draw(self) -> Markup {
        match self {
            Self::Met => html! { span.met { "✓ met" } },
            Self::Unmet => html! { span.unmet { "✗ not met" } },
            Self::Configured => html! { span.met { "✓ its configuration allows it" } },
        }
    }
}

/// What a consumer wants of the blocks.
struct Demand {
    wants: String,
    has: String,
    verdict: Verdict,
}

fn demands(stats: &StatsFile<'_>) -> Markup {
    let statistics = stats.statistics;
    let Some(consumer) = statistics.profile.consumer else {
        return html! {
            p { "These blocks are not written for a particular trainer. Set " code { "consumer" }
                " to write them for one; this page then compares them with what it accepts." }
        };
    };
    let demands = demands_of(consumer, stats);
    let unmet = demands
        .iter()
        .filter(|demand| demand.verdict == Verdict::Unmet)
        .count() as u64;
    html! {
        section {
            h2 {
                @if unmet == 0 { (consumer.title()) " takes them as they are" }
                @else { (consumer.title()) ": " (count(unmet, "thing", "things")) " to change" }
            }
            table.demands {
                thead { tr {
                    th scope="col" { "What it wants" }
                    th scope="col" { "What there is" }
                    th scope="col" { span.unseen { "Verdict" } }
                } }
                tbody {
                    @for demand in &demands {
                        tr {
                            th scope="row" { (demand.wants) }
                            td { (demand.has) }
                            td { (demand.verdict.draw()) }
                        }
                    }
                }
            }
        }
    }
}

fn demands_of(consumer: Consumer, stats: &StatsFile<'_>) -> Vec<Demand> {
    let statistics = stats.statistics;
    let limits = consumer.limits();
    let rows = statistics.train_blocks();
    let blocks = |number| count(number, "block", "blocks");
    let mut demands = Vec::new();
    let mut add = |wants: String, has: String, is_met: bool| {
        let verdict = Verdict::of(is_met);
        demands.push(Demand {
            wants,
            has,
            verdict,
        });
    };
    let wants = format!("at least {}", blocks(limits.min_rows));
    add(wants, blocks(rows), rows >= limits.min_rows);
    if let Some(recommended) = limits.recommended_rows {
        let wants = format!("ideally {} or more", blocks(recommended));
        add(wants, blocks(rows), rows >= recommended);
    }
    if let Some(most) = limits.max_rows {
        let wants = format!("at most {}", blocks(most));
        add(wants, blocks(rows), rows <= most);
    }
    let for_validation = statistics.split.map(|split| split.validation_blocks);
    if let Some((most, rows)) = limits.max_validation_rows.zip(for_validation) {
        let wants = format!("at most {} for validation", blocks(most));
        add(wants, blocks(rows), rows <= most);
    }
    if let Some(most) = limits.max_bytes {
        let (bytes, most_shown) = (statistics.train_bytes, megabytes(most));
        let wants = format!("a file of at most {most_shown}");
        add(wants, megabytes(bytes), bytes <= most);
    }
    if let (Some(most), Some(longest)) = (limits.max_row_tokens, stats.training_length) {
        let wants = format!("at most {} tokens per block", number(most));
        let has = format!("up to {}", number(longest));
        add(wants, has, longest <= most);
    }
    if let (Some(default), Some(longest)) = (consumer.default_length(), stats.training_length) {
        let is_within = longest <= default.into();
        demands.push(Demand {
            wants: format!(
                "up to {} tokens per block by default",
                number(default.into())
            ),
            has: format!("up to {}", number(longest)),
            verdict: if is_within {
                Verdict::Met
            } else {
                Verdict::Configured
            },
        });
    }
    demands
}

fn megabytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", number(bytes.div_ceil(1_000))),
        _ => format!("{} MB", number(bytes.div_ceil(1_000_000))),
    }
}
