//! Numbers as a person reads them.

/// Three digits, or all those before the point.
pub fn rounded(number: f64) -> String {
    let digits_before_point = number.abs().max(1.0).log10() as usize;
    format!("{number:.*}", 2usize.saturating_sub(digits_before_point))
}

/// Three digits and a unit of a thousand or a million where that is shorter.
pub fn scaled(number: f64) -> String {
    match number {
        1e6.. => format!("{} M", rounded(number / 1e6)),
        1e3.. => format!("{} k", rounded(number / 1e3)),
        _ => rounded(number),
    }
}

/// A fraction as a percentage.
pub fn percent(fraction: f64) -> String {
    format!("{:.0} %", 100.0 * fraction)
}

/// How many times as fast.
pub fn times(speedup: f64) -> String {
    format!("{speedup:.1}x")
}

/// A size in the unit of memory that suits it.
pub fn memory(bytes: usize) -> String {
    match bytes {
        0x10_0000.. => format!("{} MiB", rounded(bytes as f64 / f64::from(1 << 20))),
        _ => format!("{} KiB", rounded(bytes as f64 / f64::from(1 << 10))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_are_shown() {
        let shown = [0.1234, 5.678, 56.78, 567.8, 5678.0].map(rounded);
        assert_eq!(shown, ["0.12", "5.68", "56.8", "568", "5678"]);
        assert_eq!([12.0, 12_345.0, 5_670_000.0].map(scaled), ["12.0", "12.3 k", "5.67 M"]);
        assert_eq!((percent(0.756), times(10.84)), ("76 %".to_owned(), "10.8x".to_owned()));
        assert_eq!([24 << 10, 8 << 20].map(memory), ["24.0 KiB", "8.00 MiB"]);
    }
}
