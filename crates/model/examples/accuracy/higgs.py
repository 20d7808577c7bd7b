#!/usr/bin/env python3
"""Estimates how long the HIGGS set (11 million rows) takes `backprop train`, from a synthetic table of the same shape: a label and 28
numbers a row, without a header, written as HIGGS.csv writes them.

    higgs.py [ROWS [EPOCHS]]

ROWS (default 500000) are written to a temporary file, and trained on for one epoch and for two: the difference is the time of an
epoch, and the rest that of reading. Both grow with the rows. Prints the command, its time, and the estimate for 11 million rows
and EPOCHS (default 20). Needs NumPy and cargo.
"""
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROWS, COLUMNS = 11_000_000, 28
NETWORK = "--hidden 300,300,300,300 --pieces none --ensemble 1 --batch-size 100 --patience 0".split()


def write(path, rows):
    """Numbers of which the label depends in a way that no single one tells, but with an answer that is not certain."""
    random = np.random.default_rng(0)
    with open(path, "w") as file:
        for start in range(0, rows, 50_000):
            numbers = random.standard_normal((min(50_000, rows - start), COLUMNS)).astype("float32")
            score = numbers[:, 0] * numbers[:, 1] + np.abs(numbers[:, 2]) - numbers[:, 3] ** 2 / 2
            labels = random.random(len(score)) < 1 / (1 + np.exp(-2 * score))
            np.savetxt(file, np.column_stack([labels, numbers]), fmt="%.18e", delimiter=",")


def train(backprop, table, epochs):
    """What the command says of itself, the seconds of all of it, and its most memory in megabytes."""
    words = ["train", table, "--no-header", "--target", "1", *NETWORK, "--epochs", str(epochs), "--json"]
    start = time.perf_counter()
    program = subprocess.Popen([backprop, *words, "--model", table.with_suffix(".safetensors")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    most = 0
    status = Path(f"/proc/{program.pid}/status")
    while program.poll() is None:
        lines = status.read_text().splitlines() if status.exists() else []
        most = max([most, *(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))])
        time.sleep(0.05)
    output = program.stdout.read()
    if program.returncode != 0:
        sys.exit(f"backprop ended with exit code {program.returncode}")
    return json.loads(output), time.perf_counter() - start, most / 1024


def main(rows=500_000, epochs=20):
    root = Path(__file__).resolve().parents[4]
    subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "backprop"], check=True, cwd=root)
    backprop = root / "target/release/backprop"
    with tempfile.TemporaryDirectory() as scratch:
        table = Path(scratch) / "synthetic.csv"
        write(table, rows)
        size = table.stat().st_size / 1e6
        (_, one, _), (said, two, memory) = (train(backprop, table, count) for count in (1, 2))
    epoch, reading = two - one, 2 * one - two
    scale = ROWS / rows
    print(f"command: backprop train HIGGS.csv --no-header --target 1 {' '.join(NETWORK)} --epochs {epochs}")
    print(f"{rows} rows, {size:.0f} MB: {reading:.1f} s to read and evaluate, {epoch:.1f} s an epoch, at most {memory:.0f} MB of memory")
    print(f"ROC AUC after two epochs: {said['scores']['roc-auc']:.4f}")
    print(f"11 million rows: {scale * reading / 60:.1f} minutes to read and evaluate, {scale * epoch / 60:.1f} minutes an epoch,")
    print(f"{scale * (reading + epochs * epoch) / 3600:.1f} hours for {epochs} epochs, about {scale * memory / 1024:.1f} GB of memory")


if __name__ == "__main__":
    if any(not word.isdigit() for word in sys.argv[1:]) or len(sys.argv) > 3:
        sys.exit(__doc__)
    main(*map(int, sys.argv[1:]))
