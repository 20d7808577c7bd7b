//! The values of arguments: each function reads one, or says what it should look like.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use data::{Scaling, Task};
use net::checkpoint::Every;

/// The widest hidden layer, in units.
const MAX_WIDTH: usize = 65_536;
/// The most hidden layers.
const MAX_LAYERS: usize = 64;

/// The widths of the hidden layers, such as `64,32`.
#[derive(Clone, Debug, PartialEq)]
pub struct Widths(pub Vec<usize>);

impl FromStr for Widths {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let within = |width: &usize| (1..=MAX_WIDTH).contains(width);
        let widths: Option<Vec<usize>> =
            text.split(',').map(|width| width.trim().parse().ok().filter(within)).collect();
        match widths {
            Some(widths) if widths.len() <= MAX_LAYERS => Ok(Self(widths)),
            Some(widths) => Err(format!("{} hidden layers are too many, {MAX_LAYERS} are possible", widths.len())),
            None => Err(format!("give each hidden layer a number of units from 1 to {MAX_WIDTH}, such as 64,32")),
        }
    }
}

/// A whole number within a range.
fn whole(text: &str, range: RangeInclusive<usize>) -> Result<usize, String> {
    let (least, most) = (range.start(), range.end());
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| format!("give a whole number from {least} to {most}"))
}

/// A number of epochs.
pub fn epochs(text: &str) -> Result<usize, String> {
    whole(text, 1..=1_000_000)
}

/// A number of rows in a minibatch.
pub fn batch_size(text: &str) -> Result<usize, String> {
    whole(text, 1..=1_000_000_000)
}

/// A number of threads.
pub fn threads(text: &str) -> Result<usize, String> {
    whole(text, 1..=1024)
}

/// A time in seconds.
pub fn seconds(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|seconds| (1e-6..=60.0).contains(seconds));
    number.ok_or_else(|| "give a number of seconds from 0.000001 to 60, such as 0.25".to_owned())
}

/// How often a checkpoint is written. Without a unit, a number is one of epochs.
pub fn every(text: &str) -> Result<Every, String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    /// In seconds: a century.
    const MOST: f64 = 3.2e9;
    let time = |seconds: f64| {
        let number = number.parse().ok().map(|number: f64| number * seconds).filter(|seconds| *seconds <= MOST);
        number.map(|seconds| Every::Time(Duration::from_secs_f64(seconds)))
    };
    let every = match unit.trim_start() {
        "" | "epoch" | "epochs" => epochs(number).ok().map(Every::Epochs),
        "ms" => time(1e-3),
        "s" => time(1.0),
        "m" | "min" => time(60.0),
        "h" => time(3600.0),
        _ => None,
    };
    every.ok_or_else(|| "give a time such as 30s, 500ms or 10min, or a number of epochs such as 5epochs".to_owned())
}

/// A seed.
pub fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("give a whole number from 0 to {}", u64::MAX))
}

/// A learning rate.
pub fn learning_rate(text: &str) -> Result<f32, String> {
    let number = text.parse().ok().filter(|rate: &f32| *rate > 0.0 && rate.is_finite());
    number.ok_or_else(|| "give a number above 0, such as 0.1".to_owned())
}

/// A share of something, never all of it.
pub fn share(text: &str) -> Result<f32, String> {
    share_of_rows(text).map(|share| share as f32).and_then(|share| match share {
        1.0 => Err("give a number that is further below 1".to_owned()),
        share => Ok(share),
    })
}

/// A share of rows, never all of them.
pub fn share_of_rows(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|share| (0.0..1.0).contains(share));
    number.ok_or_else(|| "give a number from 0 to below 1, such as 0.2".to_owned())
}

/// Any finite number that is not negative.
pub fn not_negative(text: &str) -> Result<f32, String> {
    let number = text.parse().ok().filter(|number: &f32| *number >= 0.0 && number.is_finite());
    number.ok_or_else(|| "give a number from 0 on, such as 0.01".to_owned())
}

/// A number of networks.
pub fn members(text: &str) -> Result<usize, String> {
    whole(text, 1..=1000)
}

/// A row counted from 1, or a number of rows.
pub fn row(text: &str) -> Result<usize, String> {
    whole(text, 1..=u32::MAX as usize)
}

/// A number of things to show.
pub fn shown(text: &str) -> Result<usize, String> {
    whole(text, 1..=1_000_000)
}

