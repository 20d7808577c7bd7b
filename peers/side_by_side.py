#!/usr/bin/env python3
"""Runs Backprop and its peers in turns on the same networks and prints the tables of the README.

Every peer is a worker (see README.md beside this file) that `setup.sh` has made ready; one that is not there is
reported as absent. For good figures nothing else should run on the machine.
"""

import argparse
import json
import os
import shlex
import sys
from dataclasses import asdict
from pathlib import Path

from comparison import machine, programs, table, work
from comparison.check import check, unequal
from comparison.rounds import compare

OURS = "cargo run --release -q -p bench --example worker --"


def main():
    options = arguments()
    ours = programs.ours(options.ours)
    known = programs.peers() | programs.optional_peers()
    peers = [known[name] for name in options.peers]
    networks = work.parsed(options.networks)
    record = {
        "command": shlex.join(["python3", os.path.relpath(__file__, programs.REPOSITORY), *sys.argv[1:]]),
        "machine": machine.description(),
        "versions": {},
        "checks": {},
        "comparisons": [],
    }
    if not options.no_check:
        record["checks"] = checks(ours, peers, networks, options)
    if options.only_check:
        print(table.check_lines(record))
        sys.exit(any(unequal(deviations) for deviations in record["checks"].values()))

    pieces = list(work.all_work(networks, options.modes, options.threads))
    for number, piece in enumerate(pieces, 1):
        # Without a check of its own, a prediction goes by the check of its network.
        excluded = {name for checked, deviations in record["checks"].items() if checked.network == piece.network
                    for name in unequal(deviations)}
        comparison = compare(ours, [peer for peer in peers if peer.name not in excluded], piece, options)
        record["comparisons"].append(comparison)
        record["versions"] |= versions(comparison)
        progress(f"[{number}/{len(pieces)}] {piece}: {summary(comparison, peers)}")
        if options.json:
            options.json.write_text(json.dumps(plain(record), indent=1) + "\n")
    page = table.page(record, ours, peers)
    if options.markdown:
        options.markdown.write_text(page)
    print(page, end="")


def arguments():
    known = [*programs.peers(), *programs.optional_peers()]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--ours", default=OURS, metavar="COMMAND", help="our worker, run in the repository (default: %(default)s)")
    add("--peers", nargs="+", default=list(programs.peers()), choices=known, metavar="PEER",
        help=f"of: {', '.join(known)}")
    add("--networks", nargs="+", default=work.TRAINED, metavar="NETWORK:BATCH",
        help="batch is the minibatch of training (default: %(default)s)")
    add("--modes", nargs="+", default=work.MODES, choices=work.MODES, help="(default: all)")
    add("--threads", nargs="+", type=int, default=[1, 2], metavar="T", help="thread counts (default: %(default)s)")
    add("--rounds", type=int, default=5, help="how often each pair is run (default: %(default)s)")
    add("--seconds", type=float, default=1.0, help="measured by each run (default: %(default)s)")
    add("--repeat-within", type=float, default=2.0, metavar="FACTOR",
        help="after round one, run only peers within this factor of the fastest (default: %(default)s)")
    add("--timeout", type=float, default=300.0, help="seconds for one run (default: %(default)s)")
    add("--no-check", action="store_true", help="do not compare the programs' losses first")
    add("--only-check", action="store_true", help="compare the losses and nothing else; fails if one differs")
    add("--json", type=Path, help="write every run's raw figures here, after each comparison")
    add("--markdown", type=Path, help="write what is printed here too")
    return parser.parse_args()


def checks(ours, peers, networks, options):
    """The deviations of every program, for each network and minibatch."""
    reference = programs.reference()
    if reference is None:
        progress("No environment with NumPy is set up: the programs' losses are not compared.")
        return {}
    checked = [ours, *(peer for peer in peers if "check" in peer.modes)]
    found = {}
    for piece in work.work_to_check(networks):
        found[piece] = check(reference, checked, piece, options.timeout)
        for name in unequal(found[piece]):
            progress(f"{name} differs by {found[piece][name]:.1e} in {piece}: it is left out")
    return found


def versions(comparison):
    """The version of every program that ran."""
    runs = {name: pairs[0].peer for name, pairs in comparison.pairs.items()}
    if comparison.our_runs():
        runs["Backprop"] = comparison.our_runs()[0]
    return {name: run.get("version", "unknown") for name, run in runs.items()}


def summary(comparison, peers):
    best = comparison.best(peer.name for peer in peers if peer.ranked)
    if best is None:
        return "no peer has a result"
    theirs = f"{best} {table.speed(comparison.work, comparison.rate(best))}"
    if not comparison.our_runs():
        return theirs
    our_rate = comparison.our_median("samples_per_second")
    return f"ours {table.speed(comparison.work, our_rate)}, {theirs}, ratio {comparison.ratio(best):.2f}"


def plain(record):
    """The record as JSON can hold it."""
    checks = [asdict(checked) | {"deviations": deviations} for checked, deviations in record["checks"].items()]
    return record | {"checks": checks, "comparisons": [asdict(it) for it in record["comparisons"]]}


def progress(line):
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
