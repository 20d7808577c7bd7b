//! The confusion matrix, and what follows from it.

use serde::Serialize;

use super::ratio;

/// How many rows of each class were taken for which class. With weights it has sums of weights instead of numbers of rows.
///
/// Write n_ij for the rows of class i that were taken for class j, t_i = sum_j n_ij for the rows of class i, q_j = sum_i n_ij
/// for those taken for class j, and n for all of them. Of two classes, 1 is the positive one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct ConfusionMatrix {
    /// n_ij at \[i\]\[j\].
    counts: Vec<Vec<f64>>,
}

impl ConfusionMatrix {
    /// From (class, class it was taken for, weight) of each row.
    pub(super) fn new(classes: usize, rows: impl Iterator<Item = (usize, usize, f64)>) -> Self {
        let mut counts = vec![vec![0.0; classes]; classes];
        for (class, predicted, weight) in rows {
            counts[class][predicted] += weight;
        }
        ConfusionMatrix { counts }
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.counts.len()
    }

    /// n_ij: the rows of class `class` that were taken for class `predicted`.
    ///
    /// # Panics
    /// If there is no such class.
    pub fn count(&self, class: usize, predicted: usize) -> f64 {
        self.counts[class][predicted]
    }

    /// t_i: the rows of class `class`.
    ///
    /// # Panics
    /// If there is no such class.
    pub fn of_class(&self, class: usize) -> f64 {
        self.counts[class].iter().sum()
    }

    /// q_j: the rows that were taken for class `predicted`.
    ///
    /// # Panics
    /// If there is no such class.
    pub fn taken_for(&self, predicted: usize) -> f64 {
        self.counts.iter().map(|counts| counts[predicted]).sum()
    }

    /// n: all rows.
    pub fn total(&self) -> f64 {
        self.counts.iter().flatten().sum()
    }

    /// sum_i n_ii.
    fn right(&self) -> f64 {
        (0..self.classes()).map(|class| self.counts[class][class]).sum()
    }

    /// The share of rows that were taken for what they are, sum_i n_ii / n. From 0 to 1.
    pub fn accuracy(&self) -> f64 {
        self.right() / self.total()
    }

    /// The mean of the classes' recalls, over those classes that have rows. From 0 to 1; guessing scores 1 / classes. (K. H.
    /// Brodersen and others: The balanced accuracy and its posterior distribution, 2010.)
    pub fn balanced_accuracy(&self) -> f64 {
        self.mean_over_classes(|class| self.of_class(class) > 0.0, |class| self.recall(class))
    }

    /// The share of the rows that were taken for `class` which are of it, n_kk / q_k. From 0 to 1; 0 if no row was taken
    /// for it.
    ///
    /// # Panics
    /// If there is no such class.
    pub fn precision(&self, class: usize) -> f64 {
        ratio(self.count(class, class), self.taken_for(class))
    }

    /// The share of the rows of `class` that were taken for it, n_kk / t_k. From 0 to 1; 0 if it has no row.
    ///
    /// # Panics
    /// If there is no such class.
    pub fn recall(&self, class: usize) -> f64 {
        ratio(self.count(class, class), self.of_class(class))
    }

    /// The harmonic mean of precision and recall, 2 n_kk / (t_k + q_k). From 0 to 1; 0 if no row is of the class or was taken
    /// for it. (C. J. van Rijsbergen: Information Retrieval, 1979.)
    ///
    /// # Panics
    /// If there is no such class.
    pub fn f1(&self, class: usize) -> f64 {
        ratio(2.0 * self.count(class, class), self.of_class(class) + self.taken_for(class))
    }

    /// The mean of the classes' [`f1`](Self::f1), over those classes that have rows or were predicted. From 0 to 1.
    pub fn macro_f1(&self) -> f64 {
        let occurs = |class: usize| self.of_class(class) > 0.0 || self.taken_for(class) > 0.0;
        self.mean_over_classes(occurs, |class| self.f1(class))
    }

    /// The correlation of what the rows are and what they were taken for,
    ///
    /// (n sum_k n_kk - sum_k t_k q_k) / sqrt( (n^2 - sum_k t_k^2) (n^2 - sum_k q_k^2) ),
    ///
    /// from -1 to 1, where 1 is perfect and 0 no better than guessing. 0 if all rows are of one class or were taken for one.
    /// (B. W. Matthews 1975 for two classes; J. Gorodkin: Comparing two K-category assignments by a K-category correlation
    /// coefficient, 2004.)
    pub fn matthews_correlation(&self) -> f64 {
        let occurring =
            |rows: fn(&Self, usize) -> f64| (0..self.classes()).filter(|class| rows(self, *class) > 0.0).count();
        // Rounding may leave a little of a difference that is 0.
        if occurring(Self::of_class) == 1 || occurring(Self::taken_for) == 1 {
            return 0.0;
        }
        let n = self.total();
        let (mut both, mut of_classes, mut predicted) = (n * self.right(), n * n, n * n);
        for class in 0..self.classes() {
            let (t, q) = (self.of_class(class), self.taken_for(class));
            both -= t * q;
            of_classes -= t * t;
            predicted -= q * q;
        }
        both / (of_classes * predicted).sqrt()
    }

    fn mean_over_classes(&self, counts: impl Fn(usize) -> bool, value: impl Fn(usize) -> f64) -> f64 {
        let classes: Vec<usize> = (0..self.classes()).filter(|class| counts(*class)).collect();
        classes.iter().map(|class| value(*class)).sum::<f64>() / classes.len() as f64
    }
}
