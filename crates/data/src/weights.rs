//! How much each row counts: weights in a column, and weights of classes.

use std::fmt;
use std::str::FromStr;

use crate::same_label::LabelFinder;
use crate::{Error, Labels, Result, Table};

/// How much the rows of each class count.
#[derive(Debug, Clone, PartialEq)]
pub enum ClassWeights {
    /// All classes together count the same: a row of a class counts (weight of all rows) / (number of classes x weight of
    /// the class's rows).
    Balanced,
    /// So much for each label; 1 for those that are not listed.
    Given(Vec<(String, f64)>),
}

/// The weights in a column, one for each row.
///
/// # Errors
/// If there is no such column, a weight is missing, negative or subnormal, all are 0, or they add up to more than
/// [`f32::MAX`].
pub fn weights(table: &Table, column: &str) -> Result<Vec<f32>> {
    let weights: Vec<f32> = table.cells(table.position(column)?).collect();
    if let Some(row) = weights.iter().position(|weight| weight.is_nan() || *weight < 0.0) {
        let cell = if weights[row].is_nan() { "that is missing".to_owned() } else { weights[row].to_string() };
        return Err(Error::Weight { place: table.place(row), column: column.to_owned(), cell });
    }
    if let Some(row) = weights.iter().position(|weight| weight.is_subnormal()) {
        return Err(Error::SmallWeight { place: table.place(row), column: column.to_owned(), weight: weights[row] });
    }
    let (file, column) = (table.file().to_owned(), column.to_owned());
    match weights.iter().map(|weight| f64::from(*weight)).sum::<f64>() {
        0.0 => Err(Error::NoWeight { file, column }),
        sum if sum > f64::from(f32::MAX) => Err(Error::LargeWeights { file, column, sum }),
        _ => Ok(weights),
    }
}

/// `balanced`, or labels with their weights such as `sick=5,well=1`.
impl fmt::Display for ClassWeights {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClassWeights::Balanced => formatter.write_str("balanced"),
            ClassWeights::Given(given) => {
                let given: Vec<String> = given.iter().map(|(label, weight)| format!("{label}={weight}")).collect();
                formatter.write_str(&given.join(","))
            }
        }
    }
}

impl FromStr for ClassWeights {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if text == "balanced" {
            return Ok(ClassWeights::Balanced);
        }
        let pair = |pair: &str| {
            let (label, weight) = pair.rsplit_once('=')?;
            let weight = weight.trim().parse().ok().filter(|weight: &f64| weight.is_finite() && *weight >= 0.0)?;
            Some((label.trim().to_owned(), weight))
        };
        let given: Option<Vec<(String, f64)>> = text.split(',').map(pair).collect();
        given
            .map(ClassWeights::Given)
            .ok_or_else(|| "give balanced, or labels with weights from 0 on, such as sick=5,well=1".to_owned())
    }
}

impl ClassWeights {
    /// Multiplies the weights of all rows by those of their classes. What is balanced is decided by the given `rows`,
    /// counted from 0, such as those to train on.
    ///
    /// # Errors
    /// If a label is given that does not occur, or a weight that is not a number from 0 on.
    ///
    /// # Panics
    /// If there is not a weight for each label, or no such row.
    pub fn apply(&self, labels: &Labels, rows: &[usize], weights: &mut [f32]) -> Result<()> {
        let factors = self.factors(labels, rows, weights)?;
        for (&code, weight) in labels.codes().iter().zip(weights) {
            *weight = (f64::from(*weight) * factors[code as usize]) as f32;
        }
        Ok(())
    }

