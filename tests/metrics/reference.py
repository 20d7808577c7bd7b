#!/usr/bin/env python3
"""Writes reference.json: predictions of simple models for real rows, and what scikit-learn says of them.

tests/metrics.rs compares net::metrics and net::temperature with it. Predictions are rounded to a few decimals and then
to f32, so that some are equal; scikit-learn gets the same numbers in f64. Run it with the packages of
peers/python/requirements/scikit-learn.txt:

    peers/.venv-scikit-learn/bin/python tests/metrics/reference.py
"""

import json
import warnings
from pathlib import Path

import numpy as np
import sklearn
from scipy.optimize import brentq
from scipy.special import expit, softmax
from sklearn import datasets, metrics
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FOLDER = Path(__file__).parent
BINS = 15
EPSILON = float(np.finfo(np.float32).eps)


def single(numbers, decimals):
    """Rounded to so many decimals, then to f32, as f64."""
    return np.round(numbers, decimals).astype(np.float32).astype(np.float64)


def numbers(array):
    """Numbers that are f32, in as few digits as say which."""
    return [float(str(np.float32(number))) for number in np.ravel(array)]


def row_weights(count, seed):
    """Some 0, some whole, some neither."""
    random = np.random.default_rng(seed)
    return single(random.choice([0.0, 0.5, 1.0, 2.0, 3.7], count), 6)


def reliability(probability, true, weight):
    """(rows, weight, mean probability, share true) of each bin; and the expected calibration error."""
    table, error = [], 0.0
    bins = np.minimum((probability * BINS).astype(int), BINS - 1)
    for number in range(BINS):
        inside = (bins == number) & (weight > 0)
        if not inside.any():
            table.append([0, 0.0, None, None])
            continue
        p = np.average(probability[inside], weights=weight[inside])
        share = np.average(true[inside].astype(float), weights=weight[inside])
        table.append([int(inside.sum()), float(weight[inside].sum()), float(p), float(share)])
        error += weight[inside].sum() / weight.sum() * abs(share - p)
    return table, float(error)


def binary(targets, prob_t1, weights, threshold):
    taken = (prob_t1 >= threshold).astype(int)
    w = {"sample_weight": weights}
    table, error = reliability(prob_t1, targets == 1, np.ones(len(targets)) if weights is None else weights)
    return {
        "threshold": threshold,
        "log_loss": metrics.log_loss(targets, np.clip(prob_t1, EPSILON, 1 - EPSILON), labels=[0, 1], **w),
        "brier_score": metrics.brier_score_loss(targets, prob_t1, labels=[0, 1], pos_label=1, **w),
        "expected_calibration_error": error,
        "roc_auc": metrics.roc_auc_score(targets, prob_t1, **w),
        "average_precision": metrics.average_precision_score(targets, prob_t1, **w),
        "accuracy": metrics.accuracy_score(targets, taken, **w),
        "balanced_accuracy": metrics.balanced_accuracy_score(targets, taken, **w),
        "precision": metrics.precision_score(targets, taken, **w),
        "recall": metrics.recall_score(targets, taken, **w),
        "f1": metrics.f1_score(targets, taken, **w),
        "matthews_correlation": metrics.matthews_corrcoef(targets, taken, **w),
        "confusion_matrix": metrics.confusion_matrix(targets, taken, labels=[0, 1], **w).tolist(),
        "reliability": table,
    }


def curves(targets, prob_t1, weights):
    w = {"sample_weight": weights}
    fpr, tpr, thresholds = metrics.roc_curve(targets, prob_t1, drop_intermediate=False, **w)
    precision, recall, _ = metrics.precision_recall_curve(targets, prob_t1, **w)
    # Without the points that stand for no row.
    return {
        "thresholds": thresholds[1:].tolist(),
        "roc": np.column_stack([fpr, tpr])[1:].tolist(),
        "precision_recall": np.column_stack([recall, precision])[:-1][::-1].tolist(),
    }


def of_classes(targets, probabilities, weights):
    labels = range(probabilities.shape[1])
    taken = probabilities.argmax(axis=1)
    w = {"sample_weight": weights}
    ones = np.ones(len(targets)) if weights is None else weights
    table, error = reliability(probabilities.max(axis=1), taken == targets, ones)
    # Brier score and AUC come from each class's column: scikit-learn's own refuse rows whose sum is not quite 1.
    clipped = np.clip(probabilities, EPSILON, 1 - EPSILON)
    is_class = targets[:, None] == np.arange(probabilities.shape[1])
    brier = [metrics.brier_score_loss(is_class[:, k], probabilities[:, k], labels=[False, True], pos_label=True, **w)
             for k in labels]
    auc = [metrics.roc_auc_score(is_class[:, k], probabilities[:, k], **w) for k in labels]
    return {
        "log_loss": metrics.log_loss(targets, clipped, labels=labels, **w),
        "brier_score": sum(brier),
        "expected_calibration_error": error,
        "roc_auc": sum(auc) / len(auc),
        "accuracy": metrics.accuracy_score(targets, taken, **w),
        "balanced_accuracy": metrics.balanced_accuracy_score(targets, taken, **w),
        "macro_f1": metrics.f1_score(targets, taken, average="macro", **w),
        "matthews_correlation": metrics.matthews_corrcoef(targets, taken, **w),
        "confusion_matrix": metrics.confusion_matrix(targets, taken, labels=labels, **w).tolist(),
        "reliability": table,
    }


def of_numbers(targets, predictions, weights):
    w = {"sample_weight": weights}
    return {
        "mean_squared_error": metrics.mean_squared_error(targets, predictions, **w),
        "root_mean_squared_error": metrics.root_mean_squared_error(targets, predictions, **w),
        "mean_absolute_error": metrics.mean_absolute_error(targets, predictions, **w),
        "median_absolute_error": metrics.median_absolute_error(targets, predictions, **w),
        "r_squared": metrics.r2_score(targets, predictions, **w),
    }


