#!/usr/bin/env python3
"""Writes the binary sets of a data folder as tables for `backprop cross-validate`: one CSV each, with a header, the target
as 0 or 1 in `target`, and in `fold` the number of the part in which each row is held out.

    folds.py FOLDER OUT

FOLDER has `datasets.json`, which names files, target and positive class of each set. The folds are those of its baselines:
StratifiedKFold(5, shuffle=True, random_state=0) over the rows in the files' order. Needs scikit-learn.
"""
import csv
import gzip
import json
import sys
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedKFold


def idx(path):
    """An array of bytes from an IDX file."""
    content = gzip.open(path).read()
    shape = [int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(content[3])]
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def images(folder, description):
    """The pictures of two classes, one pixel a column."""
    pictures, labels = description["files"][0::2], description["files"][1::2]
    pixels = np.concatenate([idx(folder / name).reshape(-1, 784) for name in pictures])
    labels = np.concatenate([idx(folder / name) for name in labels])
    wanted = np.isin(labels, description["classes"])
    return [f"p{i}" for i in range(784)], pixels[wanted].tolist(), (labels[wanted] == description["positive"]).tolist()


def table(folder, description):
    """The rows of text files, without the target, and whether each is of the positive class."""
    names, rows, classes = description.get("names"), [], []
    for name in description["files"]:
        with open(folder / name, newline="") as file:
            separator, quote = description.get("sep", ","), description.get("quote", '"')
            reader = csv.reader(file, delimiter=separator, quotechar=quote, skipinitialspace=True)
            if description.get("header", True):
                names = next(reader)
            target = names.index(description["target"])
            for row in reader:
                if row:
                    row = ["" if cell.strip() == "?" else cell.strip() for cell in row]
                    label = row.pop(target)
                    classes.append((label.rstrip(".") if description.get("strip_dot") else label) == description["positive"])
                    rows.append(row)
    return [name for name in names if name != description["target"]], rows, classes


def main(folder, out):
    out.mkdir(parents=True, exist_ok=True)
    for description in json.loads((folder / "datasets.json").read_text())["binary"]:
        read = images if description.get("reader") == "idx" else table
        names, rows, classes = read(folder, description)
        fold = np.zeros(len(rows), int)
        folds = StratifiedKFold(5, shuffle=True, random_state=0).split(np.zeros(len(rows)), np.array(classes, int))
        for number, (_, held_out) in enumerate(folds):
            fold[held_out] = number
        with open(out / f"{description['name']}.csv", "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*names, "target", "fold"])
            writer.writerows([*row, int(positive), number] for row, positive, number in zip(rows, classes, fold))
        print(f"{description['name']}: {len(rows)} rows, {sum(classes)} positive", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
