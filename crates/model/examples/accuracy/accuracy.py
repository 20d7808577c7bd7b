#!/usr/bin/env python3
"""Makes the tables of docs/accuracy.md: the scores of the default recipe beside the baselines of a data folder, and the time of
a fit beside that of scikit-learn's MLPClassifier.

    accuracy.py scores|time|all FOLDER TABLES [SET,SET,...]

FOLDER has `datasets.json` and `baselines.json`; TABLES is where `folds.py` writes its tables, if they are not there yet. Prints
Markdown. Needs scikit-learn, pandas and cargo. Without sets it does all of them; it takes about ten minutes.
"""
import csv
import io
import json
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import folds

METRICS = {"ROC AUC": ("auc", max), "Log loss": ("logloss", min), "Accuracy": ("acc", max)}
BASELINES = {
    "logreg": "logistic regression",
    "mlp_relu": "MLP, ReLU",
    "mlp_logistic": "MLP, logistic",
    "hgb": "HistGradientBoosting",
    "lightgbm": "LightGBM",
}


def backprop(mode, tables, sets):
    """The rows that the example prints, by set; the first column is the set."""
    command = ["cargo", "run", "--release", "--quiet", "-p", "model", "--example", "accuracy", "--", mode, tables, ",".join(sets)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent).stdout
    return {row["set"]: row for row in csv.DictReader(io.StringIO(output))}


def mlp_seconds(path):
    """CPU seconds and epochs of MLPClassifier as it comes, fitted to all folds but that of the first row."""
    table = pd.read_csv(path)
    table = table[table["fold"] != table["fold"].iloc[0]]
    inputs = table.drop(columns=["target", "fold"])
    numbers = list(inputs.select_dtypes("number"))
    names = [name for name in inputs if name not in numbers]
    matrix = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), names),
    ).fit_transform(inputs)
    classifier = MLPClassifier(random_state=0)
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        classifier.fit(matrix, table["target"])
    return time.process_time() - start, classifier.n_iter_


def print_row(cells):
    print("|", " | ".join(cells), "|")


def print_heading(title, columns):
    print(f"\n### {title}\n")
    print_row(columns)
    print("|---" * len(columns) + "|")


def print_scores(title, sets, scores, baselines):
    """One metric, set by set and on the mean; bold is best, as rounded."""
    key, best = METRICS[title]
    print_heading(title, ["set", "rows", "backprop", *BASELINES.values()])
    name = next(name for name in next(iter(scores.values())) if name.lower() == title.lower())
    values = [
        [float(scores[s][name]), *(baselines[s]["models"][model][key] for model in BASELINES)] for s in sets
    ]
    means = [sum(column) / len(sets) for column in zip(*values)]
    for label, rows, row in zip([*sets, "mean"], [*(str(baselines[s]["rows"]) for s in sets), ""], [*values, means]):
        row = [round(value, 4) for value in row]
        print_row([label, rows, *(f"**{v:.4f}**" if v == best(row) else f"{v:.4f}" for v in row)])


def print_all_scores(folder, tables, sets):
    """Every metric."""
    baselines = json.loads((folder / "baselines.json").read_text())
    scores = backprop("scores", tables, sets)
    for title in METRICS:
        print_scores(title, sets, scores, baselines)


def print_times(tables, sets):
    """One fit of each, one program after the other."""
    print_heading("CPU seconds", ["set", "inputs", "backprop, 6 networks", "MLPClassifier, 1 network", "its epochs"])
    for name, ours in backprop("time", tables, sets).items():
        seconds, epochs = mlp_seconds(tables / f"{name}.csv")
        print_row([name, ours["inputs"], f"{float(ours['CPU seconds']):.2f}", f"{seconds:.2f}", str(epochs)])


def main(what, folder, tables, sets=None):
    folder, tables = Path(folder).resolve(), Path(tables).resolve()
    described = [description["name"] for description in json.loads((folder / "datasets.json").read_text())["binary"]]
    sets = sets.split(",") if sets else described
    if not tables.exists():
        folds.main(folder, tables)
    if what in ("scores", "all"):
        print_all_scores(folder, tables, sets)
    if what in ("time", "all"):
        print_times(tables, sets)


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5) or sys.argv[1] not in ("scores", "time", "all"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