def inverse_temperature(slope):
    """Where the derivative of the log loss by 1 / T is 0."""
    return brentq(slope, 0.05, 20.0, xtol=1e-15, rtol=1e-14)


def of_logits(logits, targets, weights):
    """logits[row, label] is ln p(t = 0) - ln p(t = 1)."""
    return inverse_temperature(lambda s: float(np.sum(weights[:, None] * logits * (expit(s * logits) - (1 - targets)))))


def of_class_logits(logits, targets, weights):
    of_target = logits[np.arange(len(targets)), targets]
    return inverse_temperature(
        lambda s: float(np.sum(weights * ((softmax(s * logits, axis=1) * logits).sum(axis=1) - of_target))))


def case(name, targets, predictions, weights, evaluate, *arguments):
    """A case for the file, without weights and with."""
    return {
        "name": name,
        "targets": numbers(targets),
        "predictions": numbers(predictions),
        "weights": numbers(weights),
        "unweighted": evaluate(targets, predictions, None, *arguments),
        "weighted": evaluate(targets, predictions, weights, *arguments),
    }


def main():
    warnings.filterwarnings("error", category=sklearn.exceptions.UndefinedMetricWarning)
    # Rounded probabilities do not.
    warnings.filterwarnings("ignore", message="The y_prob values do not sum to one")

    wdbc = np.genfromtxt(FOLDER.parent.parent / "data/wdbc.csv", delimiter=",", skip_header=1, usecols=range(30))
    rows = (FOLDER.parent.parent / "data/wdbc.csv").read_text().splitlines()[1:]
    t = np.array([int(row.endswith(",M")) for row in rows])
    # Few features and rows, so that the models are wrong now and then.
    features, train = wdbc[:, [0, 1, 4]], np.arange(len(t)) < 100
    judged = np.arange(100, 300)
    cases = []
    logistic = make_pipeline(StandardScaler(), LogisticRegression()).fit(features[train], t[train])
    weights = row_weights(len(judged), 1)
    prob_t1 = logistic.predict_proba(features[judged])[:, 1]
    cases.append(case("wdbc, logistic regression", t[judged], single(prob_t1, 6), weights, binary, 0.5))
    cases.append(case("wdbc, two decimals", t[judged], single(prob_t1, 2), weights, binary, 0.25))
    of_curves = [case("wdbc, two decimals", t[judged], single(prob_t1, 2), weights, curves)]
    bayes = GaussianNB().fit(wdbc[train][:, :8], t[train])
    prob_t1 = bayes.predict_proba(wdbc[judged][:, :8])[:, 1]
    cases.append(case("wdbc, naive Bayes", t[judged], single(prob_t1, 7), weights, binary, 0.5))

    several = []
    digits = datasets.load_digits()
    models = {
        "digits, logistic regression": LogisticRegression(max_iter=1000, C=0.001),
        "digits, naive Bayes": GaussianNB(var_smoothing=0.05),
    }
    judged = np.arange(200, 320)
    weights = row_weights(len(judged), 2)
    for name, model in models.items():
        probabilities = single(model.fit(digits.data[:200], digits.target[:200]).predict_proba(digits.data[judged]), 5)
        several.append(case(name, digits.target[judged], probabilities, weights, of_classes))

    diabetes = datasets.load_diabetes()
    ridge = Ridge(alpha=0.1).fit(diabetes.data[:242], diabetes.target[:242])
    predicted = single(ridge.predict(diabetes.data[242:]), 1)
    real = [case("diabetes, ridge regression", diabetes.target[242:], predicted, row_weights(200, 3), of_numbers)]

    temperatures = []
    judged = slice(100, 300)
    weights = row_weights(200, 4)
    sharp = LogisticRegression(C=1e4, max_iter=10000)

    def logits(columns, label):
        model = make_pipeline(StandardScaler(), sharp).fit(wdbc[:100, columns], label[:100])
        return -model.decision_function(wdbc[judged, columns])

    labels = np.column_stack([t, (features[:, 1] > np.median(features[:, 1])).astype(int)])
    both = single(np.column_stack([logits(slice(0, 6), t), logits(slice(2, 8), labels[:, 1])]), 4)
    of_digits = LogisticRegression(max_iter=1000, C=10.0).fit(digits.data[:200], digits.target[:200])
    digit_logits = single(of_digits.decision_function(digits.data[200:400]), 4)
    for name, kind, found, wanted, fit in [
        ("wdbc", "labels", both[:, :1], labels[judged, :1], of_logits),
        ("wdbc, two labels", "labels", both, labels[judged], of_logits),
        ("digits", "classes", digit_logits, digits.target[200:400], of_class_logits),
    ]:
        temperatures.append({
            "name": name,
            "kind": kind,
            "outputs": found.shape[1],
            "preactivations": numbers(found),
            "targets": numbers(wanted),
            "weights": numbers(weights),
            "unweighted": fit(found, wanted, np.ones(len(weights))),
            "weighted": fit(found, wanted, weights),
        })

    reference = {
        "scikit-learn": sklearn.__version__,
        "binary": cases,
        "curves": of_curves,
        "classes": several,
        "numbers": real,
        "temperatures": temperatures,
    }
    # A case in a line.
    lines = []
    for key, value in reference.items():
        if isinstance(value, str):
            lines.append(f'"{key}": "{value}"')
        else:
            lines.append(f'"{key}": [\n' + ",\n".join(json.dumps(one) for one in value) + "\n]")
    (FOLDER / "reference.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
