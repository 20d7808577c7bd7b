"""The work that every peer gets: the same starting weights and the same rows, bit for bit.

`crates/peers/src/workload.rs` makes the same numbers. Each is a hash of its stream and its index in it, so no peer
depends on another's random generator, and nothing but exact operations and one rounding is in between.
"""

from dataclasses import dataclass

import numpy as np

LEARNING_RATE = 0.1

FEATURES, TARGETS, ROWS = 1000, 1001, 1002
"""Streams of random numbers; layer l takes its weights from stream 2l and its biases from stream 2l + 1."""

UNIT_VARIANCE = np.float32(1.7320508)
"""Half the width of the interval around 0 on which a uniform number has variance 1: the root of 3."""


@dataclass
class Layer:
    """Starting weights, (outputs, inputs), row i for unit i; and biases, (outputs)."""

    weights: np.ndarray
    biases: np.ndarray


class Workload:
    """Starting weights, minibatches to train on, and rows to predict, all in f32."""

    def __init__(self, network, batch):
        self.network, self.batch = network, batch
        inputs, count = network[0], minibatch_count(batch, network[0])
        self.layers = [starting_layer(*widths) for widths in enumerate(zip(network, network[1:]))]
        features = symmetric(FEATURES, count * batch * inputs, UNIT_VARIANCE)
        self.features = features.reshape(count, batch, inputs)
        self.targets = (uniform(TARGETS, count * batch) >= 0.5).astype(np.float32).reshape(count, batch)
        self.rows = symmetric(ROWS, batch * inputs, UNIT_VARIANCE).reshape(batch, inputs)


def minibatch_count(batch, inputs):
    """Minibatches that a training loop cycles through.

    A power of two, at most 64 and at most about 8 MiB of features, but 4 at least.
    """
    fitting = min(max((8 << 20) // (4 * batch * inputs), 4), 64)
    return 1 << (fitting.bit_length() - 1)


def starting_layer(index, widths):
    inputs, outputs = widths
    scale = np.float32(1 / np.sqrt(inputs))
    weights = symmetric(2 * index, outputs * inputs, scale).reshape(outputs, inputs)
    return Layer(weights, symmetric(2 * index + 1, outputs, scale))


def symmetric(stream, count, scale):
    """The stream's first numbers, stretched to [-scale, scale)."""
    return (2 * uniform(stream, count) - 1) * scale


def uniform(stream, count):
    """The stream's first numbers: each in [0, 1) and a multiple of 2^-24."""
    steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E37_79B9_7F4A_7C15)
    bits = mixed(mixed(np.array([stream], np.uint64)) + steps)
    return (bits >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)


def mixed(bits):
    """The finaliser of SplitMix64; products wrap."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    return bits ^ (bits >> np.uint64(31))
