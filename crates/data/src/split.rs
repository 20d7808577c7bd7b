//! Holding rows out, so that a network is judged on rows that it was not trained on.

use net::random::Random;

use crate::{Error, Labels, Result};

/// The stream of random numbers that belongs to the split, so that no other use of the same seed is correlated with it.
const STREAM: u64 = u64::from_be_bytes(*b"hold out");

/// Which rows train the network and which are held out; row numbers from 0, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The rows to train on.
    pub training: Vec<usize>,
    /// The rows to judge by.
    pub held_out: Vec<usize>,
}

impl Split {
    /// Holds out the same share of every class, drawn at random: of n rows, `fraction` n, rounded, at least 1 and at
    /// most n - 1. The same labels, fraction and seed give the same split everywhere and for ever.
    ///
    /// # Errors
    /// If `fraction` does not lie strictly between 0 and 1, or if a class has only one row.
    pub fn stratified(labels: &Labels, fraction: f64, seed: u64) -> Result<Self> {
        if !(fraction > 0.0 && fraction < 1.0) {
            return Err(Error::Fraction { fraction });
        }
        let mut random = Random::new(seed, STREAM);
        let mut split = Self { training: Vec::new(), held_out: Vec::new() };
        for (code, label) in labels.names().iter().enumerate() {
            let mut rows: Vec<usize> =
                (0..labels.codes().len()).filter(|&row| labels.codes()[row] as usize == code).collect();
            if rows.len() < 2 {
                return Err(Error::LonelyRow { file: labels.file().to_owned(), label: label.clone() });
            }
            random.shuffle(&mut rows);
            let share = (fraction * rows.len() as f64).round() as usize;
            let (held_out, training) = rows.split_at(share.clamp(1, rows.len() - 1));
            split.held_out.extend(held_out);
            split.training.extend(training);
        }
        split.held_out.sort_unstable();
        split.training.sort_unstable();
        Ok(split)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a` rows of one class, then `b` of another.
    fn labels(a: usize, b: usize) -> Labels {
        let mut labels = Labels::new("t.csv", "kind");
        (0..a).for_each(|_| labels.push("a"));
        (0..b).for_each(|_| labels.push("b"));
        labels
    }

    #[test]
    fn every_row_is_on_one_side_and_every_class_on_both() {
        for (a, b, fraction, expected) in
            [(357, 212, 0.2, (71, 42)), (2, 100, 0.01, (1, 1)), (2, 2, 0.99, (1, 1)), (10, 10, 0.25, (3, 3))]
        {
            let split = Split::stratified(&labels(a, b), fraction, 3).unwrap();
            let held_out_of_a = split.held_out.iter().filter(|&&row| row < a).count();
            assert_eq!((held_out_of_a, split.held_out.len() - held_out_of_a), expected);
            let mut all = [split.training, split.held_out].concat();
            all.sort_unstable();
            assert_eq!(all, (0..a + b).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_seed_decides() {
        let labels = labels(50, 50);
        let split = |seed| Split::stratified(&labels, 0.2, seed).unwrap();
        assert_eq!(split(1), split(1));
        assert_ne!(split(1), split(2));
    }

    /// Part of what a seed means: these rows must never change.
    #[test]
    fn the_split_of_a_seed_is_fixed() {
        let split = Split::stratified(&labels(6, 4), 0.5, 7).unwrap();
        assert_eq!(split.held_out, [2, 3, 5, 7, 8]);
    }

    #[test]
    fn impossible_splits_are_refused() {
        let error = Split::stratified(&labels(5, 1), 0.2, 0).unwrap_err().to_string();
        assert!(error.contains("only one row of `t.csv` has the label `b`"), "{error}");
        for fraction in [0.0, 1.0, -0.1, f64::NAN, f64::INFINITY] {
            assert!(matches!(Split::stratified(&labels(5, 5), fraction, 0), Err(Error::Fraction { .. })));
        }
    }
}
