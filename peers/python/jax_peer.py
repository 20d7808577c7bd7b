"""JAX: passes over the minibatches are one compiled program, a `lax.scan` whose carry is the network."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from peer import Peer, Way
from workload import LEARNING_RATE


class Jax(Peer):
    version = jax.__version__

    def __init__(self, workload, threads):
        super().__init__(workload, threads)
        self.start = [(jnp.asarray(layer.weights.T), jnp.asarray(layer.biases)) for layer in workload.layers]
        self.parameters = copied(self.start)
        self.features, self.targets = jnp.asarray(workload.features), jnp.asarray(workload.targets)
        self.rows = jnp.asarray(workload.rows)
        # The weights are constants of the program, which is a little faster than handing them over every time.
        self.predict = jax.jit(lambda rows: jax.nn.sigmoid(logits(self.start, rows)))

    def ways_to_train(self):
        passes = self.passes_per_call()
        for unroll in (1, 4):
            self.parameters = copied(self.start)
            call = partial(self.train, self.features, self.targets, passes, unroll)
            yield Way(f"scan, unroll {unroll}", call, passes * self.workload.targets.size)

    def passes_per_call(self):
        """As many as make a call long enough for the cost of calling to vanish."""
        weights = sum(layer.weights.size for layer in self.workload.layers)
        return min(max(2**27 // (weights * self.workload.targets.size), 1), 8)

    def train(self, features, targets, passes, unroll):
        self.parameters, losses = train(self.parameters, features, targets, passes, unroll=unroll)
        losses.block_until_ready()

    def ways_to_predict(self):
        yield Way("jit", lambda: self.predict(self.rows).block_until_ready(), self.workload.batch)

    def step(self, minibatch):
        one = slice(minibatch, minibatch + 1)
        self.train(self.features[one], self.targets[one], passes=1, unroll=1)

    def loss(self, minibatch):
        return loss(self.parameters, self.features[minibatch], self.targets[minibatch])

    def predictions(self):
        return np.asarray(self.predict(self.rows))


def copied(parameters):
    """`train` takes its parameters' memory for its result."""
    return jax.tree.map(jnp.copy, parameters)


def logits(parameters, rows):
    """The output unit's preactivations, (batch)."""
    *hidden, (output_weights, output_biases) = parameters
    values = rows
    for weights, biases in hidden:
        values = jax.nn.sigmoid(values @ weights + biases)
    return (values @ output_weights + output_biases)[:, 0]


def loss(parameters, features, targets):
    a = logits(parameters, features)
    return jnp.mean(jax.nn.softplus(a) - targets * a)


@partial(jax.jit, donate_argnames="parameters", static_argnames="unroll")
def train(parameters, features, targets, passes, *, unroll):
    """Steps through all minibatches, `passes` times; returns the new parameters and the last pass's losses."""

    def step(parameters, minibatch):
        value, gradients = jax.value_and_grad(loss)(parameters, *minibatch)
        return jax.tree.map(lambda w, g: w - LEARNING_RATE * g, parameters, gradients), value

    def one_pass(_, carry):
        parameters, _ = carry
        return jax.lax.scan(step, parameters, (features, targets), unroll=unroll)

    return jax.lax.fori_loop(0, passes, one_pass, (parameters, jnp.zeros(len(features))))
