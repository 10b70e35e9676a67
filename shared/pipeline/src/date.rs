//! Dates as exports write them.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use crate::digits;
use crate::json::span::StringSpan;

/// Microseconds from 1970-01-01T00:00:00, of a clock on a wall or, for a moment, in UTC.
pub(crate) type Micros = i64;

const SECOND: Micros = 1_000_000;

/// A date as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    /// What the clock on the wall showed.
    pub(crate) wall: Micros,
    /// The moment in UTC, which for a date without an offset is taken to be `wall`.
    pub(crate) moment: Micros,
    /// Whether it said its offset from UTC.
    pub(crate) zoned: bool,
    /// Whether it has the form `YYYY-MM-DDTHH:MM:SS`, and so can be written again from `wall`.
    pub(crate) plain: bool,
}

impl Date {
    /// The date of a message that has only a moment.
    pub(crate) fn utc(moment: Micros) -> Self {
        Self {
            wall: moment,
            moment,
            zoned: true,
            plain: true,
        }
    }
}

/// Reads an ISO 8601 date, with or without a time of day, a fraction and an offset.
pub(crate) fn parse(text: &str) -> Option<Date> {
    plain_date(text.as_bytes()).or_else(|| parse_other(text))
}

/// Reads a date as [`parse`] does.
pub(crate) fn parse_written(text: StringSpan<'_>) -> Option<Date> {
    plain_date(text.bytes).or_else(|| parse(&text.decoded()))
}

fn plain_date(text: &[u8]) -> Option<Date> {
    let wall = parse_plain(text)?;
    Some(Date {
        wall,
        moment: wall,
        zoned: false,
        plain: true,
    })
}

/// Reads a date that is written otherwise than most.
fn parse_other(text: &str) -> Option<Date> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        // The wall clock's time is what precedes the offset.
        let wall = jiff::fmt::temporal::DateTimeParser::new()
            .parse_datetime(text.trim_end_matches(['Z', 'z']))
            .map_or(timestamp.as_microsecond(), wall_micros);
        let moment = timestamp.as_microsecond();
        return Some(Date {
            wall,
            moment,
            zoned: true,
            plain: false,
        });
    }
    let wall = wall_micros(text.parse::<DateTime>().ok()?);
    Some(Date {
        wall,
        moment: wall,
        zoned: false,
        plain: false,
    })
}

fn wall_micros(date: DateTime) -> Micros {
    date.to_zoned(TimeZone::UTC)
        .map_or(Micros::MIN, |zoned| zoned.timestamp().as_microsecond())
}

