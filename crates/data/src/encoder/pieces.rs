//! Numbers in pieces, so that a network sees where in its range a value lies.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Scaling;

/// How numbers become inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NumberEncoding {
    /// How the number itself is scaled.
    pub scaling: Scaling,
    /// The inputs that tell where it lies.
    pub pieces: PieceCount,
}

impl From<Scaling> for NumberEncoding {
    /// The scaled number alone.
    fn from(scaling: Scaling) -> Self {
        Self { scaling, pieces: PieceCount::None }
    }
}

/// Into how many [`Pieces`] the range of a column of numbers is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PieceCount {
    /// It is not: a number is one input.
    #[default]
    None,
    /// A third of the square root of the training rows, and at most 48. But all columns of numbers together get no more
    /// inputs than there are threes of training rows, no more than 512, and no more than make 2^28 (1 GiB) in all training
    /// rows.
    ByRows,
    /// At most so many, and as many if there are so many different values.
    UpTo(usize),
}

impl PieceCount {
    /// For so many training rows of so many columns of numbers.
    pub(crate) fn of(self, rows: usize, columns: usize) -> usize {
        const MOST_PIECES: usize = 48;
        const MOST_INPUTS: usize = 512;
        const MOST_CELLS: usize = 1 << 28;
        match self {
            PieceCount::None => 0,
            PieceCount::ByRows => {
                let most = (rows / 3).min(MOST_INPUTS).min(MOST_CELLS / rows.max(1));
                (rows.isqrt() / 3).min(MOST_PIECES).min(most / columns.max(1))
            }
            PieceCount::UpTo(count) => count,
        }
    }
}

/// `none`, `by-rows`, or the most pieces as a number.
impl fmt::Display for PieceCount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PieceCount::None => formatter.write_str("none"),
            PieceCount::ByRows => formatter.write_str("by-rows"),
            PieceCount::UpTo(count) => write!(formatter, "{count}"),
        }
    }
}

impl FromStr for PieceCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const MOST: usize = 1000;
        match text {
            "none" => Ok(PieceCount::None),
            "by-rows" => Ok(PieceCount::ByRows),
            _ => match text.parse() {
                Ok(count @ 1..=MOST) => Ok(PieceCount::UpTo(count)),
                _ => Err(format!("give none, by-rows, or a number from 1 to {MOST}")),
            },
        }
    }
}

/// The piecewise linear encoding of a number x (Y. Gorishniy and others 2022, "On embeddings for numerical features in tabular
/// deep learning"): the range is cut at knots k_0 < k_1 < ... < k_n, and each piece has an input,
///
/// u_i = (x - k_(i-1)) / (k_i - k_(i-1)), clipped to 0..=1.
///
/// The pieces below x are full and those above it empty, so that the first layer can make any piecewise linear function of x,
/// where a single input makes it a straight line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pieces {
    knots: Vec<f32>,
}

