"""Programs run in turns, so that whatever disturbs the machine disturbs both sides of a comparison."""

from dataclasses import dataclass, field
from statistics import median

from comparison.programs import Unavailable


@dataclass
class Pair:
    """One run of ours and the run of a peer right after it; ours is None if it is unavailable."""

    ours: dict | None
    peer: dict

    def ratio(self):
        return self.ours["samples_per_second"] / self.peer["samples_per_second"]


@dataclass
class Comparison:
    """All runs for one piece of work."""

    work: object
    pairs: dict = field(default_factory=dict)
    """Each peer's pairs, by its name."""
    missing: dict = field(default_factory=dict)
    """Why a program has no result, by its name."""

    def rate(self, peer):
        """The median of a peer's samples per second, or None."""
        pairs = self.pairs.get(peer)
        return median(pair.peer["samples_per_second"] for pair in pairs) if pairs else None

    def our_runs(self):
        return [pair.ours for pairs in self.pairs.values() for pair in pairs if pair.ours]

    def our_median(self, figure):
        """The median of a figure over all our runs, or None if it is not in all of them."""
        figures = [run.get(figure) for run in self.our_runs()]
        return median(figures) if figures and None not in figures else None

    def ratio(self, peer):
        """The median of ours / peer, or None."""
        ratios = [pair.ratio() for pair in self.pairs.get(peer, []) if pair.ours]
        return median(ratios) if ratios else None

    def best(self, names):
        """The fastest of these peers, or None."""
        measured = [name for name in names if self.pairs.get(name)]
        return max(measured, key=self.rate, default=None)


def compare(ours, peers, work, options):
    """Runs ours, a peer, ours, the next peer, ... and again for each round.

    After the first round only those peers stay that are within a factor of the fastest: a peer that is far behind
    is not worth the time.
    """
    comparison = Comparison(work)
    remaining = [peer for peer in peers if work.mode in peer.modes]
    for _ in range(options.rounds):
        for peer in remaining:
            our_run = attempt(ours, work, options, comparison.missing)
            peer_run = attempt(peer, work, options, comparison.missing)
            if peer_run:
                comparison.pairs.setdefault(peer.name, []).append(Pair(our_run, peer_run))
        best = comparison.best(peer.name for peer in remaining if peer.ranked)
        floor = comparison.rate(best) / options.repeat_within if best else 0
        remaining = [peer for peer in remaining if (comparison.rate(peer.name) or 0) >= floor
                     and peer.name not in comparison.missing]
    return comparison


def attempt(program, work, options, missing):
    """A run, or None and the reason among the missing; a program that failed once is not tried again."""
    if program.name in missing:
        return None
    try:
        return program.run(work, options.seconds, options.timeout)
    except Unavailable as reason:
        missing[program.name] = str(reason)
        return None
