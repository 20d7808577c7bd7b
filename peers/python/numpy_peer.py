"""The textbook's step, written with NumPy: in f32 a peer, in f64 the reference that all peers are checked against."""

from itertools import cycle

import numpy as np

from peer import Peer, Way
from workload import LEARNING_RATE


class Numpy(Peer):
    version = np.__version__
    dtype = np.float32

    def __init__(self, workload, threads):
        super().__init__(workload, threads)
        # (inputs, outputs), so that a minibatch is multiplied from the left.
        self.weights = [np.array(layer.weights.T, self.dtype, order="C") for layer in workload.layers]
        self.biases = [layer.biases.astype(self.dtype) for layer in workload.layers]
        self.minibatches = [
            (features.astype(self.dtype), targets.astype(self.dtype).reshape(-1, 1))
            for features, targets in zip(workload.features, workload.targets)
        ]
        self.rows = workload.rows.astype(self.dtype)

    def ways_to_train(self):
        minibatches = cycle(range(len(self.minibatches)))
        yield Way("by hand", lambda: self.step(next(minibatches)), self.workload.batch)

    def ways_to_predict(self):
        yield Way("by hand", self.predictions, self.workload.batch)

    def step(self, minibatch):
        features, targets = self.minibatches[minibatch]
        values = self.forward(features)
        rate = self.dtype(LEARNING_RATE / self.workload.batch)
        delta = values[-1] - targets
        for layer in reversed(range(len(self.weights))):
            below = values[layer]
            gradient = below.T @ delta
            bias_gradient = delta.sum(axis=0)
            if layer > 0:
                delta = delta @ self.weights[layer].T
                delta *= below * (1 - below)
            gradient *= rate
            self.weights[layer] -= gradient
            self.biases[layer] -= rate * bias_gradient

    def loss(self, minibatch):
        features, targets = self.minibatches[minibatch]
        y = self.forward(features)[-1].astype(np.float64)
        return -np.mean(np.log(np.where(targets == 1, y, 1 - y)))

    def predictions(self):
        return self.forward(self.rows)[-1]

    def forward(self, rows):
        """The postactivations of every layer, the rows themselves first."""
        values = [rows]
        for weights, biases in zip(self.weights, self.biases):
            values.append(sigmoid(values[-1] @ weights + biases))
        return values


class Reference(Numpy):
    dtype = np.float64


def sigmoid(a):
    """1 / (1 + exp(-a)), in place."""
    np.negative(a, out=a)
    np.exp(a, out=a)
    a += 1
    return np.reciprocal(a, out=a)
