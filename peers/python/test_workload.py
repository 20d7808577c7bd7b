"""The Python workers make the numbers that the Rust workers make: run with `python -m unittest` in this folder."""

import unittest

import numpy as np

from workload import Workload, minibatch_count


class WorkloadTest(unittest.TestCase):
    def test_the_numbers_are_those_of_the_rust_workers(self):
        """`crates/peers/src/workload.rs` expects the same figures."""
        workload = Workload([3, 2, 1], 2)
        self.assert_same(workload.layers[0].weights.reshape(-1)[:2], [0.44260916, -0.07906469])
        self.assert_same(workload.features.reshape(-1)[:2], [1.5966477, 1.5381092])
        self.assert_same(workload.targets[0], [1, 0])

    def assert_same(self, numbers, expected):
        self.assertEqual(numbers.tolist(), np.array(expected, np.float32).tolist())

    def test_minibatches_are_a_power_of_two_that_fits(self):
        self.assertEqual([minibatch_count(32, 30), minibatch_count(64, 784)], [64, 32])
        self.assertEqual([minibatch_count(512, 1024), minibatch_count(4096, 1024)], [4, 4])