impl Pieces {
    /// Cuts at values of the training rows, so that about the same number of rows lies in each of at most `most` pieces. A
    /// value that has so many rows by itself is a knot, and the other ones are shared out among the other pieces. Nothing,
    /// if there are fewer than three different values or two pieces.
    pub(crate) fn fit(values: &[f32], most: usize) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f32::total_cmp);
        let mut values: Vec<(f32, usize)> =
            sorted.chunk_by(|a, b| a == b).map(|equal| (equal[0], equal.len())).collect();
        if values.len() < 3 || most < 2 {
            return None;
        }
        if values.len() <= most + 1 {
            return Some(Self { knots: values.into_iter().map(|(value, _)| value).collect() });
        }
        let (mut rows, mut pieces, mut knots) = (sorted.len(), most, Vec::new());
        // There are more values than pieces, and each one that is taken costs a piece: some of both are left.
        loop {
            let (frequent, others): (Vec<_>, Vec<_>) =
                values.into_iter().partition(|(_, count)| count * pieces >= rows);
            values = others;
            if frequent.is_empty() {
                break;
            }
            pieces -= frequent.len();
            rows -= frequent.iter().map(|(_, count)| count).sum::<usize>();
            knots.extend(frequent.into_iter().map(|(value, _)| value));
        }
        let others: Vec<f32> =
            values.into_iter().flat_map(|(value, count)| std::iter::repeat_n(value, count)).collect();
        knots.extend((0..=pieces).map(|cut| others[(others.len() - 1) * cut / pieces]));
        knots.sort_unstable_by(f32::total_cmp);
        knots.dedup();
        Some(Self { knots })
    }

    /// Where the range is cut, ascending, in the column's own unit: one more than there are pieces.
    pub fn knots(&self) -> &[f32] {
        &self.knots
    }

    pub(super) fn inputs(&self) -> usize {
        self.knots.len() - 1
    }

    /// Appends the input of each piece, computed in f64 and rounded once.
    pub(super) fn encode(&self, value: f64, inputs: &mut Vec<f32>) {
        inputs.extend(self.knots.windows(2).map(|ends| {
            let (from, to) = (f64::from(ends[0]), f64::from(ends[1]));
            ((value - from) / (to - from)).clamp(0.0, 1.0) as f32
        }));
    }

    pub(super) fn is_sound(&self) -> bool {
        let ascending = self.knots.windows(2).all(|ends| ends[0] < ends[1]);
        self.knots.len() >= 3 && ascending && self.knots.iter().all(|knot| knot.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knots(values: &[f32], most: usize) -> Vec<f32> {
        Pieces::fit(values, most).map_or(Vec::new(), |pieces| pieces.knots)
    }

    #[test]
    fn counts_are_read_as_they_are_written() {
        for text in ["none", "by-rows", "16"] {
            assert_eq!(text.parse::<PieceCount>().unwrap().to_string(), text);
        }
        for text in ["0", "-1", "many", "1001"] {
            assert!(text.parse::<PieceCount>().is_err(), "{text}");
        }
    }

    #[test]
    fn pieces_have_as_many_rows_each() {
        let values: Vec<f32> = (0..=100).map(|value| (value * value) as f32).rev().collect();
        assert_eq!(knots(&values, 4), [0.0, 625.0, 2500.0, 5625.0, 10000.0]);
        // The same value more than once is cut at once.
        assert_eq!(knots(&[1.0, 1.0, 2.0, 3.0, 3.0, 3.0, 4.0, 5.0, 6.0, 7.0], 2), [1.0, 3.0, 7.0]);
    }

    #[test]
    fn a_frequent_value_is_a_knot_and_leaves_the_pieces_to_the_others() {
        let mut values = vec![0.0; 900];
        values.extend((1..=101).map(|value| value as f32));
        assert_eq!(knots(&values, 5), [0.0, 1.0, 26.0, 51.0, 76.0, 101.0]);
        values.extend([50.0; 80]);
        assert_eq!(knots(&values, 4), [0.0, 1.0, 50.0, 51.0, 101.0]);
    }

    #[test]
    fn few_values_are_all_knots_and_fewer_need_none() {
        assert_eq!(knots(&[3.0, 1.0, 2.0, 1.0], 2), [1.0, 2.0, 3.0]);
        assert_eq!(knots(&[3.0, 1.0, 2.0, -0.0, 0.0], 9), [-0.0, 1.0, 2.0, 3.0]);
        for (values, most) in [(&[1.0, 2.0, 2.0][..], 9), (&[1.0, 2.0, 3.0], 1), (&[1.0, 2.0, 3.0], 0), (&[], 9)] {
            assert_eq!(Pieces::fit(values, most), None, "{values:?}");
        }
    }

    #[test]
    fn pieces_fill_from_below() {
        let pieces = Pieces { knots: vec![-1.0, 1.0, 5.0] };
        let encode = |value| {
            let mut inputs = Vec::new();
            pieces.encode(value, &mut inputs);
            inputs
        };
        for (value, expected) in [(-9.0, [0.0, 0.0]), (-1.0, [0.0, 0.0]), (0.0, [0.5, 0.0]), (2.0, [1.0, 0.25])] {
            assert_eq!(encode(value), expected);
        }
        assert_eq!(encode(1e300), [1.0, 1.0]);
        let widest = Pieces { knots: vec![f32::MIN, 0.0, f32::MAX] };
        let mut inputs = Vec::new();
        widest.encode(f64::from(f32::MAX) / 2.0, &mut inputs);
        assert_eq!(inputs, [1.0, 0.5]);
    }

    #[test]
    fn many_columns_or_rows_have_fewer_pieces() {
        let by_rows = PieceCount::ByRows;
        assert_eq!([(455, 30), (36_000, 6), (36_000, 57), (36_000, 784)].map(|(r, c)| by_rows.of(r, c)), [5, 48, 8, 0]);
        assert_eq!((by_rows.of(11_000_000, 28), by_rows.of(1_000_000, 28), by_rows.of(0, 0)), (0, 9, 0));
        assert_eq!((PieceCount::None.of(99, 1), PieceCount::UpTo(5).of(99, 999)), (0, 5));
    }
}
