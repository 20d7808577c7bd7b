"""scikit-learn: MLPClassifier, whose `partial_fit` on all minibatches is one epoch of its own training loop."""

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier

from peer import Peer, Way
from workload import LEARNING_RATE


class ScikitLearn(Peer):
    version = sklearn.__version__

    def __init__(self, workload, threads):
        super().__init__(workload, threads)
        self.features = workload.features.reshape(-1, workload.network[0])
        self.targets = workload.targets.reshape(-1).astype(np.int64)
        self.model = MLPClassifier(
            hidden_layer_sizes=tuple(workload.network[1:-1]),
            activation="logistic",
            solver="sgd",
            alpha=0.0,
            batch_size=workload.batch,
            learning_rate_init=LEARNING_RATE,
            momentum=0.0,
            nesterovs_momentum=False,
            shuffle=False,
        )
        # The first step makes the arrays of its parameters, (inputs, outputs); then they get the starting weights.
        self.model.partial_fit(*self.minibatch(0), classes=[0, 1])
        for layer, weights, biases in zip(workload.layers, self.model.coefs_, self.model.intercepts_):
            assert weights.dtype == biases.dtype == np.float32
            weights[...] = layer.weights.T
            biases[...] = layer.biases

    def minibatch(self, index):
        rows = slice(index * self.workload.batch, (index + 1) * self.workload.batch)
        return self.features[rows], self.targets[rows]

    def ways_to_train(self):
        yield Way("partial_fit", lambda: self.model.partial_fit(self.features, self.targets), len(self.targets))

    def ways_to_predict(self):
        yield Way("predict_proba", lambda: self.model.predict_proba(self.workload.rows), self.workload.batch)

    def step(self, minibatch):
        self.model.partial_fit(*self.minibatch(minibatch))

    def loss(self, minibatch):
        features, targets = self.minibatch(minibatch)
        probabilities = self.model.predict_proba(features).astype(np.float64)
        return -np.mean(np.log(probabilities[np.arange(len(targets)), targets]))

    def predictions(self):
        return self.model.predict_proba(self.workload.rows)[:, 1]
