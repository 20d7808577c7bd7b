//! How good predicted probabilities are.
//!
//! Each metric takes the class t of every row, 0 or 1, and the probability p(t = 1) that was predicted for it, in the
//! same order. Remember that the network's own output y is p(t = 0): these functions want `prob_t1`.
//! Computed in f64; sums run in row order.

/// Why a metric has no value.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum MetricError {
    /// There is nothing to judge.
    #[error("there are no rows to compute a metric on")]
    NoRows,
    /// The slices do not belong together.
    #[error("{targets} targets and {probabilities} probabilities: every row needs one of each")]
    Lengths {
        /// The number of targets.
        targets: usize,
        /// The number of probabilities.
        probabilities: usize,
    },
    /// A target is neither 0 nor 1.
    #[error("the target of row {row} is {target}: it must be 0 or 1")]
    Target {
        /// The row, counted from 0.
        row: usize,
        /// Its target.
        target: f32,
    },
    /// A probability is NaN or outside of 0..=1.
    #[error("the probability of row {row} is {probability}: it must lie between 0 and 1")]
    Probability {
        /// The row, counted from 0.
        row: usize,
        /// Its probability.
        probability: f32,
    },
    /// The metric compares rows of both classes, and one class has none.
    #[error("the ROC AUC needs rows of both classes, and no row has t = {missing}")]
    OneClass {
        /// The class without a row, 0 or 1.
        missing: u8,
    },
}

/// The share of rows whose class is the more probable one: t = 1 where p(t = 1) >= 1/2. From 0 to 1.
///
/// # Errors
/// [`MetricError`], if there are no rows or an argument is not what it should be.
pub fn accuracy(targets: &[f32], prob_t1: &[f32]) -> Result<f64, MetricError> {
    check(targets, prob_t1)?;
    let right = targets.iter().zip(prob_t1).filter(|&(&target, &prob_t1)| (prob_t1 >= 0.5) == (target == 1.0)).count();
    Ok(right as f64 / targets.len() as f64)
}

/// The smallest probability that [`log_loss`] takes at its word, 2^-23: the distance from 1 to the next f32.
///
/// A prediction of exactly 0 for a class that occurs would cost infinitely much. scikit-learn's `log_loss` clips
/// single-precision probabilities at the same value.
pub const MIN_LOG_LOSS_PROBABILITY: f64 = f32::EPSILON as f64;

/// The mean negative log likelihood, in nats per row:
///
/// -1/n sum ( t ln p + (1 - t) ln (1 - p) ),  where p is p(t = 1), clipped to
/// [[`MIN_LOG_LOSS_PROBABILITY`], 1 - [`MIN_LOG_LOSS_PROBABILITY`]].
///
/// 0 is perfect; a constant prediction of 1/2 scores ln 2 = 0.693. (Good, I. J.: Rational decisions, 1952.)
///
/// # Errors
/// [`MetricError`], if there are no rows or an argument is not what it should be.
pub fn log_loss(targets: &[f32], prob_t1: &[f32]) -> Result<f64, MetricError> {
    check(targets, prob_t1)?;
    let mut sum = 0.0;
    for (&target, &prob_t1) in targets.iter().zip(prob_t1) {
        let clipped = f64::from(prob_t1).clamp(MIN_LOG_LOSS_PROBABILITY, 1.0 - MIN_LOG_LOSS_PROBABILITY);
        sum -= if target == 1.0 { clipped.ln() } else { (-clipped).ln_1p() };
    }
    Ok(sum / targets.len() as f64)
}

/// The area under the receiver operating characteristic: the probability that a row with t = 1 gets a higher p(t = 1)
/// than a row with t = 0, where equal ones count one half. 1 is perfect, 1/2 is guessing.
///
/// It is the Mann-Whitney statistic,
///
/// ( R - n1 (n1 + 1) / 2 ) / (n1 n0),
///
/// where R is the sum of the ranks, counted from 1 in ascending order of p, of the n1 rows with t = 1, and rows of equal
/// p share the mean of their ranks. (Hanley, J. A. and McNeil, B. J.: The meaning and use of the area under a
/// receiver operating characteristic curve, 1982.) Counted in whole half-ranks, and divided once.
///
/// # Errors
/// [`MetricError`], if a class has no rows or an argument is not what it should be.
pub fn roc_auc(targets: &[f32], prob_t1: &[f32]) -> Result<f64, MetricError> {
    check(targets, prob_t1)?;
    let mut rows: Vec<(f32, bool)> = prob_t1.iter().copied().zip(targets.iter().map(|&target| target == 1.0)).collect();
    rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let positives = rows.iter().filter(|row| row.1).count() as u128;
    let negatives = rows.len() as u128 - positives;
    if positives == 0 || negatives == 0 {
        return Err(MetricError::OneClass { missing: u8::from(positives == 0) });
    }
    let mut twice_rank_sum = 0;
    let mut below = 0;
    for tied in rows.chunk_by(|a, b| a.0 == b.0) {
        // The ranks below + 1 ..= below + len; twice their mean is 2 below + len + 1.
        let twice_rank = 2 * below + tied.len() as u128 + 1;
        twice_rank_sum += twice_rank * tied.iter().filter(|row| row.1).count() as u128;
        below += tied.len() as u128;
    }
    Ok((twice_rank_sum - positives * (positives + 1)) as f64 / (2 * positives * negatives) as f64)
}

