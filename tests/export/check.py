#!/usr/bin/env python3
"""Compares exported models, run by other programs, with the predictions of this one; see check.sh, which prepares everything.

    check.py random FOLDER                        what the example random_models has written
    check.py model PROGRAM MODEL TABLE.csv WORK   a model that the command has trained

Every graph must pass onnx.checker, with its shapes inferred. Numbers are compared in units of probability or, of numbers to
be predicted, of the spread of all predictions. If PyTorch and safetensors are there, the weights exported for it are
compared as well; if not, that is said.
"""

import csv
import datetime
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

try:
    import torch
    from safetensors.torch import load_file
except ImportError:
    torch = None

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


def difference(found, expected, is_number):
    """The greatest one, in units of the spread of numbers that are no probabilities."""
    found, expected = np.ravel(found).astype(np.float64), np.ravel(expected).astype(np.float64)
    assert found.shape == expected.shape, (found.shape, expected.shape)
    assert np.isfinite(found).all()
    spread = max(expected.std(), np.abs(expected).max(), 1e-30) if is_number else 1.0
    return np.abs(found - expected).max() / spread


def module(description):
    """PyTorch's modules of a network, without weights."""
    activations = {"sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh, "relu": torch.nn.ReLU, "silu": torch.nn.SiLU,
                   "gelu": torch.nn.GELU}
    layers = []
    for inputs, outputs in zip(description["widths"], description["widths"][1:]):
        layers += [torch.nn.Linear(inputs, outputs), activations[description["activation"]]()]
    return torch.nn.Sequential(*layers[:-1])


def pytorch_predictions(description, path, features):
    """The mean prediction, one output of each kind, computed by PyTorch."""
    count = description["networks"]
    if count == 1:
        networks = [module(description)]
        networks[0].load_state_dict(load_file(path))
    else:
        networks = torch.nn.ModuleList(module(description) for _ in range(count))
        networks.load_state_dict(load_file(path))
    with torch.no_grad():
        a = [network(torch.from_numpy(features)).double() for network in networks]
    mean = lambda make: torch.stack([make(a) for a in a]).mean(0).numpy()
    match description["output_layer"]:
        case "sigmoid":
            return {"prob_t0": mean(torch.sigmoid), "prob_t1": mean(lambda a: torch.sigmoid(-a))}
        case "softmax":
            return {"probabilities": mean(lambda a: torch.softmax(a, -1))}
        case "identity":
            return {"prediction": mean(lambda a: a)}


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
            found = difference(outputs[name], expected, name == "prediction")
            kind = f"{name}, {description['activation']}"
            worst[kind] = max(worst.get(kind, (0, "")), (found, path.stem))
        if description["classes"]:
            check_classes(outputs, description["classes"])
        if torch and "features" in inputs:
            found = pytorch_predictions(description, path.with_suffix(".safetensors"), inputs["features"])
            for name, expected in description["outputs"].items():
                compared = difference(found[name], expected, name == "prediction")
                worst["PyTorch"] = max(worst.get("PyTorch", (0, "")), (compared, path.stem))
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
    with open(table, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))
    rows = [row for row in rows if row]
    names = [str(place + 1) for place in range(len(rows[0]))] if "--no-header" in arguments else rows.pop(0)
    names = [name.strip() for name in names]
    outputs = run(graph, columns(graph, [dict(zip(names, row)) for row in rows]))
    worst = 0.0
    if "prob_t1" in outputs:
        prob_t1 = np.array([float(row["prob_t1"]) for row in expected])
        worst = max(difference(outputs["prob_t1"], prob_t1, False), difference(outputs["prob_t0"], 1 - prob_t1, False))
        sure = np.abs(prob_t1 - 0.5) > TOLERANCE
    elif "probabilities" in outputs:
        probabilities = np.array([[float(value) for name, value in row.items() if name != "class"] for row in expected])
        worst = difference(outputs["probabilities"], probabilities, False)
        two = np.sort(probabilities, axis=1)
        sure = two[:, -1] - two[:, -2] > 2 * TOLERANCE
    else:
        numbers = np.array([float(row["prediction"]) for row in expected])
        worst = difference(outputs["prediction"], numbers, True)
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
    if torch is None and sys.argv[1] == "random":
        print("  PyTorch and safetensors are not there: weights for PyTorch were not compared")
    sys.exit(0 if worst <= TOLERANCE else f"more than {TOLERANCE}")


main()
