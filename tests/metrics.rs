//! Metrics are scikit-learn's on predictions for real rows (metrics/reference.json, written by metrics/reference.py), and
//! what they are defined to be on random ones: ties, weights, a class without rows.

use net::TargetKind;
use net::metrics::{
    BinaryMetrics, BinaryPredictions, CALIBRATION_BINS, ClassMetrics, ClassPredictions, CurvePoint, Metric,
    MetricError, NumberMetrics, NumberPredictions, ReliabilityBin, accuracy, log_loss, roc_auc, thinned,
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Asserts that two values have the same form, and numbers that differ by no more than 1e-12 of the expected one.
fn assert_agrees(found: &Value, expected: &Value, what: &str) {
    match (found, expected) {
        (Value::Number(number), Value::Number(wanted)) => {
            let (number, wanted) = (number.as_f64().unwrap(), wanted.as_f64().unwrap());
            assert!((number - wanted).abs() <= 1e-12 * wanted.abs(), "{what}: {number}, not {wanted}");
        }
        (Value::Array(numbers), Value::Array(wanted)) => {
            assert_eq!(numbers.len(), wanted.len(), "{what}");
            for (at, (number, wanted)) in numbers.iter().zip(wanted).enumerate() {
                assert_agrees(number, wanted, &format!("{what}[{at}]"));
            }
        }
        (Value::Object(fields), Value::Object(wanted)) => {
            let names = |fields: &serde_json::Map<String, Value>| fields.keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(fields), names(wanted), "{what}");
            for (name, wanted) in wanted {
                assert_agrees(&fields[name], wanted, &format!("{what}, {name}"));
            }
        }
        _ => assert_eq!(found, expected, "{what}"),
    }
}

/// The rows of a case, and what the reference says of them.
struct Case {
    name: String,
    targets: Vec<f32>,
    predictions: Vec<f32>,
    weights: Option<Vec<f32>>,
    expected: Value,
}

/// The cases of one kind, each without weights and with.
fn cases(kind: &str) -> Vec<Case> {
    let reference: Value = serde_json::from_str(include_str!("metrics/reference.json")).unwrap();
    let numbers = |value: &Value| -> Vec<f32> { serde_json::from_value(value.clone()).unwrap() };
    let mut cases = Vec::new();
    for case in reference[kind].as_array().unwrap() {
        for weighted in [false, true] {
            let of = if weighted { "weighted" } else { "unweighted" };
            cases.push(Case {
                name: format!("{}, {of}", case["name"]),
                targets: numbers(&case["targets"]),
                predictions: numbers(&case["predictions"]),
                weights: weighted.then(|| numbers(&case["weights"])),
                expected: case[of].clone(),
            });
        }
    }
    assert!(cases.len() >= 2, "{kind}");
    cases
}

impl Case {
    fn binary(&self) -> BinaryPredictions<'_> {
        let predictions = BinaryPredictions::new(&self.targets, &self.predictions).unwrap();
        match &self.weights {
            Some(weights) => predictions.with_weights(weights).unwrap(),
            None => predictions,
        }
    }

    /// Asserts that the metrics are as expected, that [`Metric::evaluate`] has the same values by bits, and that those that
    /// are one number are all there.
    fn check(&self, kind: TargetKind, metrics: Value, values: impl Iterator<Item = (Metric, Option<f64>)>) {
        let mut found = metrics;
        let rows = found.as_object_mut().unwrap().remove("rows");
        assert_eq!(rows, Some(json!(self.targets.len())));
        assert_agrees(&found, &self.expected, &self.name);
        let mut metrics = Vec::new();
        for (metric, value) in values {
            let alone = metric.evaluate(kind, &self.targets, &self.predictions, self.weights.as_deref());
            let is_at_one_half = found["threshold"].as_f64().unwrap_or(0.5) == 0.5;
            if is_at_one_half {
                assert_eq!(alone.ok(), value, "{}: {metric}", self.name);
            }
            metrics.push(metric);
        }
        let suited: Vec<Metric> = Metric::ALL.into_iter().filter(|metric| metric.suits(kind)).collect();
        assert_eq!(metrics, suited, "{kind}");
    }
}

/// The reliability table in the reference's form.
fn reliability(table: &[ReliabilityBin]) -> Value {
    table.iter().map(|bin| json!([bin.rows, bin.weight, bin.mean_probability, bin.share_true])).collect()
}

