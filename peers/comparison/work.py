"""The work that is compared: networks, minibatches, and what is done with them."""

from dataclasses import dataclass

TRAINED = ["30-16-1:32", "28-64-64-1:32", "28-64-64-1:256", "28-300-300-300-300-1:100", "784-256-128-1:64",
           "1024-1024-1024-1:512"]
"""Networks and the minibatches that they are trained with."""

MODES = ["train", "latency", "throughput"]

PREDICTED_AT_ONCE = {"latency": 1, "throughput": 1024}
"""Rows of a prediction."""


@dataclass(frozen=True)
class Work:
    """One row of a table: something that every program is asked to do."""

    network: str
    batch: int
    mode: str
    threads: int

    def arguments(self, seconds):
        """The command line that every worker understands."""
        return ["--network", self.network, "--batch", str(self.batch), "--threads", str(self.threads),
                "--mode", self.mode, "--seconds", str(seconds)]

    def __str__(self):
        return f"{self.mode} {self.network}, batch {self.batch}, {self.threads} thread{'s' * (self.threads > 1)}"


def parsed(networks):
    """[("28-64-64-1", 256)] from ["28-64-64-1:256"]."""
    pairs = [text.split(":") for text in networks]
    return [(network, int(batch)) for network, batch in pairs]


def all_work(networks, modes, thread_counts):
    """Everything to compare: training with each minibatch, predicting once with each network."""
    for mode in modes:
        batched = networks if mode == "train" else distinct((net, PREDICTED_AT_ONCE[mode]) for net, _ in networks)
        for network, batch in batched:
            for threads in thread_counts:
                yield Work(network, batch, mode, threads)


def work_to_check(networks):
    """Each network with each of its minibatches, once."""
    return [Work(network, batch, "check", 1) for network, batch in networks]


def distinct(items):
    return list(dict.fromkeys(items))
