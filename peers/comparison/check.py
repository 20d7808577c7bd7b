"""Whether the programs do equal work: the same losses, step by step, from the same weights and rows."""

from math import inf, isfinite

from comparison.programs import Unavailable

TOLERANCE = 1e-5
"""How far a loss or a mean prediction in f32 may be from the reference's in f64."""


def check(reference, programs, work, timeout):
    """Each program's largest deviation from the reference, or the reason for having none, by its name."""
    expected = figures(reference.run(work, 0, timeout))
    return {program.name: deviation(program, work, expected, timeout) for program in programs}


def deviation(program, work, expected, timeout):
    try:
        found = figures(program.run(work, 0, timeout))
    except Unavailable as reason:
        return str(reason)
    if not found:
        return "gave no figures"
    differences = [abs(found[name] - expected[name]) for name in found]
    return max(differences) if all(map(isfinite, differences)) else inf


def figures(report):
    """Those of the losses and the mean prediction that a program gave."""
    # A loss that is no number is null in some workers' JSON.
    named = {f"loss {step}": inf if loss is None else loss for step, loss in enumerate(report.get("losses") or [])}
    if report.get("mean_prediction") is not None:
        named["mean prediction"] = report["mean_prediction"]
    return named


def unequal(deviations):
    """The programs that are known to do other work."""
    return [name for name, found in deviations.items() if isinstance(found, float) and found > TOLERANCE]
