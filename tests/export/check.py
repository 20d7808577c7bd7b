#!/usr/bin/env python3
"""Compares exported models, run by other programs, with the predictions of this one; see check.sh, which prepares everything.

    check.py random FOLDER                        what the example random_models has written
    check.py model PROGRAM MODEL TABLE.csv WORK   a model that the command has trained

Every graph must pass onnx.checker, with its shapes inferred.
"""

import csv
import datetime
import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

TOLERANCE = 1e-6
# What a cell of a table holds that is missing.
MISSING = ["", "?", "NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "NaN", "nan", "NAN", "-nan", "-NaN", "null", "NULL", "Null",
           "None", "NaT"]


def session(path):
    """The graph at `path`, checked, ready to run."""
    onnx.checker.check_model(str(path), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(graph, inputs):
    """Its outputs by their names."""
    names = [output.name for output in graph.get_outputs()]
    return dict(zip(names, graph.run(names, inputs)))


def difference(found, expected, unit):
    """The greatest one, in this unit."""
    found, expected = np.ravel(found).astype(np.float64), np.ravel(expected).astype(np.float64)
    assert found.shape == expected.shape, (found.shape, expected.shape)
    assert np.isfinite(found).all()
    return np.abs(found - expected).max() / unit


def unit(name, expected, deviation):
    """That of a probability is 1. That of a number is what would make it one: a sigmoid changes by no more than a quarter of
    its argument, which a network predicts in standard deviations; of numbers that are larger, single precision has no
    more digits."""
    return 4 * max(deviation, np.abs(expected).max()) if name == "prediction" else 1.0


def check_random(folder):
    worst = {}
    descriptions = sorted(folder.glob("*.json"), key=lambda path: int(path.stem))
    for path in descriptions:
        description = json.loads(path.read_text())
        graph = session(path.with_suffix(".onnx"))
        inputs = {}
        for wanted in graph.get_inputs():
            cells = description["inputs"][wanted.name]
            text = wanted.type == "tensor(string)"
            column = np.array(cells, dtype=object if text else np.float32)
            inputs[wanted.name] = column.reshape(description["rows"], -1)
        outputs = run(graph, inputs)
        for name, expected in description["outputs"].items():
            # Networks without a table predict standardised numbers.
            deviation = 1.0 if "features" in inputs else np.std(expected)
            found = difference(outputs[name], expected, unit(name, expected, deviation))
            kind = f"{name}, {description['activation']}"
            worst[kind] = max(worst.get(kind, (0, "")), (found, path.stem))
        if description["classes"]:
            check_classes(outputs, description["classes"])
    assert descriptions, "no models"
    for kind, (found, which) in sorted(worst.items()):
        print(f"  {kind:<24} {found:.2e} (model {which})")
    return len(descriptions), max(found for found, _ in worst.values())


def check_classes(outputs, classes):
    """The class is the one that the probabilities say."""
    found = next(value for value in outputs.values() if value.dtype == object)
    if "probabilities" in outputs:
        expected = np.argmax(outputs["probabilities"], axis=1)
    else:
        expected = (np.ravel(outputs["prob_t1"]) >= 0.5).astype(int)
    assert [classes[number] for number in expected] == list(np.ravel(found))


def days(text):
    """A date as the graph wants it: days since 1970."""
    return (datetime.datetime.fromisoformat(text) - datetime.datetime(1970, 1, 1)) / datetime.timedelta(days=1)


def columns(graph, table):
    """The inputs of a graph, from the rows of a table."""
    inputs = {}
    for wanted, described in zip(graph.get_inputs(), onnx_inputs(graph)):
        cells = [row[wanted.name].strip() for row in table]
        if wanted.type == "tensor(string)":
            column = np.array(cells, dtype=object)
        else:
            number = days if "days" in described.doc_string else float
            column = np.array([np.nan if cell in MISSING else number(cell) for cell in cells]).astype(np.float32)
        inputs[wanted.name] = column.reshape(-1, 1)
    return inputs


def onnx_inputs(graph):
    """What a graph says of its inputs."""
    return onnx.load(graph._model_path).graph.input


def check_model(program, model, table, work, *arguments):
    """A model of the command: its export, run on all rows of a table, against `predict`."""
    exported = work / "model.onnx"
    subprocess.run([program, "export", model, "--onnx", exported], check=True, stdout=subprocess.DEVNULL)
    predicted = subprocess.run([program, "predict", model, table, *arguments], check=True, capture_output=True, text=True)
    expected = list(csv.DictReader(predicted.stdout.splitlines()))
    graph = session(exported)
    opened = gzip.open if table.endswith(".gz") else open
    with opened(table, "rt", newline="", encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))
    rows = [row for row in rows if row]
    names = [str(place + 1) for place in range(len(rows[0]))] if "--no-header" in arguments else rows.pop(0)
    names = [name.strip() for name in names]
    outputs = run(graph, columns(graph, [dict(zip(names, row)) for row in rows]))
    worst = 0.0
    if "prob_t1" in outputs:
        prob_t1 = np.array([float(row["prob_t1"]) for row in expected])
        worst = max(difference(outputs["prob_t1"], prob_t1, 1.0), difference(outputs["prob_t0"], 1 - prob_t1, 1.0))
        sure = np.abs(prob_t1 - 0.5) > TOLERANCE
    elif "probabilities" in outputs:
        probabilities = np.array([[float(value) for name, value in row.items() if name != "class"] for row in expected])
        worst = difference(outputs["probabilities"], probabilities, 1.0)
        two = np.sort(probabilities, axis=1)
        sure = two[:, -1] - two[:, -2] > 2 * TOLERANCE
    else:
        numbers = np.array([float(row["prediction"]) for row in expected])
        worst = difference(outputs["prediction"], numbers, unit("prediction", numbers, numbers.std()))
        sure = np.zeros(len(numbers), dtype=bool)
    if "class" in outputs:
        labels = np.array([row["class"] for row in expected], dtype=object)
        assert (np.ravel(outputs["class"])[sure] == labels[sure]).all(), "another class"
    return len(rows), worst


def main():
    match sys.argv[1:]:
        case ["random", folder]:
            count, worst = check_random(Path(folder))
            what = f"{count} random models"
        case ["model", program, model, table, work, *arguments]:
            count, worst = check_model(program, model, table, Path(work), *arguments)
            what = f"{Path(table).name}, {count} rows"
        case _:
            sys.exit(__doc__)
    print(f"{what}: worst difference {worst:.2e}")
    sys.exit(0 if worst <= TOLERANCE else f"more than {TOLERANCE}")


main()
