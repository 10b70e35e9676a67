//! The shape of the blocks: tokens against the limits, and how long they are.

use maud::{Markup, html};
use resonare_pipeline::{Profile, Range, Statistics, TokenBudget};

use crate::amounts::{count, duration, number, percent, portion, width};
use crate::chart::{Alternative, Bar, Row, bars, label, numbers, picture};
use crate::text::sentence;

/// Pixels of the bars at most, and of the axis below.
const HEIGHT: f64 = 170.0;
const AXIS: f64 = 26.0;
/// The part of the width that a number takes on a phone.
const ROOM: f64 = 0.15;
/// Blocks that were dropped are drawn up to so many times the most of those that were kept; the shortest are
/// often very many.
const CLIP: u64 = 3;

pub(crate) fn section(statistics: &Statistics) -> Markup {
    let profile = &statistics.profile;
    let (emitted, dropped) = (&profile.emitted_tokens, &profile.dropped_tokens);
    if emitted.total() + dropped.total() == 0 {
        return html! {};
    }
    html! {
        section {
            h2 { (title(profile)) }
            p.key { "Blocks by number of tokens (" (budget(profile.token_budget)) "): "
                @if emitted.total() > 0 { span.kept { "kept" } ", " }
                span.lost { "left out" } "." }
            (tokens(profile))
            (token_numbers(profile))
            @if emitted.total() > 0 {
                div.strips {
                    (messages(profile))
                    (times(profile))
                    (gaps(statistics))
                }
            }
        }
    }
}

fn budget(budget: TokenBudget) -> &'static str {
    match budget {
        TokenBudget::Content => "of the messages alone",
        TokenBudget::Rendered => "as written",
        TokenBudget::Template => "in the model's chat template",
    }
}

fn title(profile: &Profile) -> String {
    let (kept, dropped) = (
        profile.emitted_tokens.total(),
        profile.dropped_tokens.total(),
    );
    let (min, max) = (profile.limits.min(), profile.limits.max());
    let limits = format!("{} to {} tokens", number(min), number(max));
    if dropped == 0 {
        return format!("All blocks are within the limits of {limits}");
    }
    let all = count(kept + dropped, "block", "blocks");
    match kept {
        0 => format!("None of {all} kept; the limits are {limits}"),
        _ => format!("{} of {all} kept; the limits are {limits}", number(kept)),
    }
}

/// What each bin has: kept, and left out. The one beyond the limit is there if it has anything.
fn bins(profile: &Profile) -> Vec<(u64, u64)> {
    let emitted = profile.emitted_tokens.counts().iter().copied();
    let dropped = profile.dropped_tokens.counts().iter().copied();
    let mut bins: Vec<_> = emitted.zip(dropped).collect();
    if bins.last() == Some(&(0, 0)) {
        bins.pop();
    }
    bins
}

fn tokens(profile: &Profile) -> Markup {
    let bins = bins(profile);
    let most_kept = bins.iter().map(|(kept, _)| *kept).max().unwrap_or_default();
    let most = bins.iter().map(|(kept, dropped)| kept + dropped).max();
    let mut top = most.unwrap_or_default();
    if most_kept > 0 {
        top = top.min(most_kept * CLIP);
    }
    let bin_width = 1.0 / bins.len() as f64;
    let scale = HEIGHT / top.max(1) as f64;
    let (min, max) = (profile.limits.min(), profile.limits.max());
    let place = |tokens: u64| {
        let bin = tokens as f64 / profile.emitted_tokens.width() as f64;
        bin.min(bins.len() as f64) * bin_width
    };
    let clipped = bins.iter().position(|(kept, dropped)| kept + dropped > top);
    let description = format!(
        "{} blocks were kept and {} left out; the limits are {} and {} tokens.",
        number(profile.emitted_tokens.total()),
        number(profile.dropped_tokens.total()),
        number(min),
        number(max)
    );
    let alternative = Alternative {
        id: "tokens",
        title: "Blocks by tokens, against the limits",
        description: &description,
    };
    let base = HEIGHT + 18.0;
    let content = html! {
        @for (bin, (kept, dropped)) in bins.iter().enumerate() {
            @let left = bin as f64 * bin_width;
            @let kept_height = *kept as f64 * scale;
            @let dropped_height = (*dropped as f64 * scale).min(HEIGHT - kept_height);
            @if *kept > 0 {
                (Bar { class: "kept", left, width: bin_width * 0.86, top: base - kept_height, height: kept_height }.draw())
            }
            @if *dropped > 0 {
                (Bar { class: "lost", left, width: bin_width * 0.86,
                    top: base - kept_height - dropped_height, height: dropped_height }.draw())
            }
        }
        @if let Some(bin) = clipped {
            @let (kept, dropped) = bins[bin];
            (label("note", bin as f64 * bin_width, 12.0, &format!("↑ {}", number(kept + dropped))))
        }
        line.axis x1="0" x2="100%" y1=(base) y2=(base) {}
        @for limit in [min, max].into_iter().filter(|limit| *limit > 0) {
            line.limit x1=(width(place(limit))) x2=(width(place(limit))) y1="18" y2=(base + 6.0) {}
        }
        @let baseline = base + AXIS - 4.0;
        @if place(min) > ROOM { (label("tick start", 0.0, baseline, "0")) }
        @if min > 0 && place(max) - place(min) > ROOM {
            (label("tick", place(min), baseline, &number(min)))
            (label("tick end", place(max), baseline, &number(max)))
        } @else {
            (label("tick end", place(max), baseline, &format!("{} to {}", number(min), number(max))))
        }
    };
    picture(&alternative, 214, content)
}

