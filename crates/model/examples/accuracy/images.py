#!/usr/bin/env python3
"""Trains a 784-256-128-10 network on images of ten classes, with `backprop` and with scikit-learn, and prints accuracy, log loss
and time as Markdown.

    images.py FOLDER [FOLDER ...]

Each FOLDER has the four files of MNIST or Fashion-MNIST in IDX format, such as `train-images-idx3-ubyte.gz`. One program runs
after the other, each on all cores. Needs scikit-learn and cargo.
"""
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

# scikit-learn reads the number of threads when it is loaded, and so runs in processes of their own.
LIBRARIES = ("OMP", "OPENBLAS", "MKL")
HIDDEN = (256, 128)


def files(folder, part):
    return folder / f"{part}-images-idx3-ubyte.gz", folder / f"{part}-labels-idx1-ubyte.gz"


def backprop(folder, members, threads):
    """Accuracy, log loss and the seconds of training of the default recipe, but for the layers and the pieces."""
    run = ["cargo", "run", "--release", "--quiet", "--manifest-path", Path(__file__).parents[4] / "Cargo.toml", "--"]
    with tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch) / "model.safetensors"
        words = ["--hidden", ",".join(map(str, HIDDEN)), "--pieces", "none", "--test-fraction", "0"]
        words += ["--ensemble", str(members), "--threads", str(threads), "--model", model, "--json"]
        trained = json.loads(subprocess.run([*run, "train", files(folder, "train")[0], *words], check=True, stdout=subprocess.PIPE).stdout)
        tested = subprocess.run([*run, "evaluate", model, files(folder, "t10k")[0], "--json"], check=True, stdout=subprocess.PIPE)
    scores = json.loads(tested.stdout)["scores"]
    return scores["accuracy"], scores["log-loss"], trained["seconds"]


def scikit_learn(folder):
    """The same of MLPClassifier as it comes, but for the layers, on pixels divided by 255."""
    from folds import idx
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import accuracy_score, log_loss
    from sklearn.neural_network import MLPClassifier

    def read(part):
        images, labels = files(folder, part)
        return idx(images).reshape(-1, 784).astype("float32") / 255, idx(labels)

    (inputs, labels), (test_inputs, test_labels) = read("train"), read("t10k")
    classifier = MLPClassifier(HIDDEN, random_state=0)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        classifier.fit(inputs, labels)
    seconds = time.perf_counter() - start
    probabilities = classifier.predict_proba(test_inputs)
    accuracy = accuracy_score(test_labels, probabilities.argmax(axis=1))
    return accuracy, log_loss(test_labels, probabilities), seconds, classifier.n_iter_


def in_process_of_its_own(folder, threads):
    environment = {**os.environ, **{f"{library}_NUM_THREADS": str(threads) for library in LIBRARIES}}
    words = [sys.executable, __file__, "--scikit-learn", folder]
    return json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE, env=environment).stdout)


def main(folders):
    print("| images | program | threads | accuracy | log loss | seconds |\n|---|---|---|---|---|---|")
    threads = os.cpu_count()
    for folder in map(lambda name: Path(name).resolve(), folders):
        for members in (1, 6):
            row = backprop(folder, members, threads)
            print_row(folder, f"backprop, {members} network{'s' * (members > 1)}", threads, *row)
        *row, epochs = in_process_of_its_own(folder, threads)
        print_row(folder, f"MLPClassifier, {epochs} epochs", threads, *row)


def print_row(folder, program, threads, accuracy, log_loss, seconds):
    print(f"| {folder.name} | {program} | {threads} | {accuracy:.4f} | {log_loss:.4f} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(__doc__)
    if sys.argv[1] == "--scikit-learn":
        print(json.dumps(scikit_learn(Path(sys.argv[2]))))
    else:
        main(sys.argv[1:])