/// `YYYY-MM-DDTHH:MM:SS`, what Telegram writes and so what must be fast.
fn parse_plain(text: &[u8]) -> Option<Micros> {
    let text: &[u8; 19] = text.try_into().ok()?;
    let number = |from: usize, to: usize| digits::plain(&text[from..to]);
    let separators = [text[4], text[7], text[10], text[13], text[16]];
    if separators != *b"--T::" {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let in_range = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    in_range.then(|| {
        (days_from_epoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second) * SECOND
    })
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the proleptic Gregorian calendar, counted in years that begin in March, so that the leap
/// day comes last.
fn days_from_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
        - 719_468
}

/// The form that [`Date::plain`] dates have; years beyond four digits, which only
/// `date_unixtime` can name, are written by jiff's extended form.
pub(crate) fn write_plain(wall: Micros, out: &mut String) {
    use std::fmt::Write as _;
    match Timestamp::from_second(wall.div_euclid(SECOND)) {
        Ok(timestamp) => write!(out, "{}", TimeZone::UTC.to_datetime(timestamp)),
        Err(_) => write!(out, "{wall}"),
    }
    .expect("writing to a string does not fail");
}

/// Reads seconds as [`parse_unixtime`] does.
pub(crate) fn parse_written_unixtime(text: StringSpan<'_>) -> Option<Micros> {
    /// All numbers of so few digits are moments.
    const MOST_DIGITS: usize = 10;
    let plain = digits::plain(text.bytes).filter(|_| text.bytes.len() <= MOST_DIGITS);
    let micros = plain.map(|seconds| seconds * SECOND);
    micros.or_else(|| parse_unixtime(&text.decoded()))
}

/// Reads `date_unixtime`: seconds since 1970, whole or with a fraction.
pub(crate) fn parse_unixtime(text: &str) -> Option<Micros> {
    if let Ok(seconds) = text.parse::<i64>() {
        let micros = seconds.checked_mul(SECOND)?;
        return Timestamp::from_microsecond(micros)
            .is_ok()
            .then_some(micros);
    }
    let is_decimal = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    let seconds: f64 = if is_decimal {
        text.parse().ok()?
    } else {
        return None;
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked to be in a timestamp's range"
    )]
    let micros = (seconds * SECOND as f64).round() as i64;
    Timestamp::from_microsecond(micros)
        .is_ok()
        .then_some(micros)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_are_read_with_and_without_offset() {
        let plain = parse("2024-03-10T10:00:00").unwrap();
        assert!(plain.plain && !plain.zoned && plain.wall == 1_710_064_800 * SECOND);
        let zoned = parse("2024-03-10T10:00:00+02:00").unwrap();
        assert!(
            zoned.zoned && zoned.wall == plain.wall && zoned.moment == plain.wall - 7200 * SECOND
        );
        let utc = parse("2024-03-10T10:00:00Z").unwrap();
        assert!(utc.zoned && utc.moment == plain.wall && utc.wall == plain.wall);
        assert_eq!(
            parse("2024-03-10T10:00:00.5").unwrap().wall,
            plain.wall + SECOND / 2
        );
        assert_eq!(
            parse("2024-03-10").unwrap().wall,
            plain.wall - 36_000 * SECOND
        );
    }

    #[test]
    fn what_is_not_a_date_is_refused() {
        for text in [
            "",
            "yesterday",
            "2024-02-30T00:00:00",
            "2023-02-29T10:00:00",
            "2024-01-01T24:00:00",
            "20x4-01-01T00:00:00",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn each_part_of_the_fast_form_has_its_range() {
        for (text, is_date) in [
            ("2024-02-29T00:00:00", true),
            ("2000-02-29T00:00:00", true),
            ("1900-02-29T00:00:00", false),
            ("2023-02-28T00:00:00", true),
            ("2023-02-29T00:00:00", false),
            ("2024-04-30T00:00:00", true),
            ("2024-04-31T00:00:00", false),
            ("2024-12-31T23:59:59", true),
            ("2024-12-32T00:00:00", false),
            ("2024-00-01T00:00:00", false),
            ("2024-13-01T00:00:00", false),
            ("2024-01-00T00:00:00", false),
            ("2024-01-01T24:00:00", false),
            ("2024-01-01T00:60:00", false),
            ("2024-01-01T00:00:60", false),
            ("2024-01-01 00:00:00", false),
            ("2024-01-01T00:00:0:", false),
            ("2024-01-01T00:00:0/", false),
        ] {
            assert_eq!(parse_plain(text.as_bytes()).is_some(), is_date, "{text}");
        }
    }

    #[test]
    fn a_moment_alone_is_a_date_in_utc() {
        let date = Date::utc(5);
        assert_eq!((date.wall, date.moment), (5, 5));
        assert!(date.zoned && date.plain);
    }

    #[test]
    fn unix_times_are_strings_of_seconds() {
        assert_eq!(parse_unixtime("1710064800"), Some(1_710_064_800 * SECOND));
        assert_eq!(
            parse_unixtime("1710064800.25"),
            Some(1_710_064_800 * SECOND + SECOND / 4)
        );
        assert_eq!(parse_unixtime("-1"), Some(-SECOND));
        assert_eq!(parse_unixtime("-1.5"), Some(-SECOND - SECOND / 2));
        for text in ["", "soon", "99999999999999999", "inf", "1e5"] {
            assert_eq!(parse_unixtime(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_with_escapes_is_read_like_what_is_not() {
        let span = |text: &'static str| StringSpan {
            bytes: text.as_bytes(),
            escaped: None,
        };
        for text in ["", "0", "1710064800", "17100648000", "-1", "1.5", "soon"] {
            let read = parse_unixtime(text);
            assert_eq!(parse_written_unixtime(span(text)), read, "{text}");
        }
        let escaped = span(r"171006480\u0030");
        assert_eq!(
            parse_written_unixtime(escaped),
            parse_unixtime("1710064800")
        );
        for text in ["2024-03-10T10:00:00", "2024-03-10T10:00:00Z", "2024-03-10"] {
            assert_eq!(parse_written(span(text)), parse(text), "{text}");
        }
        let escaped = span(r"2024-03-10T10\u003a00:00");
        assert_eq!(parse_written(escaped), parse("2024-03-10T10:00:00"));
    }

    proptest! {
        #[test]
        fn the_fast_form_agrees_with_jiff_both_ways(seconds in -62_135_596_800_i64..253_402_300_799) {
            let mut text = String::new();
            write_plain(seconds * SECOND, &mut text);
            prop_assert_eq!(text.len(), 19);
            prop_assert_eq!(parse_plain(text.as_bytes()), Some(seconds * SECOND));
            let by_jiff = wall_micros(text.parse().unwrap());
            prop_assert_eq!(by_jiff, seconds * SECOND);
        }

        #[test]
        fn the_fast_form_accepts_only_what_jiff_accepts(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]") {
            let by_jiff = text.parse::<DateTime>().ok().map(wall_micros);
            // jiff reads a leap second as :59.
            if !text.ends_with(":60") {
                prop_assert_eq!(parse_plain(text.as_bytes()), by_jiff);
            }
        }
    }
}