/// Checks what all metrics ask of their arguments.
fn check(targets: &[f32], prob_t1: &[f32]) -> Result<(), MetricError> {
    if targets.len() != prob_t1.len() {
        return Err(MetricError::Lengths { targets: targets.len(), probabilities: prob_t1.len() });
    }
    if targets.is_empty() {
        return Err(MetricError::NoRows);
    }
    for (row, (&target, &probability)) in targets.iter().zip(prob_t1).enumerate() {
        if target != 0.0 && target != 1.0 {
            return Err(MetricError::Target { row, target });
        }
        if !(0.0..=1.0).contains(&probability) {
            return Err(MetricError::Probability { row, probability });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Targets, probabilities, then accuracy, log loss and ROC AUC as scikit-learn 1.9.1 has them. Its log loss was given
    /// the same probabilities in double precision, clipped as here, since it sums single ones in single precision.
    type Case = (Vec<f32>, Vec<f32>, f64, f64, f64);

    fn cases() -> [Case; 3] {
        let ties = (
            vec![0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0],
            vec![0.1, 0.8, 0.35, 0.35, 0.5, 0.35, 0.7, 0.7, 0.0, 1.0],
            0.8,
            0.44936871536368306,
            0.86,
        );
        let wrong_certainties = (vec![1.0, 0.0, 1.0, 0.0], vec![0.0, 1.0, 1e-30, 0.25], 0.25, 12.028709382772002, 0.0);
        let targets = (0..1000).map(|row| if (row * row + row / 7) % 3 == 0 { 1.0 } else { 0.0 }).collect();
        let prob_t1 = (0..1000).map(|row| (f64::from(row * 7919 % 101) / 100.0) as f32).collect();
        let many = (targets, prob_t1, 0.499, 1.1144175922752249, 0.4952370633797731);
        [ties, wrong_certainties, many]
    }

    #[test]
    fn values_are_those_of_scikit_learn() {
        for (targets, prob_t1, expected_accuracy, expected_log_loss, expected_auc) in cases() {
            assert_eq!(accuracy(&targets, &prob_t1), Ok(expected_accuracy));
            for (metric, expected) in
                [(log_loss(&targets, &prob_t1), expected_log_loss), (roc_auc(&targets, &prob_t1), expected_auc)]
            {
                let value = metric.unwrap();
                assert!((value - expected).abs() <= 1e-14 * expected, "{value} is not {expected}");
            }
        }
    }

    #[test]
    fn guessing_scores_what_the_documentation_says() {
        let (targets, prob_t1) = ([0.0, 1.0, 1.0], [0.5; 3]);
        assert_eq!(roc_auc(&targets, &prob_t1), Ok(0.5));
        assert!((log_loss(&targets, &prob_t1).unwrap() - 2.0_f64.ln()).abs() < 1e-15);
    }

    #[test]
    fn roc_auc_is_a_share_of_pairs() {
        let (targets, prob_t1, ..) = cases()[2].clone();
        let of_class = |class: f32| {
            let rows = targets.iter().zip(&prob_t1).filter(move |(target, _)| **target == class);
            rows.map(|(_, prob_t1)| *prob_t1).collect::<Vec<f32>>()
        };
        let (negatives, positives) = (of_class(0.0), of_class(1.0));
        let mut half_wins = 0;
        for positive in &positives {
            for negative in &negatives {
                half_wins += i32::from(positive > negative) + i32::from(positive >= negative);
            }
        }
        let pairs = (positives.len() * negatives.len()) as f64;
        assert_eq!(roc_auc(&targets, &prob_t1), Ok(f64::from(half_wins) / (2.0 * pairs)));
    }

    #[test]
    fn the_two_zeros_are_tied() {
        assert_eq!(roc_auc(&[1.0, 0.0, 1.0, 0.0], &[-0.0, 0.0, 0.0, -0.0]), Ok(0.5));
    }

    #[test]
    fn impossible_arguments_are_errors() {
        for metric in [accuracy, log_loss, roc_auc] {
            assert_eq!(metric(&[], &[]), Err(MetricError::NoRows));
            assert_eq!(metric(&[1.0], &[]), Err(MetricError::Lengths { targets: 1, probabilities: 0 }));
            assert_eq!(metric(&[1.0, 0.5], &[0.5; 2]), Err(MetricError::Target { row: 1, target: 0.5 }));
            for probability in [-0.1, 1.1, f32::INFINITY] {
                assert_eq!(metric(&[1.0], &[probability]), Err(MetricError::Probability { row: 0, probability }));
            }
            assert!(matches!(metric(&[1.0], &[f32::NAN]), Err(MetricError::Probability { row: 0, .. })));
        }
        assert_eq!(roc_auc(&[1.0, 1.0], &[0.1, 0.2]), Err(MetricError::OneClass { missing: 0 }));
        assert_eq!(roc_auc(&[0.0], &[0.1]), Err(MetricError::OneClass { missing: 1 }));
    }
}