/// A number of epochs to wait for.
pub fn patience(text: &str) -> Result<usize, String> {
    whole(text, 0..=1_000_000)
}

/// A number of folds.
pub fn folds(text: &str) -> Result<usize, String> {
    whole(text, 2..=1_000_000)
}

/// A number of repetitions.
pub fn repeats(text: &str) -> Result<usize, String> {
    whole(text, 1..=10_000)
}

/// A probability.
pub fn probability(text: &str) -> Result<f32, String> {
    let number = text.parse().ok().filter(|probability| (0.0..=1.0).contains(probability));
    number.ok_or_else(|| "give a number from 0 to 1, such as 0.5".to_owned())
}

/// The character between cells.
pub fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b"\"\r\n.-+".contains(byte) => Ok(*byte),
        _ => Err("give one character that no number contains, such as ';', or the word tab".to_owned()),
    }
}

/// The character around cells.
pub fn quote(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [byte] if byte.is_ascii_punctuation() => Ok(*byte),
        _ => Err("give one punctuation mark, such as '\"'".to_owned()),
    }
}

/// What kind of target there is.
pub fn task(text: &str) -> Result<Task, String> {
    match text {
        "classification" => Ok(Task::Classification),
        "regression" => Ok(Task::Regression),
        _ => Err("give classification or regression".to_owned()),
    }
}

/// How to scale numbers.
pub fn scaling(text: &str) -> Result<Scaling, String> {
    match text {
        "standard" => Ok(Scaling::Standard),
        "robust" => Ok(Scaling::Robust),
        _ => Err("give standard or robust".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_values_are_read() {
        assert_eq!("64, 32".parse(), Ok(Widths(vec![64, 32])));
        assert_eq!((epochs("1"), threads("2"), batch_size("32")), (Ok(1), Ok(2), Ok(32)));
        assert_eq!((learning_rate("1e-3"), share("0")), (Ok(0.001), Ok(0.0)));
        assert_eq!((seconds("0.25"), seconds("60")), (Ok(0.25), Ok(60.0)));
        assert_eq!((share_of_rows("0.2"), probability("1")), (Ok(0.2), Ok(1.0)));
        for text in ["5", "5epochs", "5 epochs"] {
            assert_eq!(every(text), Ok(Every::Epochs(5)));
        }
        for (text, milliseconds) in [("30s", 30_000), ("1.5 min", 90_000), ("0s", 0), ("20ms", 20), ("2h", 7_200_000)] {
            assert_eq!(every(text), Ok(Every::Time(Duration::from_millis(milliseconds))), "{text}");
        }
        assert_eq!((delimiter(";"), delimiter("tab"), delimiter("\t")), (Ok(b';'), Ok(b'\t'), Ok(b'\t')));
        assert_eq!(
            (quote("'"), task("regression"), scaling("robust")),
            (Ok(b'\''), Ok(Task::Regression), Ok(Scaling::Robust))
        );
    }

    #[test]
    fn bad_values_are_refused() {
        for widths in ["", "0", "64,", "64,x", "-1", "65537", "1.5", &["1"; 65].join(",")] {
            assert!(widths.parse::<Widths>().is_err(), "{widths}");
        }
        for number in ["", "0", "-1", "x", "1.5", "99999999999999999999"] {
            assert!(epochs(number).is_err() && threads(number).is_err() && batch_size(number).is_err(), "{number}");
        }
        for text in ["", "0", "s", "-1s", "1e9s", "1.2.3s", "5days", "99999999999h", "1.5epochs"] {
            assert!(every(text).is_err(), "{text}");
        }
        for number in ["", "-1", "x", "nan", "inf"] {
            assert!(learning_rate(number).is_err() && share(number).is_err() && not_negative(number).is_err());
        }
        assert!(["", "0", "-1", "61", "nan", "x"].iter().all(|text| seconds(text).is_err()));
        assert!(learning_rate("0").is_err() && learning_rate("1e39").is_err());
        assert!(share("1").is_err() && share("0.99999999999").is_err() && share_of_rows("1").is_err());
        assert!(members("1001").is_err() && folds("1").is_err() && repeats("0").is_err() && patience("-1").is_err());
        assert!(probability("1.1").is_err() && probability("nan").is_err());
        assert!(quote("x").is_err() && quote("''").is_err() && task("").is_err() && scaling("minmax").is_err());
        for text in ["", ",,", "\n", "\"", "1", ".", "x", "é"] {
            assert!(delimiter(text).is_err(), "{text}");
        }
    }
}
