//! Numbers as a person reads them.

use chrono::DateTime;

/// A number of rows with a comma after every three digits; a sum of weights has up to two digits after the point.
pub fn count(rows: f64) -> String {
    let text = if rows.fract() == 0.0 { format!("{rows:.0}") } else { format!("{rows:.2}") };
    let (whole, rest) = text.split_once('.').map_or((&*text, ""), |(whole, _)| (whole, &text[whole.len()..]));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) && grouped != "-" {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

/// About so many digits, with an exponent where the number is very large or small.
pub fn significant(number: f64, digits: usize) -> String {
    let size = number.abs();
    if number == 0.0 || !number.is_finite() {
        return number.to_string();
    }
    if !(1e-4..1e7).contains(&size) {
        return format!("{number:.*e}", digits - 1);
    }
    let before_point = size.log10().floor() as i64 + 1;
    let text = format!("{number:.*}", (digits as i64 - before_point).max(0) as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// For the axis of a figure.
pub fn tick(number: &f64) -> String {
    // Steps of an axis are sums, and the one that should be 0 may be off by their rounding.
    if number.abs() < 1e-12 { "0".to_owned() } else { significant(*number, 4) }
}

/// A fraction as a percentage.
pub fn percent(fraction: f64) -> String {
    format!("{:.1} %", 100.0 * fraction)
}

/// Days since the beginning of 1970 as a date.
pub fn date(days: f32) -> String {
    let seconds = f64::from(days) * 86_400.0;
    DateTime::from_timestamp(seconds as i64, 0)
        .map_or_else(|| format!("day {days}"), |time| time.format("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!([0.0, 999.0, 1000.0, 1234567.0, 1234.5].map(count), ["0", "999", "1,000", "1,234,567", "1,234.50"]);
        assert_eq!([-999.0, -123_456.0].map(count), ["-999", "-123,456"]);
        let shown = [0.0, 0.5, 0.123_456, 12_345.6, 1e9, -0.000_012].map(|number| significant(number, 4));
        assert_eq!(shown, ["0", "0.5", "0.1235", "12346", "1.000e9", "-1.200e-5"]);
        assert_eq!((date(0.0), date(19_723.0)), ("1970-01-01".to_owned(), "2024-01-01".to_owned()));
    }
}
