//! When the conversations were.

use maud::{Markup, html};
use resonare_pipeline::{Calendar, Month, Statistics};

use crate::amounts::{number, portion, width};
use crate::chart::{Alternative, Bar, label, numbers, picture};
use crate::text::sentence;

/// So many bars are drawn at most; where there are more months, a bar stands for several.
const BARS: i32 = 60;
/// How many months a bar may stand for.
const STEPS: [i32; 11] = [1, 3, 6, 12, 24, 60, 120, 240, 600, 1_200, 6_000];

const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// There is room for so many bars, however few there are.
const SLOTS: usize = 12;
/// Fewer conversations have no usual hour.
const ENOUGH_FOR_A_WEEK: u64 = 12;

/// Pixels of the bars at most.
const HEIGHT: f64 = 120.0;
/// Pixels of a row of the week.
const ROW: f64 = 20.0;
/// The part of the width that the names of the days take.
const NAMES: f64 = 0.1;

pub(crate) fn section(statistics: &Statistics) -> Markup {
    let calendar = &statistics.profile.beginnings;
    let Some(periods) = Periods::of(calendar) else {
        return html! {};
    };
    html! {
        section {
            h2 { (title(calendar)) }
            p.key { "Kept conversations, by the " (periods.unit()) " in which they began." }
            (periods.draw())
            (periods.numbers())
            @if calendar.total() >= ENOUGH_FOR_A_WEEK {
                h3 { (week_title(calendar)) }
                p.key { "Conversations by the hour in which they began, in the export's own time: "
                    "the stronger the color, the more conversations." }
                div.week { (week(calendar)) }
                (week_numbers(calendar))
            }
        }
    }
}

/// A month, as people write it.
pub(crate) fn month_name(month: Month) -> String {
    let name = usize::try_from(month.month - 1).ok();
    let name = name.and_then(|place| MONTHS.get(place)).unwrap_or(&"");
    format!("{name} {}", month.year)
}

/// Equal parts of the time from the first conversation to the last.
struct Periods {
    /// Months of each.
    step: i32,
    /// The number of the first, in steps.
    first: i32,
    counts: Vec<u64>,
}

/// The months since the year 0.
fn index(month: Month) -> i32 {
    i32::from(month.year) * 12 + i32::from(month.month) - 1
}

impl Periods {
    /// Nothing if nothing happened.
    fn of(calendar: &Calendar) -> Option<Self> {
        let first = index(calendar.months().next()?.0);
        let last = index(calendar.months().next_back()?.0);
        let bars = |step: i32| last.div_euclid(step) - first.div_euclid(step) + 1;
        let step = STEPS.into_iter().find(|step| bars(*step) <= BARS);
        let step = step.unwrap_or(STEPS[STEPS.len() - 1]);
        let first = first.div_euclid(step);
        let mut counts = vec![0; usize::try_from(bars(step)).unwrap_or_default()];
        for (month, count) in calendar.months() {
            let period = index(month).div_euclid(step) - first;
            counts[usize::try_from(period).unwrap_or_default()] += count;
        }
        Some(Self {
            step,
            first,
            counts,
        })
    }

    fn unit(&self) -> String {
        match self.step {
            1 => "month".to_owned(),
            3 => "quarter".to_owned(),
            6 => "half-year".to_owned(),
            12 => "year".to_owned(),
            months => format!("{}-year period", months / 12),
        }
    }

    /// The first month of a period.
    fn month(&self, period: usize) -> Month {
        let index = (self.first + i32::try_from(period).unwrap_or_default()) * self.step;
        Month {
            year: i16::try_from(index.div_euclid(12)).unwrap_or_default(),
            month: i8::try_from(index.rem_euclid(12) + 1).unwrap_or_default(),
        }
    }

    fn name(&self, period: usize) -> String {
        let month = self.month(period);
        match self.step {
            1 => month_name(month),
            3 => format!("quarter {} of {}", (month.month - 1) / 3 + 1, month.year),
            6 => format!("half-year {} of {}", (month.month - 1) / 6 + 1, month.year),
            12 => month.year.to_string(),
            months => format!(
                "{} to {}",
                month.year,
                i32::from(month.year) + months / 12 - 1
            ),
        }
    }

    fn draw(&self) -> Markup {
        let most = self.counts.iter().copied().max().unwrap_or_default();
        let peak = self.counts.iter().position(|count| *count == most);
        let peak = peak.unwrap_or_default();
        let bar = 1.0 / self.counts.len().max(SLOTS) as f64;
        let base = HEIGHT + 20.0;
        let description = format!(
            "From {} to {}; the most, {}, in {}.",
            self.name(0),
            self.name(self.counts.len() - 1),
            number(most),
            self.name(peak)
        );
        let alternative = Alternative {
            id: "periods",
            title: "Conversations over time",
            description: &description,
        };
        let content = html! {
            @for (period, count) in self.counts.iter().enumerate() {
                @if *count > 0 {
                    @let height = *count as f64 * HEIGHT / most as f64;
                    (Bar { class: "kept", left: period as f64 * bar, width: bar * 0.82,
                        top: base - height, height }.draw())
                }
            }
            @let class = if peak * 2 > self.counts.len() { "note end" } else { "note" };
            @let left = peak as f64 * bar + if class == "note" { 0.0 } else { bar * 0.82 };
            (label(class, left, 13.0, &number(most)))
            line.axis x1="0" x2="100%" y1=(base) y2=(base) {}
            @for (period, name) in self.ticks() {
                @let left = period as f64 * bar;
                line.tick x1=(width(left)) x2=(width(left)) y1=(base) y2=(base + 5.0) {}
                (label("tick start", left, base + 20.0, &name))
            }
        };
        picture(&alternative, 166, content)
    }

