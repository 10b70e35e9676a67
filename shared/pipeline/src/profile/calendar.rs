//! When something happened, by the wall clock of the export.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};

use crate::date::Micros;

/// A month of a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    /// The year.
    pub year: i16,
    /// From 1 to 12.
    pub month: i8,
}

/// Moments by month, and by hour of the week. Dates have four digits for the year at most, so that there are
/// no more months than that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    months: BTreeMap<Month, u64>,
    week: [[u64; 24]; 7],
}

impl Calendar {
    /// Counts a moment; one beyond the years that there are names for is left out.
    pub(crate) fn add(&mut self, wall: Micros) {
        let Ok(moment) = Timestamp::from_microsecond(wall) else {
            return;
        };
        let date = TimeZone::UTC.to_datetime(moment);
        let month = Month {
            year: date.year(),
            month: date.month(),
        };
        *self.months.entry(month).or_default() += 1;
        let day = date.weekday().to_monday_zero_offset().unsigned_abs();
        self.week[usize::from(day)][usize::from(date.hour().unsigned_abs())] += 1;
    }

    /// The months in which something happened, with how often, the earliest first.
    pub fn months(&self) -> impl DoubleEndedIterator<Item = (Month, u64)> {
        self.months.iter().map(|(month, count)| (*month, *count))
    }

    /// How often something happened in each hour of each day of the week, from Monday on.
    pub fn week(&self) -> &[[u64; 24]; 7] {
        &self.week
    }

    /// How often something happened.
    pub fn total(&self) -> u64 {
        self.months.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::date;

    #[test]
    fn a_moment_counts_for_its_month_and_its_hour_of_the_week() {
        let mut calendar = Calendar::default();
        // A Sunday, a Monday, and the Monday before 1970.
        for text in [
            "2024-03-10T23:59:59",
            "2024-03-11T00:00:00",
            "1969-12-29T00:30:00",
        ] {
            calendar.add(date::parse(text).unwrap().wall);
        }
        calendar.add(Micros::MIN);
        let month = |year, month| Month { year, month };
        let months: Vec<_> = calendar.months().collect();
        assert_eq!(months, [(month(1969, 12), 1), (month(2024, 3), 2)]);
        assert_eq!((calendar.week()[6][23], calendar.week()[0][0]), (1, 2));
        assert_eq!(calendar.total(), 3);
    }
}
