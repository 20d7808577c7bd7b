"""What a library has to bring to be timed."""

from dataclasses import dataclass
from typing import Callable


@dataclass
class Way:
    """One way of doing the work, where a library offers several; the fastest of them counts."""

    name: str
    call: Callable
    samples: int
    """Samples that one call trains on or predicts."""


class Peer:
    """A library that can train the network and predict with it.

    Training is plain stochastic gradient descent on the mean binary cross entropy of a minibatch; prediction is
    p(target = 1) for each of the workload's rows. A subclass leaves out what its library cannot do.
    """

    version: str

    def __init__(self, workload, threads):
        """Brings weights and data into the library's own form. Not timed."""
        self.workload, self.threads = workload, threads

    def ways_to_train(self):
        raise NotImplementedError("trains no network")

    def ways_to_predict(self):
        raise NotImplementedError("predicts nothing")

    def step(self, minibatch):
        """One step of training on one minibatch."""
        raise NotImplementedError("trains no network")

    def loss(self, minibatch):
        """The mean loss of one minibatch at the present weights."""
        raise NotImplementedError("trains no network")

    def predictions(self):
        """The predictions at the starting weights, as a NumPy array; called before any step."""
        raise NotImplementedError("predicts nothing")