    /// What [`ClassWeights::apply`] multiplies the weights of each class by, in the order of [`Labels::names`].
    ///
    /// # Errors
    /// As [`ClassWeights::apply`].
    ///
    /// # Panics
    /// As [`ClassWeights::apply`].
    pub fn factors(&self, labels: &Labels, rows: &[usize], weights: &[f32]) -> Result<Vec<f64>> {
        assert_eq!(labels.codes().len(), weights.len(), "one weight for each row");
        let names = labels.names();
        let mut factors = vec![1.0; names.len()];
        match self {
            ClassWeights::Balanced => {
                let mut sums = vec![0.0; names.len()];
                for &row in rows {
                    sums[labels.codes()[row] as usize] += f64::from(weights[row]);
                }
                let total: f64 = sums.iter().sum();
                for (factor, sum) in factors.iter_mut().zip(sums) {
                    // The rows of a class without weight count nothing, whatever their factor.
                    *factor = if sum > 0.0 { total / (names.len() as f64 * sum) } else { 1.0 };
                }
            }
            ClassWeights::Given(given) => {
                let finder = LabelFinder::new(names);
                for (label, weight) in given {
                    let Some(code) = finder.find(label) else {
                        let (label, column) = (label.clone(), labels.column().to_owned());
                        return Err(Error::UnknownClass { label, column, labels: names.to_vec() });
                    };
                    if !(weight.is_finite() && *weight >= 0.0) {
                        return Err(Error::ClassWeight { label: label.clone(), weight: *weight });
                    }
                    factors[code] = *weight;
                }
            }
        }
        Ok(factors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Column, Kind, ReadOptions, Source, TableReader};

    fn table(text: &str) -> Table {
        let reader = TableReader::open(Source::memory("t.csv", text.as_bytes()), &ReadOptions::default()).unwrap();
        reader.read(vec![Column::new("w", Kind::Number)]).unwrap()
    }

    #[test]
    fn weights_are_numbers_from_0_on() {
        assert_eq!(weights(&table("w\n1\n0\n2.5\n"), "w").unwrap(), [1.0, 0.0, 2.5]);
        for (text, complaint) in [
            ("w\n1\n-2\n", "`t.csv`, row 2, column `w`: the weight -2 is not a number from 0 on"),
            ("w\n?\n1\n", "row 1, column `w`: the weight that is missing is not"),
            ("w\n0\n0\n", "every weight in column `w` of `t.csv` is 0"),
            ("w\n1\n1e-39\n", "`t.csv`, row 2, column `w`: the weight 1e-39 is too small"),
            ("w\n3e38\n3e38\n", "the weights in column `w` of `t.csv` add up to 6.0e38"),
        ] {
            let error = weights(&table(text), "w").unwrap_err().to_string();
            assert!(error.contains(complaint), "{error}");
        }
    }

    #[test]
    fn classes_can_be_balanced_or_weighed() {
        let labels = Labels::new("t", "kind", vec!["a".to_owned(), "b".to_owned()], vec![0, 0, 0, 1]);
        let weigh = |classes: ClassWeights, mut weights: [f32; 4]| {
            classes.apply(&labels, &[0, 1, 2, 3], &mut weights).map(|()| weights)
        };
        let third = 2.0_f32 / 3.0;
        assert_eq!(weigh(ClassWeights::Balanced, [1.0; 4]).unwrap(), [third, third, third, 2.0]);
        assert_eq!(weigh(ClassWeights::Balanced, [1.0, 0.0, 0.0, 3.0]).unwrap(), [2.0, 0.0, 0.0, 2.0]);
        let mut weights = [1.0; 4];
        ClassWeights::Balanced.apply(&labels, &[0, 3], &mut weights).unwrap();
        assert_eq!(weights, [1.0; 4], "one row of each class decides");
        let given = |label: &str, weight| ClassWeights::Given(vec![(label.to_owned(), weight)]);
        assert_eq!(weigh(given("b", 5.0), [1.0, 2.0, 1.0, 1.0]).unwrap(), [1.0, 2.0, 1.0, 5.0]);
        assert!(weigh(given("c", 5.0), [1.0; 4]).unwrap_err().to_string().contains("its labels are `a`, `b`"));
        assert!(matches!(weigh(given("a", f64::NAN), [1.0; 4]), Err(Error::ClassWeight { .. })));
    }
    #[test]
    fn class_weights_are_written_as_they_are_read() {
        for text in ["balanced", "a=2", "a=2.5,b=0", "a=b=3"] {
            assert_eq!(text.parse::<ClassWeights>().unwrap().to_string(), text);
        }
        assert_eq!("a=b=3".parse(), Ok(ClassWeights::Given(vec![("a=b".to_owned(), 3.0)])));
        for text in ["", "a", "a=", "a=x", "a=-1", "a=nan", "a=inf", "a=1,"] {
            assert!(text.parse::<ClassWeights>().is_err(), "{text}");
        }
    }
}
