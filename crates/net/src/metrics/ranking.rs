//! What follows from the order of the rows by p(t = 1).

use super::curve::CurvePoint;
use super::{MetricError, ratio};

/// The rows of one p(t = 1).
struct Tied {
    prob_t1: f32,
    /// The weights of those with t = 1.
    positives: f64,
    /// The weights of those with t = 0.
    negatives: f64,
}

/// The rows by falling p(t = 1).
pub(super) struct Ranking {
    groups: Vec<Tied>,
    /// P: the weights of all rows with t = 1.
    positives: f64,
    /// N: the weights of all rows with t = 0.
    negatives: f64,
}

impl Ranking {
    /// From (whether t = 1, p(t = 1), weight) of each row.
    pub(super) fn new(rows: impl Iterator<Item = (bool, f32, f64)>) -> Self {
        let mut rows: Vec<_> = rows.collect();
        // Stable, so that the weights of equal rows are added up in row order. The two zeros are equal.
        rows.sort_by(|a, b| b.1.partial_cmp(&a.1).expect("probabilities are no NaN"));
        let sum = |rows: &[(bool, f32, f64)], class: bool| -> f64 {
            rows.iter().filter(|row| row.0 == class).map(|row| row.2).sum()
        };
        let groups = rows.chunk_by(|a, b| a.1 == b.1);
        let groups: Vec<Tied> = groups
            .map(|tied| Tied { prob_t1: tied[0].1, positives: sum(tied, true), negatives: sum(tied, false) })
            .collect();
        let (positives, negatives) =
            groups.iter().fold((0.0, 0.0), |(p, n), group| (p + group.positives, n + group.negatives));
        Ranking { groups, positives, negatives }
    }

    /// The groups, each with the weights of positives and negatives above it.
    fn with_above(&self) -> impl Iterator<Item = (&Tied, f64, f64)> {
        self.groups.iter().scan((0.0, 0.0), |above, group| {
            let before = *above;
            *above = (before.0 + group.positives, before.1 + group.negatives);
            Some((group, before.0, before.1))
        })
    }

    fn needs_both_classes(&self, metric: &'static str) -> Result<(), MetricError> {
        if self.positives == 0.0 {
            return Err(MetricError::MissingClass { metric, missing: 1 });
        }
        if self.negatives == 0.0 {
            return Err(MetricError::MissingClass { metric, missing: 0 });
        }
        Ok(())
    }

    /// The share of pairs won; see [`BinaryPredictions::roc_auc`](super::BinaryPredictions::roc_auc).
    pub(super) fn roc_auc(&self) -> Result<f64, MetricError> {
        self.needs_both_classes("the ROC AUC")?;
        let wins: f64 = self.with_above().map(|(tied, above, _)| tied.negatives * (above + tied.positives / 2.0)).sum();
        Ok(wins / (self.positives * self.negatives))
    }

    /// See [`BinaryPredictions::average_precision`](super::BinaryPredictions::average_precision).
    pub(super) fn average_precision(&self) -> f64 {
        let terms = self.with_above().map(|(tied, positives, negatives)| {
            let (positives, negatives) = (positives + tied.positives, negatives + tied.negatives);
            tied.positives * (positives / (positives + negatives))
        });
        ratio(terms.sum(), self.positives)
    }

    /// (threshold, positives, negatives) at or above each threshold, from none to all.
    fn thresholds(&self) -> impl Iterator<Item = (f32, f64, f64)> {
        let all = self.with_above();
        let all = all.map(|(tied, above, below)| (tied.prob_t1, above + tied.positives, below + tied.negatives));
        std::iter::once((f32::INFINITY, 0.0, 0.0)).chain(all)
    }

    pub(super) fn roc_curve(&self) -> Result<Vec<CurvePoint>, MetricError> {
        self.needs_both_classes("the ROC curve")?;
        let point = |(threshold, positives, negatives)| {
            let (x, y) = (negatives / self.negatives, positives / self.positives);
            CurvePoint { threshold, x, y }
        };
        Ok(self.thresholds().map(point).collect())
    }

    pub(super) fn precision_recall_curve(&self) -> Result<Vec<CurvePoint>, MetricError> {
        if self.positives == 0.0 {
            return Err(MetricError::MissingClass { metric: "the precision-recall curve", missing: 1 });
        }
        let point = |(threshold, positives, negatives): (f32, f64, f64)| {
            let taken = positives + negatives;
            let y = if taken == 0.0 { 1.0 } else { positives / taken };
            CurvePoint { threshold, x: positives / self.positives, y }
        };
        Ok(self.thresholds().map(point).collect())
    }
}
