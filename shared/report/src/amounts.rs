//! Numbers and parts, as people read them.

pub(crate) use resonare_pipeline::{counted as count, grouped as number};

/// A part of a whole between 0 and 1; 0 of nothing.
pub(crate) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

/// A part in percent, where only all is 100% and only nothing 0%.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    let percent = ratio(part, whole) * 100.0;
    match percent {
        _ if part == 0 => "0%".to_owned(),
        _ if percent < 1.0 => "less than 1%".to_owned(),
        _ if part < whole && percent > 99.0 => "more than 99%".to_owned(),
        _ => format!("{percent:.0}%"),
    }
}

/// A part in words where there is a word for it, else in percent.
pub(crate) fn portion(part: u64, whole: u64) -> String {
    let words = match ratio(part, whole) {
        _ if part == whole => "all",
        0.95.. => "nearly all",
        0.735..0.765 => "three quarters",
        0.65..0.685 => "two thirds",
        0.48..0.52 => "half",
        0.315..0.35 => "a third",
        0.235..0.265 => "a quarter",
        _ => return percent(part, whole),
    };
    words.to_owned()
}

/// A length for an attribute: percent of the width, with two decimal places.
pub(crate) fn width(part: f64) -> String {
    format!("{:.2}%", part * 100.0)
}

/// A round time in the largest unit that has it whole.
pub(crate) fn duration(seconds: u64) -> String {
    const UNITS: [(u64, &str, &str); 3] = [
        (86_400, "day", "days"),
        (3_600, "h", "h"),
        (60, "min", "min"),
    ];
    for (unit, one, many) in UNITS {
        if seconds >= unit && seconds.is_multiple_of(unit) {
            return count(seconds / unit, one, many);
        }
    }
    format!("{} s", number(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_all_is_all_and_only_nothing_is_nothing() {
        let parts = [(0, 5), (1, 1000), (43, 100), (999, 1000), (5, 5)];
        let percents = parts.map(|(part, whole)| percent(part, whole));
        assert_eq!(
            percents,
            ["0%", "less than 1%", "43%", "more than 99%", "100%"]
        );
        assert_eq!(percent(0, 0), "0%");
        let parts = [(50, 100), (33, 100), (40, 100), (99, 100), (100, 100)];
        let portions = parts.map(|(part, whole)| portion(part, whole));
        assert_eq!(portions, ["half", "a third", "40%", "nearly all", "all"]);
    }

    #[test]
    fn a_time_is_told_in_its_largest_whole_unit() {
        let times = [1, 90, 60, 3_600, 5_400, 86_400, 172_800].map(duration);
        let expected = ["1 s", "90 s", "1 min", "1 h", "90 min", "1 day", "2 days"];
        assert_eq!(times, expected);
    }
}
