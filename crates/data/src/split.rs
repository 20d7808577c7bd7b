//! Holding rows out, so that a network is judged on rows that it was not trained on.

use std::collections::HashSet;

use net::random::Random;

use crate::{Error, Labels, Result, Table};

/// The stream of random numbers that belongs to the split, so that no other use of the same seed is correlated with it.
const STREAM: u64 = u64::from_be_bytes(*b"hold out");

/// The stream of random numbers that belongs to rows held out of the rows to train on.
const VALIDATION_STREAM: u64 = u64::from_be_bytes(*b"validate");

/// The stream of random numbers that belongs to the first repetition of folds; those of the next ones follow.
const FOLD_STREAM: u64 = u64::from_be_bytes(*b"folds\0\0\0");

/// Which rows train the network and which are held out; row numbers from 0, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// The rows to train on.
    pub training: Vec<usize>,
    /// The rows to choose between networks by; often there are none.
    pub validation: Vec<usize>,
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
        let mut counts = vec![0; labels.names().len()];
        labels.codes().iter().for_each(|code| counts[*code as usize] += 1);
        if let Some(code) = counts.iter().position(|count| *count < 2) {
            return Err(Error::LonelyRow { file: labels.file().to_owned(), label: labels.names()[code].clone() });
        }
        Ok(Self::drawn(labels.codes(), fraction, Random::new(seed, STREAM)))
    }

    /// Holds out the same share of small, middling and large numbers: of each [`strata`] of `values`, as
    /// [`Split::stratified`] does of classes.
    ///
    /// # Errors
    /// If `fraction` does not lie strictly between 0 and 1, or if there is one row only.
    pub fn of_numbers(values: &[f32], fraction: f64, seed: u64) -> Result<Self> {
        Self::of_rows(&strata(values), fraction, Random::new(seed, STREAM))
    }

    /// Holds rows out of those that are there to train on, drawn from random numbers of their own: the same share of
    /// every class as [`Split::stratified`], but of a class with one row none. `classes` has the class of every row; real
    /// targets have [`strata`].
    ///
    /// # Errors
    /// If `fraction` does not lie strictly between 0 and 1, or if no class has two rows.
    pub fn validation(classes: &[u32], fraction: f64, seed: u64) -> Result<Self> {
        Self::of_rows(classes, fraction, Random::new(seed, VALIDATION_STREAM))
    }

    fn of_rows(classes: &[u32], fraction: f64, random: Random) -> Result<Self> {
        if !(fraction > 0.0 && fraction < 1.0) {
            return Err(Error::Fraction { fraction });
        }
        let split = Self::drawn(classes, fraction, random);
        match split.held_out.is_empty() {
            true => Err(Error::FewRows { rows: classes.len() }),
            false => Ok(split),
        }
    }

    /// Of each class a share of its rows is held out; of a class with one row none.
    fn drawn(classes: &[u32], fraction: f64, mut random: Random) -> Self {
        let mut split = Self::default();
        let mut rows_of = vec![Vec::new(); classes.iter().max().map_or(0, |most| *most as usize + 1)];
        classes.iter().enumerate().for_each(|(row, &class)| rows_of[class as usize].push(row));
        for mut rows in rows_of {
            random.shuffle(&mut rows);
            let share = (fraction * rows.len() as f64).round() as usize;
            let (held_out, training) = match rows.len() {
                0 | 1 => rows.split_at(0),
                count => rows.split_at(share.clamp(1, count - 1)),
            };
            split.held_out.extend(held_out);
            split.training.extend(training);
        }
        split.held_out.sort_unstable();
        split.training.sort_unstable();
        split
    }

    /// Splits as a column of labels says: `train` (or `training`), `validation` (`valid`, `val`, `dev`), and `test`
    /// (`holdout`, `held out`), in small or capital letters.
    ///
    /// # Errors
    /// If there is no such column, a row has another word, or no row is there to train on, or none to judge by.
    pub fn by_column(table: &Table, column: &str) -> Result<Self> {
        let fault = |row, cell: &str| {
            let (column, cell) = (column.to_owned(), cell.to_owned());
            Err(Error::SplitWord { place: table.place(row), column, cell })
        };
        if let Some(row) = table.cells(table.position(column)?).position(f32::is_nan) {
            return fault(row, "");
        }
        let labels = table.labels(column)?;
        let mut split = Self::default();
        for (row, &code) in labels.codes().iter().enumerate() {
            let word = &labels.names()[code as usize];
            match &*word.to_lowercase() {
                "train" | "training" => split.training.push(row),
                "validation" | "valid" | "val" | "dev" => split.validation.push(row),
                "test" | "holdout" | "hold out" | "held out" | "held_out" => split.held_out.push(row),
                _ => return fault(row, word),
            }
        }
        let empty = |part| Err(Error::EmptyPart { file: table.file().to_owned(), column: column.to_owned(), part });
        match (split.training.is_empty(), split.held_out.is_empty() && split.validation.is_empty()) {
            (true, _) => empty("`train`"),
            (_, true) => empty("`test` or `validation`"),
            _ => Ok(split),
        }
    }

    /// Cross-validation: in each split one of `folds` equal parts of the rows is held out, and the others are trained on.
    /// Every part has its share of every class. All of it is done `repetitions` times with other parts, so that there are
    /// `folds` times `repetitions` splits. `classes` has the class of every row. The same classes, numbers and seed give
    /// the same folds everywhere and for ever.
    ///
    /// # Errors
    /// If there are fewer than two folds, or more than rows.
    pub fn stratified_folds(classes: &[u32], folds: usize, repetitions: usize, seed: u64) -> Result<Vec<Self>> {
        if folds < 2 || folds > classes.len() {
            return Err(Error::Folds { folds, rows: classes.len() });
        }
        let mut order: Vec<usize> = (0..classes.len()).collect();
        let mut splits = Vec::new();
        for repetition in 0..repetitions {
            order.sort_unstable();
            Random::new(seed, FOLD_STREAM + repetition as u64).shuffle(&mut order);
            // One class after the other is dealt out like cards, and each goes on where the last one ended.
            order.sort_by_key(|row| classes[*row]);
            let mut fold_of = vec![0; classes.len()];
            order.iter().enumerate().for_each(|(place, &row)| fold_of[row] = place % folds);
            splits.extend((0..folds).map(|fold| Self::holding_out(&fold_of, &fold)));
        }
        Ok(splits)
    }

    /// Cross-validation by a column that says to which part each row belongs; each part is held out in one split, in the
    /// order in which the parts first appear.
    ///
    /// # Errors
    /// If there is no such column, a row has no value in it, or all rows have the same one.
    pub fn folds_by_column(table: &Table, column: &str) -> Result<Vec<Self>> {
        let cells: Vec<f32> = table.cells(table.position(column)?).collect();
        let fault = |reason: String| {
            Err(Error::FoldColumn { file: table.file().to_owned(), column: column.to_owned(), reason })
        };
        if let Some(row) = cells.iter().position(|cell| cell.is_nan()) {
            return fault(format!("row {} has no fold in it", table.place(row).row));
        }
        let mut folds: Vec<f32> = Vec::new();
        let mut known = HashSet::new();
        for cell in &cells {
            if known.insert(cell.to_bits()) {
                folds.push(*cell);
            }
        }
        match folds.len() {
            1 => fault("every row is in the same one".to_owned()),
            _ => Ok(folds.iter().map(|fold| Self::holding_out(&cells, fold)).collect()),
        }
    }

    /// Holds out the rows of one fold.
    fn holding_out<F: PartialEq>(fold_of: &[F], fold: &F) -> Self {
        let (held_out, training) = (0..fold_of.len()).partition(|row| fold_of[*row] == *fold);
        Self { training, validation: Vec::new(), held_out }
    }
}

