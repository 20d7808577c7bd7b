"""Times one library on one network and prints one line of JSON.

    python worker.py jax --network 28-64-64-1 --batch 32 --threads 1 --mode train --seconds 1

Run it with the Python of the peer's own virtual environment. The protocol stands in peers/README.md.
"""

import argparse
import importlib
import json
import os

PEERS = {
    "jax": "jax_peer.Jax",
    "pytorch": "pytorch_peer.PyTorch",
    "pytorch-compiled": "pytorch_peer.CompiledPyTorch",
    "scikit-learn": "scikit_learn_peer.ScikitLearn",
    "onnxruntime": "onnxruntime_peer.OnnxRuntime",
    "numpy": "numpy_peer.Numpy",
    "reference": "numpy_peer.Reference",
}

CHECKED_STEPS = 3
"""How many steps of training the numerical check goes through."""


def main():
    job = arguments()
    use_threads(job.threads)
    # Only now, because NumPy and the libraries read the thread count when they are imported.
    from workload import Workload

    module, name = PEERS[job.peer].split(".")
    peer = getattr(importlib.import_module(module), name)(Workload(job.network, job.batch), job.threads)
    report = {
        "peer": job.peer,
        "version": peer.version,
        "network": "-".join(map(str, job.network)),
        "batch": job.batch,
        "threads": job.threads,
        "mode": job.mode,
    }
    report |= check(peer) if job.mode == "check" else speed(peer, job)
    print(json.dumps(report))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--network", type=network, required=True, help="widths of the layers, inputs first: 28-64-64-1")
    parser.add_argument("--batch", type=int, required=True, help="rows of a minibatch, or rows predicted at once")
    parser.add_argument("--threads", type=int, default=1, help="threads that the library may use")
    parser.add_argument("--mode", choices=["train", "latency", "throughput", "check"], default="train")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long to measure, after the warm-up")
    return parser.parse_args()


def network(text):
    widths = [int(width) for width in text.split("-")]
    if len(widths) < 2 or min(widths) < 1 or widths[-1] != 1:
        raise argparse.ArgumentTypeError(f"{text} is not a network such as 28-64-64-1, with one output unit")
    return widths


def use_threads(threads):
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(threads)
    # XLA has no setting for it: its pool has a thread for every core that the process may run on.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def speed(peer, job):
    """The fastest way's median over its repeats; microseconds are for one step or one prediction of the batch."""
    from measure import fastest

    ways = peer.ways_to_train() if job.mode == "train" else peer.ways_to_predict()
    rates, best, repeats = fastest(ways, job.seconds)
    return {
        "samples_per_second": rates[best],
        "microseconds": 1e6 * job.batch / rates[best],
        "repeats": repeats,
        "way": best,
        "ways": rates,
    }


def check(peer):
    """Figures that must agree between peers; None for what the peer does not do."""
    mean_prediction, losses = None, []
    try:
        mean_prediction = float(peer.predictions().mean(dtype="float64"))
        for minibatch in range(CHECKED_STEPS):
            losses.append(float(peer.loss(minibatch)))
            peer.step(minibatch)
    except NotImplementedError:
        pass
    return {"losses": losses, "mean_prediction": mean_prediction}


if __name__ == "__main__":
    main()
