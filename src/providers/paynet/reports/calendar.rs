//! Days, months and settlement cycles in Malaysian time, and which of them a report may still be
//! asked for. Pure functions of the `now` that is handed in.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::Product;
use crate::providers::paynet::constants::{REPORT_OFFSET, RETENTION_DAYS, RETENTION_MONTHS};

/// The part of a day that a report covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Portion {
    /// The calendar day.
    Day,
    /// Cycle `001`, in v1 `_C1`.
    First,
    /// Cycle `002`, in v1 `_C2`.
    Second,
}

impl Portion {
    /// The value of `settlement_cycle` and `settlement_window`; a whole day has none.
    pub(crate) fn window(self) -> Option<&'static str> {
        match self {
            Self::Day => None,
            Self::First => Some("001"),
            Self::Second => Some("002"),
        }
    }

    /// Its first second of the day, and the first that no longer belongs to it.
    pub(crate) fn seconds(self, product: Product) -> std::ops::Range<u32> {
        let middle = second_cycle_begins(product);
        match self {
            Self::Day => 0..DAY_SECONDS,
            Self::First => 0..middle,
            Self::Second => middle..DAY_SECONDS,
        }
    }
}

pub(crate) const DAY_SECONDS: u32 = 86_400;

/// The second of the day at which cycle 2 begins: 14:00:00 for RPP, 14:30:00 for MyDebit. [public:
/// D-new] SAN follows MyDebit. \[assumed\]
pub(crate) fn second_cycle_begins(product: Product) -> u32 {
    match product {
        Product::Rpp => 14 * 3600,
        Product::MyDebit | Product::San => 14 * 3600 + 30 * 60,
    }
}

/// A calendar month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Month {
    first: Date,
}

impl Month {
    /// The month in which a day lies.
    pub(crate) fn of(date: Date) -> Self {
        Self {
            first: date.first_of_month(),
        }
    }

    /// Its days, from the first to the last.
    pub(crate) fn days(self) -> impl Iterator<Item = Date> {
        self.first
            .series(Span::new().days(1))
            .take(usize::from(self.first.days_in_month().unsigned_abs()))
    }

    /// Its last day.
    pub(crate) fn last(self) -> Date {
        self.first.last_of_month()
    }

    /// The month before it.
    pub(crate) fn before(self) -> Self {
        Self::of(self.first.saturating_sub(Span::new().days(1)))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.first.year(), self.first.month())
    }
}

/// Whether a day or month lies within what can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    /// It has not begun in Malaysia: E0002.
    Future,
    /// It can be asked for.
    Kept,
    /// It has left the retention: E0001 of a day, E0011 of a month.
    Gone,
}

/// The day that it is in Malaysia.
pub(crate) fn today(now: Timestamp) -> Date {
    REPORT_OFFSET.to_datetime(now).date()
}

/// Reads `yyyy-MM-dd` with leading zeros, and nothing else that a calendar library would take.
pub(crate) fn read_date(text: &str) -> Option<Date> {
    let digits = text.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    (text.len() == 10 && digits).then(|| text.parse().ok()).flatten()
}

/// Reads `yyyy-MM` with leading zeros.
pub(crate) fn read_month(text: &str) -> Option<Month> {
    (text.len() == 7).then(|| read_date(&format!("{text}-01"))).flatten().map(Month::of)
}

/// How old a day is.
pub(crate) fn age_of_date(date: Date, now: Timestamp) -> Age {
    let today = today(now);
    let oldest = today.saturating_sub(Span::new().days(RETENTION_DAYS));
    age(date, today, oldest)
}

/// How old a month is.
pub(crate) fn age_of_month(month: Month, now: Timestamp) -> Age {
    let current = Month::of(today(now));
    let oldest = Month::of(current.first.saturating_sub(Span::new().months(RETENTION_MONTHS)));
    age(month, current, oldest)
}

fn age<T: PartialOrd + Copy>(asked: T, current: T, oldest: T) -> Age {
    if asked > current {
        Age::Future
    } else if asked < oldest {
        Age::Gone
    } else {
        Age::Kept
    }
}

/// The instant at which a part of a day has ended in Malaysia, for whoever wants to know whether
/// its data can be complete.
pub(crate) fn ends_at(date: Date, portion: Portion, product: Product) -> Timestamp {
    let midnight = date
        .to_zoned(TimeZone::fixed(REPORT_OFFSET))
        .map_or(Timestamp::MAX, |zoned| zoned.timestamp());
    let seconds = i64::from(portion.seconds(product).end);
    midnight.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn the_day_begins_eight_hours_before_utc() {
        assert_eq!(today(at("2026-02-15T15:59:59Z")), date(2026, 2, 15));
        assert_eq!(today(at("2026-02-15T16:00:00Z")), date(2026, 2, 16));
    }

    #[test]
    fn only_dates_with_leading_zeros_that_exist_are_read() {
        assert_eq!(read_date("2028-02-29"), Some(date(2028, 2, 29)));
        assert_eq!(read_month("2026-02").map(|month| month.to_string()), Some("2026-02".into()));
        for text in [
            "",
            "2026-2-15",
            "2026-02-30",
            "2026/02/15",
            "20260215",
            "2026-02-15 ",
            "+026-02-15",
            "2026-02-15T00:00",
            "2026-13-01",
            "2026-00-10",
            "２０26-02-1",
        ] {
            assert_eq!(read_date(text), None, "{text}");
        }
        for text in ["", "2026-2", "2026-13", "2026-02-01", "202602", "2026-0x"] {
            assert_eq!(read_month(text), None, "{text}");
        }
    }

    #[test]
    fn the_future_and_the_retention_are_judged_in_malaysia() {
        let now = at("2026-05-31T16:30:00Z"); // 1 June, 00:30, in Malaysia

        assert_eq!(age_of_date(date(2026, 6, 1), now), Age::Kept);
        assert_eq!(age_of_date(date(2026, 6, 2), now), Age::Future);
        assert_eq!(age_of_date(date(2026, 3, 3), now), Age::Kept);
        assert_eq!(age_of_date(date(2026, 3, 2), now), Age::Gone);
        let month = |text| read_month(text).expect("a month");
        assert_eq!(age_of_month(month("2026-06"), now), Age::Kept);
        assert_eq!(age_of_month(month("2026-07"), now), Age::Future);
        assert_eq!(age_of_month(month("2026-03"), now), Age::Kept);
        assert_eq!(age_of_month(month("2026-02"), now), Age::Gone);
        assert_eq!(age_of_date(date(1926, 1, 1), now), Age::Gone);
        assert_eq!(age_of_date(Date::MAX, now), Age::Future);
    }

    #[test]
    fn the_cycles_part_the_day_without_gap() {
        for product in [Product::San, Product::MyDebit, Product::Rpp] {
            let (first, second) =
                (Portion::First.seconds(product), Portion::Second.seconds(product));
            assert_eq!(first.end, second.start);
            assert_eq!(first.start..second.end, Portion::Day.seconds(product));
        }
        assert_eq!(
            ends_at(date(2026, 2, 15), Portion::First, Product::Rpp),
            at("2026-02-15T06:00:00Z")
        );
        assert_eq!(
            ends_at(date(2026, 2, 15), Portion::Day, Product::MyDebit),
            at("2026-02-15T16:00:00Z")
        );
    }

    #[test]
    fn a_month_has_its_days() {
        let month = read_month("2028-02").expect("a month");

        assert_eq!(month.days().count(), 29);
        assert_eq!(month.days().last(), Some(month.last()));
    }
}