/// The number of strata that numbers are sorted into.
const STRATA: usize = 10;

/// Ten classes of numbers, from the smallest tenth of the rows to the largest. With fewer than twenty rows there are
/// fewer, so that each has at least two.
pub fn strata(values: &[f32]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let count = STRATA.min(values.len() / 2).max(1);
    let mut strata = vec![0; values.len()];
    order.iter().enumerate().for_each(|(place, &row)| strata[row] = (place * count / values.len()) as u32);
    strata
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Column, Kind, ReadOptions, Source, TableReader};

    /// `a` rows of one class, then `b` of another.
    fn labels(a: usize, b: usize) -> Labels {
        let codes = (0..a).map(|_| 0).chain((0..b).map(|_| 1)).collect();
        Labels::new("t.csv", "kind", vec!["a".to_owned(), "b".to_owned()], codes)
    }

    fn table(text: &str, kind: Kind) -> Table {
        let reader = TableReader::open(Source::memory("t.csv", text.as_bytes()), &ReadOptions::default()).unwrap();
        reader.read(vec![Column::new("part", kind)]).unwrap()
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

    #[test]
    fn numbers_are_split_by_their_size() {
        let values: Vec<f32> = (0..200).map(|row| (row * 37 % 200) as f32).collect();
        let split = Split::of_numbers(&values, 0.25, 1).unwrap();
        assert_eq!(split.held_out.len(), 50);
        for tenth in 0..10 {
            let range = tenth as f32 * 20.0..(tenth + 1) as f32 * 20.0;
            assert_eq!(split.held_out.iter().filter(|row| range.contains(&values[**row])).count(), 5);
        }
        assert_eq!(strata(&[3.0, 1.0, 2.0]), [0, 0, 0]);
        assert_eq!(strata(&[3.0, 1.0, 2.0, 0.0]), [1, 0, 1, 0]);
        assert!(matches!(Split::of_numbers(&[1.0], 0.2, 0), Err(Error::FewRows { rows: 1 })));
        assert!(matches!(Split::of_numbers(&[1.0, 2.0], 1.0, 0), Err(Error::Fraction { .. })));
    }

    #[test]
    fn a_class_with_one_row_is_not_held_out_of_the_rows_to_train_on() {
        let split = Split::validation(&[0, 0, 0, 0, 1], 0.5, 3).unwrap();
        assert_eq!((split.held_out.len(), split.training.contains(&4)), (2, true));
        assert!(matches!(Split::validation(&[0, 1, 2], 0.5, 3), Err(Error::FewRows { .. })));
    }

    #[test]
    fn folds_share_out_every_class() {
        let classes: Vec<u32> = (0..103).map(|row| u32::from(row % 3 == 0)).collect();
        let splits = Split::stratified_folds(&classes, 5, 2, 9).unwrap();
        assert_eq!(splits.len(), 10);
        for repetition in splits.chunks(5) {
            let mut all: Vec<usize> = repetition.iter().flat_map(|split| split.held_out.clone()).collect();
            all.sort_unstable();
            assert_eq!(all, (0..103).collect::<Vec<_>>());
            for split in repetition {
                let ones = split.held_out.iter().filter(|&&row| classes[row] == 1).count();
                assert!((7..=8).contains(&ones) || ones == 6, "{ones}");
                assert!(
                    (20..=21).contains(&split.held_out.len()) && split.training.len() + split.held_out.len() == 103
                );
            }
        }
        assert_ne!(splits[..5], splits[5..]);
        assert_eq!(splits, Split::stratified_folds(&classes, 5, 2, 9).unwrap());
        assert_eq!(splits[..5], Split::stratified_folds(&classes, 5, 1, 9).unwrap());
        assert_ne!(splits, Split::stratified_folds(&classes, 5, 2, 10).unwrap());
        for folds in [0, 1, 104] {
            assert!(matches!(Split::stratified_folds(&classes, folds, 1, 0), Err(Error::Folds { .. })));
        }
    }

    #[test]
    fn a_column_can_split() {
        let split = Split::by_column(&table("part\ntrain\nTest\nvalid\nTraining\n", Kind::Category), "part").unwrap();
        assert_eq!((split.training, split.validation, split.held_out), (vec![0, 3], vec![2], vec![1]));
        for (text, complaint) in [
            ("part\ntrain\nlater\n", "row 2, column `part`: `later` is none of train"),
            ("part\ntrain\n?\n", "row 2, column `part`: `` is none of train"),
            ("part\ntest\nval\n", "has no row with `train`"),
            ("part\ntrain\n", "has no row with `test`"),
        ] {
            let error = Split::by_column(&table(text, Kind::Category), "part").unwrap_err().to_string();
            assert!(error.contains(complaint), "{error}");
        }
    }

    #[test]
    fn a_column_can_hold_folds() {
        for kind in [Kind::Number, Kind::Category] {
            let splits = Split::folds_by_column(&table("part\n2\n1\n2\n3\n", kind), "part").unwrap();
            let held_out: Vec<Vec<usize>> = splits.into_iter().map(|split| split.held_out).collect();
            assert_eq!(held_out, [vec![0, 2], vec![1], vec![3]]);
            for (text, complaint) in [("part\n1\n1\n", "the same one"), ("part\n1\n?\n", "row 2 has no fold")] {
                let error = Split::folds_by_column(&table(text, kind), "part").unwrap_err().to_string();
                assert!(error.contains(complaint), "{error}");
            }
        }
    }
}
