//! What a cell of a text file can be: missing, a number, a date, or else text.

use chrono::{Datelike, NaiveDate, NaiveTime, Timelike};
use serde::{Deserialize, Serialize};

/// Days from 1 January of the year 1 to 1 January 1970.
const EPOCH: i32 = 719_163;

/// The cells that say that there is no value, without the blanks around them.
pub const MISSING: [&str; 18] = [
    "", "?", "NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "NaN", "nan", "NAN", "-nan", "-NaN", "null", "NULL", "Null",
    "None", "NaT",
];

/// Whether a cell, without the blanks around it, says that there is no value.
pub(crate) fn is_missing(cell: &str) -> bool {
    MISSING.contains(&cell)
}

/// The order of year, month and day in the dates of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateOrder {
    /// 2024-12-31
    YearFirst,
    /// 12/31/2024
    MonthFirst,
    /// 31.12.2024
    DayFirst,
}

impl DateOrder {
    /// All orders; of those that fit a column, the first is taken.
    pub(crate) const ALL: [DateOrder; 3] = [DateOrder::YearFirst, DateOrder::MonthFirst, DateOrder::DayFirst];

    /// A date in this order.
    pub(crate) fn example(self) -> &'static str {
        match self {
            DateOrder::YearFirst => "2024-12-31",
            DateOrder::MonthFirst => "12/31/2024",
            DateOrder::DayFirst => "31.12.2024",
        }
    }
}

/// A date as days since the beginning of 1970, with the time of day as a fraction, or nothing if the cell is no date in
/// this order. Between the parts of the date stand `-`, `/` or `.`; a time may follow after a blank or a T, and a zone
/// after the time.
pub(crate) fn date(cell: &str, order: DateOrder) -> Option<f64> {
    let (date, time) = match cell.split_once(['T', ' ']) {
        Some((date, time)) => (date, Some(time.trim())),
        None => (cell, None),
    };
    let separator = date.chars().find(|character| matches!(character, '-' | '/' | '.'))?;
    let mut parts = date.split(separator);
    let [first, second, third] = [parts.next()?, parts.next()?, parts.next()?];
    let (year, month, day) = match order {
        DateOrder::YearFirst => (first, second, third),
        DateOrder::MonthFirst => (third, first, second),
        DateOrder::DayFirst => (third, second, first),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let sizes = year.len() == 4 && (1..=2).contains(&month.len()) && (1..=2).contains(&day.len());
    if parts.next().is_some() || !sizes || ![year, month, day].into_iter().all(digits) {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)?;
    let days = f64::from(date.num_days_from_ce() - EPOCH);
    Some(days + time.map_or(Some(0.0), time_of_day)?)
}

/// A time such as 17:30, 17:30:15.25 or 17:30+02:00 as a part of a day; with a zone, the time in UTC.
fn time_of_day(text: &str) -> Option<f64> {
    let (clock, zone) = match text.find(['Z', '+', '-']) {
        Some(at) => (text[..at].trim_end(), &text[at..]),
        None => (text, "Z"),
    };
    let hours_and_minutes = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").ok();
    let time = hours_and_minutes(clock).or_else(|| NaiveTime::parse_from_str(clock, "%H:%M:%S%.f").ok())?;
    let offset = match zone.split_at(1) {
        ("Z", "") => 0.0,
        (sign, zone) => {
            let zone = hours_and_minutes(zone).or_else(|| NaiveTime::parse_from_str(zone, "%H%M").ok())?;
            let seconds = f64::from(zone.num_seconds_from_midnight());
            if sign == "-" { -seconds } else { seconds }
        }
    };
    let seconds = f64::from(time.num_seconds_from_midnight()) + f64::from(time.nanosecond()) * 1e-9;
    Some((seconds - offset) / 86_400.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_become_days() {
        use DateOrder::{DayFirst, MonthFirst, YearFirst};
        for (cell, order, days) in [
            ("1970-01-01", YearFirst, 0.0),
            ("1969-12-31", YearFirst, -1.0),
            ("2024/2/29", YearFirst, 19_782.0),
            ("29.02.2024", DayFirst, 19_782.0),
            ("2/29/2024", MonthFirst, 19_782.0),
            ("1970-01-02 12:00", YearFirst, 1.5),
            ("1970-01-02T06:00:00.000Z", YearFirst, 1.25),
            ("1970-01-02T06:00+06:00", YearFirst, 1.0),
            ("1970-01-02 06:00:00-0600", YearFirst, 1.5),
        ] {
            assert_eq!(date(cell, order), Some(days), "{cell}");
        }
    }

    #[test]
    fn other_text_is_no_date() {
        for cell in
            ["", "-", "2024", "2024-02", "2023-02-29", "24-02-01", "2024-02-01-03", "2024-02-01 25:00", "+024-01-01"]
        {
            assert_eq!(date(cell, DateOrder::YearFirst), None, "{cell}");
        }
        for cell in ["1970-01-01 é", "1970-01-01 +", "1970-01-01 Zé", "é.é.éé", "1970-01-01 10:00+é"] {
            assert_eq!(date(cell, DateOrder::YearFirst), None, "{cell}");
        }
        assert_eq!(date("31/12/2024", DateOrder::MonthFirst), None);
        assert_eq!(date("192.168.2000", DateOrder::DayFirst), None);
    }

    #[test]
    fn missing_is_what_other_programs_write_for_it() {
        for cell in ["", "?", "NA", "N/A", "NaN", "null", "None"] {
            assert!(is_missing(cell), "{cell}");
        }
        for cell in ["none", "unknown", "0", "-", "no"] {
            assert!(!is_missing(cell), "{cell}");
        }
    }
}