#[test]
fn metrics_of_two_classes_are_those_of_scikit_learn() {
    for case in cases("binary") {
        let predictions = case.binary();
        let threshold = case.expected["threshold"].as_f64().unwrap() as f32;
        let metrics = BinaryMetrics::evaluate(predictions, threshold);
        let mut found = serde_json::to_value(&metrics).unwrap();
        found["reliability"] = reliability(&predictions.reliability(CALIBRATION_BINS));
        case.check(TargetKind::Labels(1), found, metrics.values());
    }
}

#[test]
fn metrics_of_several_classes_are_those_of_scikit_learn() {
    for case in cases("classes") {
        let predictions = ClassPredictions::new(10, &case.targets, &case.predictions).unwrap();
        let predictions = match &case.weights {
            Some(weights) => predictions.with_weights(weights).unwrap(),
            None => predictions,
        };
        let metrics = ClassMetrics::evaluate(predictions);
        let mut found = serde_json::to_value(&metrics).unwrap();
        found["reliability"] = reliability(&predictions.reliability(CALIBRATION_BINS));
        case.check(TargetKind::Classes(10), found, metrics.values());
    }
}

#[test]
fn metrics_of_numbers_are_those_of_scikit_learn() {
    for case in cases("numbers") {
        let predictions = NumberPredictions::new(&case.targets, &case.predictions).unwrap();
        let predictions = match &case.weights {
            Some(weights) => predictions.with_weights(weights).unwrap(),
            None => predictions,
        };
        let metrics = NumberMetrics::evaluate(predictions);
        case.check(TargetKind::Values(1), serde_json::to_value(&metrics).unwrap(), metrics.values());
    }
}

#[test]
fn curves_are_those_of_scikit_learn() {
    for case in cases("curves") {
        let predictions = case.binary();
        let (roc, precision_recall) = (predictions.roc_curve().unwrap(), predictions.precision_recall_curve().unwrap());
        let start = |y| CurvePoint { threshold: f32::INFINITY, x: 0.0, y };
        assert_eq!((roc[0], precision_recall[0]), (start(0.0), start(1.0)));
        let points =
            |points: &[CurvePoint]| points[1..].iter().map(|point| json!([point.x, point.y])).collect::<Value>();
        let thresholds: Value = roc[1..].iter().map(|point| json!(point.threshold)).collect();
        let found = json!({
            "thresholds": thresholds,
            "roc": points(&roc),
            "precision_recall": points(&precision_recall),
        });
        assert_agrees(&found, &case.expected, &case.name);
        // The area under the curve by trapezoids is the share of pairs.
        let area: f64 = roc.windows(2).map(|ends| (ends[1].x - ends[0].x) * (ends[0].y + ends[1].y) / 2.0).sum();
        assert!((area - predictions.roc_auc().unwrap()).abs() < 1e-12);
        // Few points stay as they are.
        assert_eq!(thinned(&roc, 1 << 20).last(), roc.last());
    }
}

/// Class, probability in hundredths and weight in halves of some rows: many ties, and some rows that do not count.
fn rows() -> impl Strategy<Value = Vec<(u8, u8, u8)>> {
    prop::collection::vec((0..=1u8, 0..=100u8, 0..=4u8), 1..60)
}

/// The columns of [`rows`].
fn columns(rows: &[(u8, u8, u8)]) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let targets = rows.iter().map(|row| f32::from(row.0)).collect();
    let prob_t1 = rows.iter().map(|row| f32::from(row.1) / 100.0).collect();
    (targets, prob_t1, rows.iter().map(|row| f32::from(row.2) / 2.0).collect())
}

