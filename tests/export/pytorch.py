#!/usr/bin/env python3
"""Compares PyTorch, with the weights exported for it, with the predictions of this program; see check.sh.

    pytorch.py random FOLDER                what the example random_models has written
    pytorch.py example PROGRAM TABLE WORK   the example of docs/export.md, as it stands there
"""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

TOLERANCE = 1e-6
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "export.md"


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
    worst, count = 0.0, 0
    for path in folder.glob("*.json"):
        description = json.loads(path.read_text())
        if "features" not in description["inputs"]:
            continue
        features = np.array(description["inputs"]["features"], dtype=np.float32).reshape(description["rows"], -1)
        found = pytorch_predictions(description, path.with_suffix(".safetensors"), features)
        for name, expected in description["outputs"].items():
            expected = np.array(expected)
            # As check.py has it.
            unit = 4 * max(1.0, np.abs(expected).max()) if name == "prediction" else 1.0
            worst = max(worst, np.abs(found[name].ravel() - expected).max() / unit)
        count += 1
    assert count, "no models"
    return f"{count} random models", worst


def check_example(program, table, work):
    """Trains the model that the example is about, and runs the example."""
    program = Path(program).resolve()
    settings = ["--target", "diagnosis", "--hidden", "16", "--activation", "tanh", "--pieces", "none",
                "--ensemble", "1"]
    command = lambda *words: subprocess.run([program, *words], check=True, capture_output=True, text=True, cwd=work).stdout
    command("train", Path(table).resolve(), *settings, "--model", "model.safetensors")
    command("export", "model.safetensors", "--safetensors-plain", "weights.safetensors")
    pipeline = json.loads(command("info", "model.safetensors", "--json"))["pipeline"]
    rows = list(csv.DictReader(open(table, newline="")))
    predicted = csv.DictReader(command("predict", "model.safetensors", Path(table).resolve()).splitlines())
    prob_t1 = np.array([float(row["prob_t1"]) for row in predicted])

    # (x - centre) / spread: what the pipeline makes of numbers where none is missing.
    scales = [(feature["name"], feature["encoder"]["number"]["scale"]) for feature in pipeline["features"]]
    columns = [[(float(row[name]) - scale["center"]) / scale["spread"] for row in rows] for name, scale in scales]
    names = {"inputs": torch.tensor(np.array(columns).T.astype(np.float32))}
    example = re.search(r"```python\n(.*?)```", DOCUMENTATION.read_text(), re.S).group(1)
    os.chdir(work)
    exec(example, names)
    return "the example of docs/export.md", np.abs(names["prob_t0"].detach().numpy().ravel() - (1 - prob_t1)).max()


match sys.argv[1:]:
    case ["random", folder]:
        what, worst = check_random(Path(folder))
    case ["example", program, table, work]:
        what, worst = check_example(program, table, work)
    case _:
        sys.exit(__doc__)
print(f"PyTorch {torch.__version__}, {what}: worst difference {worst:.2e}")
sys.exit(0 if worst <= TOLERANCE else f"more than {TOLERANCE}")