fn token_numbers(profile: &Profile) -> Markup {
    let width = profile.emitted_tokens.width();
    let max = profile.limits.max();
    let rows = bins(profile).into_iter().zip(0_u64..);
    let rows = rows.filter(|((kept, dropped), _)| kept + dropped > 0);
    let rows = rows.map(|((kept, dropped), bin)| {
        let (from, to) = (bin * width + 1, (bin + 1) * width);
        let name = if from > max {
            format!("more than {}", number(max))
        } else if bin == 0 {
            format!("up to {}", number(to))
        } else {
            format!("{} to {}", number(from), number(to.min(max)))
        };
        vec![name, number(kept), number(dropped)]
    });
    numbers(
        "Blocks by tokens",
        &["Tokens", "Kept", "Left out"],
        &rows.collect::<Vec<_>>(),
    )
}

/// Ranges with their names, without those at the ends that have nothing.
struct Distribution(Vec<(String, Range)>);

impl Distribution {
    fn of(ranges: impl Iterator<Item = Range>, name: impl Fn(&Range) -> String) -> Self {
        let mut named: Vec<_> = ranges.map(|range| (name(&range), range)).collect();
        let has_some = |(_, range): &(String, Range)| range.count > 0;
        named.truncate(named.iter().rposition(has_some).map_or(0, |last| last + 1));
        named.drain(..named.iter().position(has_some).unwrap_or_default());
        Self(named)
    }

    fn total(&self) -> u64 {
        self.0.iter().map(|(_, range)| range.count).sum()
    }

    fn largest(&self) -> Option<&(String, Range)> {
        // Of equals, the first.
        let ranges = self.0.iter().rev();
        ranges.max_by_key(|(_, range)| range.count)
    }

    fn draw(&self, title: &str, caption: &str) -> Markup {
        let most = self.largest().map_or(0, |(_, range)| range.count);
        let rows = self.0.iter().map(|(name, range)| Row {
            name: html! { (name) },
            count: range.count,
            class: "kept",
        });
        let rows: Vec<_> = rows.collect();
        html! { div { h3 { (title) } (bars(caption, most, &rows)) } }
    }
}

fn messages(profile: &Profile) -> Markup {
    let messages = Distribution::of(profile.messages.iter(), |range| {
        let from = range.above.map_or(1, |above| above + 1);
        match range.up_to {
            None => format!("{} or more", number(from)),
            Some(up_to) if up_to == from => number(up_to),
            Some(up_to) => format!("{} to {}", number(from), number(up_to)),
        }
    });
    let title = messages.largest().map(|(name, range)| {
        let part = sentence(&portion(range.count, messages.total()));
        match name.as_str() {
            "1" => format!("{part} of the blocks have 1 message"),
            _ => format!("{part} of the blocks have {name} messages"),
        }
    });
    messages.draw(&title.unwrap_or_default(), "Blocks by number of messages")
}

fn by_time(range: &Range) -> String {
    match (range.above, range.up_to) {
        (None, Some(up_to)) => format!("up to {}", duration(up_to)),
        (Some(above), Some(up_to)) => {
            let (from, to) = (duration(above), duration(up_to));
            // Of one unit, it is said once.
            match (from.split_once(' '), to.split_once(' ')) {
                (Some((number, unit)), Some((_, same))) if unit == same => {
                    format!("{number} to {to}")
                }
                _ => format!("{from} to {to}"),
            }
        }
        (above, None) => format!("over {}", duration(above.unwrap_or_default())),
    }
}

fn times(profile: &Profile) -> Markup {
    let times = Distribution::of(profile.seconds.iter(), by_time);
    let title = times.largest().map(|(name, range)| {
        let part = sentence(&portion(range.count, times.total()));
        format!("{part} take {name} from the first message to the last")
    });
    times.draw(
        &title.unwrap_or_default(),
        "Blocks by the time that they take",
    )
}

fn gaps(statistics: &Statistics) -> Markup {
    let mut above = None;
    let ranges = statistics.gaps.histogram().map(|gap| Range {
        above: std::mem::replace(&mut above, gap.up_to_secs),
        up_to: gap.up_to_secs,
        count: gap.gaps,
    });
    let gaps = Distribution::of(ranges, by_time);
    let threshold = statistics.profile.threshold.as_secs();
    let longer = gaps
        .0
        .iter()
        .filter(|(_, range)| range.above >= Some(threshold));
    let longer: u64 = longer.map(|(_, range)| range.count).sum();
    let is_edge = statistics
        .gaps
        .histogram()
        .any(|gap| gap.up_to_secs == Some(threshold));
    let title = if is_edge && longer > 0 {
        let part = sentence(&percent(longer, gaps.total()));
        format!(
            "{part} of the pauses are over {}, and end a conversation",
            duration(threshold)
        )
    } else {
        format!("A pause over {} ends a conversation", duration(threshold))
    };
    gaps.draw(&title, "Pauses between the messages of a chat")
}