fn is_near(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-12 * expected.abs().max(1.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn roc_auc_is_a_share_of_pairs(rows in rows()) {
        let (targets, prob_t1, weights) = columns(&rows);
        let (mut half_wins, mut pairs) = (0.0, 0.0);
        for (t, p, weight) in &rows {
            for (other_t, other_p, other_weight) in &rows {
                if (*t, *other_t) == (1, 0) {
                    let product = f64::from(*weight) * f64::from(*other_weight);
                    half_wins += product * f64::from(u8::from(p > other_p) + u8::from(p >= other_p));
                    pairs += product;
                }
            }
        }
        match BinaryPredictions::new(&targets, &prob_t1).unwrap().with_weights(&weights) {
            Err(error) => prop_assert_eq!(error, MetricError::NoWeight),
            Ok(predictions) => match predictions.roc_auc() {
                // Halves and quarters are exact.
                Ok(auc) => prop_assert_eq!(auc, half_wins / (2.0 * pairs)),
                Err(error) => {
                    prop_assert_eq!(pairs, 0.0);
                    let missing_class = matches!(error, MetricError::MissingClass { .. });
                    prop_assert!(missing_class);
                }
            },
        }
    }

    /// Average precision by its definition, with a new count for every threshold.
    #[test]
    fn average_precision_is_a_sum_over_thresholds(rows in rows()) {
        let (targets, prob_t1, _) = columns(&rows);
        let positives = rows.iter().filter(|row| row.0 == 1).count() as f64;
        let (mut expected, mut recall) = (0.0, 0.0);
        for threshold in (0..=100u8).rev() {
            let taken = rows.iter().filter(|row| row.1 >= threshold);
            let right = taken.clone().filter(|row| row.0 == 1).count() as f64;
            if right > 0.0 {
                expected += (right / positives - recall) * (right / taken.count() as f64);
                recall = right / positives;
            }
        }
        let found = BinaryPredictions::new(&targets, &prob_t1).unwrap().average_precision();
        prop_assert!(is_near(found, expected), "{} is not {}", found, expected);
    }

    /// A row of weight k counts as k rows, and one of weight 0 not at all: in every metric, of one class or two.
    #[test]
    fn a_weight_is_a_number_of_rows(rows in rows()) {
        let weights: Vec<f32> = rows.iter().map(|row| f32::from(row.2)).collect();
        let repeated: Vec<(u8, u8, u8)> =
            rows.iter().flat_map(|row| std::iter::repeat_n(*row, usize::from(row.2))).collect();
        prop_assume!(!repeated.is_empty());
        let ((targets, prob_t1, _), (more_targets, more_prob_t1, _)) = (columns(&rows), columns(&repeated));
        for metric in Metric::ALL {
            // Probabilities are numbers as well, and with their complements those of two classes.
            let both = |prob_t1: &[f32]| -> Vec<f32> { prob_t1.iter().flat_map(|p| [1.0 - p, *p]).collect() };
            let (two, more_of_two) = (both(&prob_t1), both(&more_prob_t1));
            for (kind, predictions, more) in [
                (TargetKind::Labels(1), &prob_t1, &more_prob_t1),
                (TargetKind::Classes(2), &two, &more_of_two),
                (TargetKind::Values(1), &prob_t1, &more_prob_t1),
            ] {
                if metric.suits(kind) {
                    let weighted = metric.evaluate(kind, &targets, predictions, Some(&weights));
                    let expected = metric.evaluate(kind, &more_targets, more, None);
                    match (&weighted, &expected) {
                        (Ok(found), Ok(expected)) => {
                            prop_assert!(is_near(*found, *expected), "{}: {} is not {}", metric, found, expected);
                        }
                        _ => prop_assert_eq!(&weighted, &expected),
                    }
                }
            }
        }
    }

    /// Class 0 and class 1 of a softmax are the two classes of a sigmoid.
    #[test]
    fn two_of_several_classes_are_two_classes(rows in rows()) {
        let (targets, prob_t1, _) = columns(&rows);
        // At 1/2 the one takes the first class and the other one the second.
        prop_assume!(rows.iter().all(|row| row.1 != 50));
        let both: Vec<f32> = prob_t1.iter().flat_map(|p| [1.0 - p, *p]).collect();
        let one = BinaryMetrics::evaluate(BinaryPredictions::new(&targets, &prob_t1).unwrap(), 0.5);
        let two = ClassMetrics::evaluate(ClassPredictions::new(2, &targets, &both).unwrap());
        prop_assert_eq!(&one.confusion_matrix, &two.confusion_matrix);
        // 1 - p is rounded.
        prop_assert!((one.log_loss - two.log_loss).abs() < 1e-5);
        prop_assert!((2.0 * one.brier_score - two.brier_score).abs() < 1e-6);
        prop_assert!(one.roc_auc.is_some() == two.roc_auc.is_some());
        prop_assert!((one.roc_auc.unwrap_or(0.0) - two.roc_auc.unwrap_or(0.0)).abs() < 1e-12);
    }
}

#[test]
fn guessing_scores_what_the_documentation_says() {
    let (targets, prob_t1) = ([0.0, 1.0, 1.0], [0.5; 3]);
    let metrics = BinaryMetrics::evaluate(BinaryPredictions::new(&targets, &prob_t1).unwrap(), 0.5);
    assert_eq!((metrics.roc_auc, metrics.brier_score), (Some(0.5), 0.25));
    assert!((metrics.log_loss - 2.0_f64.ln()).abs() < 1e-15);
    assert!((metrics.average_precision - 2.0 / 3.0).abs() < 1e-15);
    let thirds = [1.0 / 3.0; 9];
    let metrics = ClassMetrics::evaluate(ClassPredictions::new(3, &[0.0, 1.0, 2.0], &thirds).unwrap());
    assert!((metrics.log_loss - 3.0_f64.ln()).abs() < 1e-7);
    assert_eq!((metrics.roc_auc, metrics.accuracy), (Some(0.5), 1.0 / 3.0));
    // The mean of the targets.
    assert_eq!(NumberPredictions::new(&[1.0, 2.0, 6.0], &[3.0; 3]).unwrap().r_squared(), 0.0);
}

/// What scikit-learn 1.9.1 has with zero_division at its default: 0 where nothing was taken for class 1, and so on.
#[test]
fn where_the_denominator_is_0() {
    let metrics = |targets: &[f32], prob_t1: &[f32]| {
        BinaryMetrics::evaluate(BinaryPredictions::new(targets, prob_t1).unwrap(), 0.5)
    };
    let none_taken = metrics(&[1.0, 0.0], &[0.3, 0.2]);
    assert_eq!((none_taken.precision, none_taken.recall, none_taken.f1), (0.0, 0.0, 0.0));
    assert_eq!((none_taken.matthews_correlation, none_taken.balanced_accuracy), (0.0, 0.5));
    let no_positives = metrics(&[0.0, 0.0], &[0.3, 0.6]);
    assert_eq!((no_positives.roc_auc, no_positives.average_precision), (None, 0.0));
    assert_eq!((no_positives.balanced_accuracy, no_positives.recall), (0.5, 0.0));
    let no_negatives = metrics(&[1.0, 1.0], &[0.3, 0.6]);
    assert_eq!((no_negatives.roc_auc, no_negatives.average_precision), (None, 1.0));
    assert_eq!((no_negatives.precision, no_negatives.matthews_correlation), (1.0, 0.0));
    // Class 2 neither occurs nor is predicted: F1 is the mean over the two others.
    let probabilities = [0.8, 0.1, 0.1, 0.1, 0.8, 0.1, 0.3, 0.7, 0.0];
    let without_third = ClassPredictions::new(3, &[0.0, 1.0, 0.0], &probabilities).unwrap();
    let metrics = ClassMetrics::evaluate(without_third);
    assert!((metrics.macro_f1 - 2.0 / 3.0).abs() < 1e-15 && metrics.balanced_accuracy == 0.75);
    assert_eq!(without_third.roc_auc(), Err(MetricError::MissingClass { metric: "the ROC AUC", missing: 2 }));
    let r_squared =
        |targets: &[f32], predictions: &[f32]| NumberPredictions::new(targets, predictions).unwrap().r_squared();
    assert_eq!((r_squared(&[0.1; 3], &[0.1; 3]), r_squared(&[0.1; 3], &[0.1, 0.1, 0.2])), (1.0, 0.0));
}

#[test]
fn certain_and_wrong_costs_much_but_not_infinitely() {
    let (targets, prob_t1) = ([1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 1e-30, 0.25]);
    let loss = log_loss(&targets, &prob_t1).unwrap();
    assert!(is_near(loss, 12.028709382772002), "{loss}");
    assert_eq!((accuracy(&targets, &prob_t1), roc_auc(&targets, &prob_t1)), (Ok(0.25), Ok(0.0)));
}

#[test]
fn the_two_zeros_are_tied() {
    assert_eq!(roc_auc(&[1.0, 0.0, 1.0, 0.0], &[-0.0, 0.0, 0.0, -0.0]), Ok(0.5));
}

#[test]
fn several_labels_and_values_are_averaged() {
    let (targets, prob_t1) = ([0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [0.2, 0.9, 0.7, 0.4, 0.1, 0.8]);
    let auc = |column: usize| {
        let of_column = |numbers: &[f32]| -> Vec<f32> { numbers.iter().skip(column).step_by(2).copied().collect() };
        roc_auc(&of_column(&targets), &of_column(&prob_t1)).unwrap()
    };
    assert_ne!(auc(0), auc(1));
    let mean = (auc(0) + auc(1)) / 2.0;
    assert_eq!(Metric::RocAuc.evaluate(TargetKind::Labels(2), &targets, &prob_t1, None), Ok(mean));
    let mean_absolute_error =
        Metric::MeanAbsoluteError.evaluate(TargetKind::Values(2), &[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 4.0, 7.0], None);
    assert_eq!(mean_absolute_error, Ok((0.5 + 2.0) / 2.0));
    // A last row that is not whole.
    let error = Metric::RocAuc.evaluate(TargetKind::Labels(2), &targets[..5], &prob_t1[..5], None);
    assert_eq!(error, Err(MetricError::Columns { targets: 5, columns: 2 }));
}

#[test]
fn metrics_have_names() {
    for metric in Metric::ALL {
        assert_eq!(metric.to_string().parse(), Ok(metric));
        assert_eq!(serde_json::to_value(metric).unwrap(), json!(metric.to_string()));
        let (better, worse) = if metric.higher_is_better() { (0.9, 0.1) } else { (0.1, 0.9) };
        assert!(metric.is_better(better, worse) && !metric.is_better(worse, better) && !metric.is_better(0.5, 0.5));
        assert!(!metric.is_better(f64::NAN, worse));
        let suits = |kind| metric.suits(kind);
        assert_ne!(suits(TargetKind::Values(1)), suits(TargetKind::Labels(1)));
    }
    let error = "auc".parse::<Metric>().unwrap_err().to_string();
    assert!(error.starts_with("there is no metric 'auc', only log-loss, brier-score, "), "{error}");
    let error = Metric::F1.evaluate(TargetKind::Values(1), &[1.0], &[1.0], None).unwrap_err();
    assert_eq!(error.to_string(), "F1 is no metric of one real target");
}

#[test]
fn impossible_arguments_are_errors() {
    for metric in [accuracy, log_loss, roc_auc] {
        assert_eq!(metric(&[], &[]), Err(MetricError::NoRows));
        let message = metric(&[1.0], &[]).unwrap_err().to_string();
        assert_eq!(message, "0 probabilities for 1 targets, but there must be 1");
        assert_eq!(metric(&[1.0, 0.5], &[0.5; 2]), Err(MetricError::Target { row: 2, target: 0.5, last: 1 }));
        for probability in [-0.1, 1.1, f32::INFINITY] {
            assert_eq!(metric(&[1.0], &[probability]), Err(MetricError::Probability { row: 1, probability }));
        }
        assert!(matches!(metric(&[1.0], &[f32::NAN]), Err(MetricError::Probability { row: 1, .. })));
    }
    let missing = |missing| Err(MetricError::MissingClass { metric: "the ROC AUC", missing });
    assert_eq!(roc_auc(&[1.0, 1.0], &[0.1, 0.2]), missing(0));
    assert_eq!(roc_auc(&[0.0], &[0.1]), missing(1));

    let predictions = BinaryPredictions::new(&[1.0, 0.0], &[0.5, 0.5]).unwrap();
    let error = |weights: &[f32]| predictions.with_weights(weights).unwrap_err().to_string();
    assert_eq!(error(&[1.0]), "1 weights for 2 targets, but there must be 2");
    assert_eq!(error(&[1.0, -1.0]), "the weight of row 2 is -1, but must be finite and at least 0");
    assert_eq!(error(&[0.0, 0.0]), "all weights are 0: at least one row must count");

    let error = |targets: &[f32], p: &[f32]| ClassPredictions::new(3, targets, p).unwrap_err().to_string();
    assert_eq!(error(&[3.0], &[0.2, 0.3, 0.5]), "the target of row 1 is 3, but must be a class, from 0 to 2");
    assert_eq!(error(&[1.0], &[0.5; 2]), "2 probabilities for 1 targets, but there must be 3");
    assert!(error(&[1.0], &[0.5; 3]).starts_with("the probabilities of row 1 add up to 1.5, but must be "));
    assert!(matches!(
        NumberPredictions::new(&[1.0, f32::NAN], &[1.0, 1.0]),
        Err(MetricError::NotFinite { what: "target", row: 2, .. })
    ));
}
