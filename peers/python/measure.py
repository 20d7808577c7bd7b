"""The timing loop, the same as in `crates/peers/src/measure.rs`: a warm-up, then repeats of a fixed number of calls."""

import gc
from statistics import median
from time import perf_counter

REPEATS = 5


def measure(call, seconds):
    """Seconds per call in each repeat, after a warm-up of a quarter of `seconds`.

    A repeat makes as many calls as should take its share of `seconds`, one at least, and reads the clock twice.
    """
    call()  # compiles or allocates what it has to; not part of the estimate below
    per_call = seconds_per_call(call, calls_within(call, seconds / 4))
    calls = max(1, int(seconds / REPEATS / per_call))
    gc.disable()
    repeats = [seconds_per_call(call, calls) for _ in range(REPEATS)]
    gc.enable()
    return repeats


def calls_within(call, seconds):
    """How many calls, one at least, were made in the time."""
    calls, end = 0, perf_counter() + seconds
    while calls == 0 or perf_counter() < end:
        call()
        calls += 1
    return calls


def seconds_per_call(call, calls):
    start = perf_counter()
    for _ in range(calls):
        call()
    return (perf_counter() - start) / calls


def fastest(ways, seconds):
    """Measures each way of doing the same work: ({name: samples per second}, the fastest's name, its repeats)."""
    repeats = {}
    for way in ways:
        repeats[way.name] = [way.samples / spent for spent in measure(way.call, seconds)]
    rates = {name: median(speeds) for name, speeds in repeats.items()}
    best = max(rates, key=rates.get)
    return rates, best, repeats[best]