    /// What is written at the axis: each month where there are few, or years.
    fn ticks(&self) -> Vec<(usize, String)> {
        if self.step > 1 || self.counts.len() > SLOTS {
            return self.years();
        }
        let months = (0..self.counts.len()).map(|period| {
            let name = month_name(self.month(period));
            (period, name[..3].to_owned())
        });
        months.collect()
    }

    /// Where years begin on the axis, as many as there is room for on a phone.
    fn years(&self) -> Vec<(usize, String)> {
        let begins = |period: &usize| *period == 0 || self.month(*period).month == 1;
        let years: Vec<_> = (0..self.counts.len()).filter(begins).collect();
        let every = years.len().div_ceil(6);
        // The name of a first year that ends soon would run into that of the next.
        let room = self.counts.len() / 6;
        let skips_first = years.len() > 1 && years[1] < room.max(1);
        let years = years
            .into_iter()
            .skip(usize::from(skips_first))
            .step_by(every);
        let last_with_room = self.counts.len() - self.counts.len() / 10;
        years
            .filter(|period| *period == 0 || *period < last_with_room)
            .map(|period| (period, self.month(period).year.to_string()))
            .collect()
    }

    fn numbers(&self) -> Markup {
        let rows = self.counts.iter().enumerate();
        let rows = rows.filter(|(_, count)| **count > 0);
        let rows = rows.map(|(period, count)| vec![sentence(&self.name(period)), number(*count)]);
        numbers(
            "Conversations over time",
            &["Began in", "Conversations"],
            &rows.collect::<Vec<_>>(),
        )
    }
}

/// The year that has the most.
fn title(calendar: &Calendar) -> String {
    let mut years: Vec<(i16, u64)> = Vec::new();
    for (month, count) in calendar.months() {
        match years.last_mut() {
            Some((year, sum)) if *year == month.year => *sum += count,
            _ => years.push((month.year, count)),
        }
    }
    let all = calendar.total();
    let largest = years.iter().max_by_key(|(_, count)| *count);
    let (year, count) = largest.copied().unwrap_or_default();
    if count == all {
        return format!("All conversations are from {year}");
    }
    let part = sentence(&portion(count, all));
    format!("{part} of the conversations are from {year}")
}

/// The fewest hours of the day, in a row, that have half of all; nothing if these are nearly half of the day.
fn busiest_hours(calendar: &Calendar) -> Option<(usize, usize)> {
    let hours: [u64; 24] =
        std::array::from_fn(|hour| calendar.week().iter().map(|day| day[hour]).sum());
    let all: u64 = hours.iter().sum();
    (1..=8).find_map(|length| {
        let sum = |from: usize| {
            (0..length)
                .map(|hour| hours[(from + hour) % 24])
                .sum::<u64>()
        };
        let from = (0..24).max_by_key(|from| (sum(*from), 24 - from))?;
        (sum(from) * 2 >= all).then_some((from, (from + length) % 24))
    })
}

fn week_title(calendar: &Calendar) -> String {
    match busiest_hours(calendar) {
        Some((from, to)) => format!("Half of them began between {from}:00 and {to}:00"),
        None => "They began at all hours of the day".to_owned(),
    }
}

fn week(calendar: &Calendar) -> Markup {
    let week = calendar.week();
    let most = week.iter().flatten().copied().max().unwrap_or_default();
    let days = week.iter().zip(DAYS);
    let busiest = days.max_by_key(|(hours, _)| hours.iter().sum::<u64>());
    let description = format!(
        "The day with the most is {}.",
        busiest.map(|(_, day)| day).unwrap_or_default()
    );
    let alternative = Alternative {
        id: "week",
        title: "Conversations by the hour of the week in which they began",
        description: &description,
    };
    let cell = (1.0 - NAMES) / 24.0;
    let content = html! {
        @for (row, (day, name)) in week.iter().zip(DAYS).enumerate() {
            @let top = row as f64 * ROW;
            (label("tick start", 0.0, top + 14.0, &name[..3]))
            @for (hour, count) in day.iter().enumerate() {
                rect class={ "level" (level(*count, most)) } x=(width(NAMES + hour as f64 * cell))
                    width=(width(cell * 0.92)) y=(top) height="18" {}
            }
        }
        @for hour in [0, 6, 12, 18] {
            (label("tick start", NAMES + f64::from(hour) * cell, 7.0 * ROW + 14.0, &format!("{hour}:00")))
        }
    };
    picture(&alternative, 160, content)
}

/// One of five shades; the first is for nothing.
fn level(count: u64, most: u64) -> u64 {
    if count == 0 {
        0
    } else {
        1 + (count * 4 - 1) / most.max(1)
    }
}

fn week_numbers(calendar: &Calendar) -> Markup {
    let hours = 0..24;
    let rows = hours.map(|hour| {
        let days = calendar.week().iter().map(|day| number(day[hour]));
        [format!("{hour}:00")].into_iter().chain(days).collect()
    });
    let mut heads = vec!["From"];
    heads.extend(DAYS.map(|day| &day[..3]));
    numbers(
        "Conversations by the hour in which they began",
        &heads,
        &rows.collect::<Vec<Vec<_>>>(),
    )
}
