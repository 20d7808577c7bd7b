"""Tests of the comparison with workers that answer at once: `python3 -m unittest` in this folder."""

import sys
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

from comparison import check, table
from comparison.programs import TRAINS_AND_PREDICTS, Program, environment, ours
from comparison.rounds import compare
from comparison.work import Work, all_work, parsed

OPTIONS = SimpleNamespace(rounds=3, seconds=0.0, timeout=60.0, repeat_within=2.0)
WORK = Work("28-64-64-1", 256, "train", 1)


class ComparisonTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def worker(self, name, code, **options):
        """A program that runs a line of Python."""
        script = self.folder / f"{name}.py"
        script.write_text(f"import json, sys\n{code}\n")
        return Program(name, (sys.executable, str(script)), **options)

    def steady(self, name, rate, **options):
        return self.worker(name, f"print(json.dumps({{'samples_per_second': {rate}, 'version': '1.0'}}))", **options)

    def test_the_ratio_is_taken_to_the_best_ranked_peer(self):
        peers = [self.steady("slow", 90), self.steady("fast", 100), self.steady("products", 500, ranked=False)]
        found = compare(self.steady("ours", 250), peers, WORK, OPTIONS)
        best = found.best(["slow", "fast"])
        self.assertEqual((best, found.ratio(best), found.our_median("samples_per_second")), ("fast", 2.5, 250))
        self.assertEqual([len(pairs) for pairs in found.pairs.values()], [3, 3, 3])

    def test_a_peer_far_behind_runs_once(self):
        found = compare(self.steady("ours", 250), [self.steady("slow", 49), self.steady("fast", 100)], WORK, OPTIONS)
        self.assertEqual({name: len(pairs) for name, pairs in found.pairs.items()}, {"slow": 1, "fast": 3})

    def test_what_is_missing_is_said_and_the_rest_goes_on(self):
        peers = [
            Program("gone", (str(self.folder / "no-such-program"),)),
            self.worker("broken", "sys.exit('out of luck')"),
            self.worker("talkative", "print('hello')"),
            self.steady("well", 100),
        ]
        found = compare(ours("no-such-command"), peers, WORK, OPTIONS)
        self.assertEqual(found.missing, {
            "Backprop": "absent",
            "gone": "absent",
            "broken": "failed: out of luck",
            "talkative": "printed no JSON: hello",
        })
        self.assertEqual((found.rate("well"), found.ratio("well")), (100, None))
        printed = table.table("train", [found], ours("no-such-command"), peers)
        self.assertEqual(printed.splitlines()[-1],
                         "| 28-64-64-1 | 256 | 1 | absent | well |  |  | absent | failed | failed | 100 |")

    def test_a_peer_is_asked_only_for_what_it_does(self):
        peer = self.steady("predicts", 100, modes=TRAINS_AND_PREDICTS - {"train"})
        self.assertEqual(compare(self.steady("ours", 1), [peer], WORK, OPTIONS).pairs, {})

    def test_other_losses_are_unequal_and_no_losses_are_said(self):
        reference = self.worker("reference", "print('{\"losses\": [0.7, 0.6], \"mean_prediction\": 0.5}')")
        programs = [
            self.worker("equal", "print('{\"losses\": [0.7, 0.600001], \"mean_prediction\": 0.5}')"),
            self.worker("other", "print('{\"losses\": [0.7, 0.61], \"mean_prediction\": 0.5}')"),
            self.worker("lost", "print('{\"losses\": [0.7, NaN], \"mean_prediction\": 0.5}')"),
            self.worker("null", "print('{\"losses\": [0.7, null], \"mean_prediction\": 0.5}')"),
            self.worker("silent", "print('{}')"),
        ]
        found = check.check(reference, programs, WORK, 60)
        self.assertEqual(check.unequal(found), ["other", "lost", "null"])
        self.assertEqual(found["silent"], "gave no figures")

    def test_every_network_is_trained_as_listed_and_predicts_once(self):
        networks = parsed(["28-64-64-1:32", "28-64-64-1:256"])
        listed = [(it.batch, it.mode) for it in all_work(networks, ["train", "latency", "throughput"], [1])]
        self.assertEqual(listed, [(32, "train"), (256, "train"), (1, "latency"), (1024, "throughput")])

    def test_workers_get_their_threads_and_no_slowing_variables(self):
        import os

        os.environ["OPENBLAS_CORETYPE"] = "Haswell"
        given = environment(2)
        self.assertNotIn("OPENBLAS_CORETYPE", given)
        self.assertEqual((given["OMP_NUM_THREADS"], given["RAYON_NUM_THREADS"]), ("2", "2"))

    def test_speeds_have_three_digits(self):
        latency = Work("30-16-1", 1, "latency", 1)
        self.assertEqual([table.speed(WORK, rate) for rate in (2_345_678, 54_321, 987)], ["2.35M", "54.3k", "987"])
        self.assertEqual([table.speed(latency, 1e6 / time) for time in (0.15, 2.345, 123.4)], ["0.15", "2.35", "123"])


if __name__ == "__main__":
    unittest.main()
