"""Markdown from comparisons."""

TITLES = {
    "train": "Training, samples per second",
    "latency": "Inference of one row, microseconds",
    "throughput": "Inference of 1024 rows at once, rows per second",
}

BUSY = 0.3
"""Load average from which on a table says that the machine was not idle."""


def page(record, ours, peers):
    """The whole page: where and how it was made, the tables, the check, and what is missing."""
    blocks = [machine_lines(record), *tables(record, ours, peers), check_lines(record), missing_lines(record)]
    return "\n\n".join(filter(None, blocks)) + "\n"


def machine_lines(record):
    machine = record["machine"]
    extensions = ", ".join(machine["vector extensions"]) or "vector extensions unknown"
    versions = ", ".join(f"{name} {version}" for name, version in sorted(record["versions"].items()))
    lines = [
        f"Machine: {machine['processor']}, {machine['cores']} cores, {extensions}; {machine['system']}; "
        f"{machine['rustc']}.",
        f"Versions: {versions}.",
        f"Command: `{record['command']}`",
    ]
    if machine["load before"] > BUSY:
        lines.append(f"The machine was busy (load average {machine['load before']}): take the figures as rough.")
    return "  \n".join(lines)


def tables(record, ours, peers):
    """One table for each mode that was run."""
    for mode, title in TITLES.items():
        comparisons = [it for it in record["comparisons"] if it.work.mode == mode]
        if comparisons:
            yield f"### {title}\n\n{table(mode, comparisons, ours, peers)}"


def table(mode, comparisons, ours, peers):
    peers = [peer for peer in peers if mode in peer.modes]
    ranked = [peer.name for peer in peers if peer.ranked]
    rows = [["network", "batch", "threads", f"**{ours.name}**", "best peer", "ratio", "share of peak",
             *(peer.name for peer in peers)]]
    rows.append(["---"] + ["---:"] * (len(rows[0]) - 1))
    for it in comparisons:
        best = it.best(ranked)
        share = it.our_median("share_of_peak")
        rows.append([
            it.work.network,
            str(it.work.batch),
            str(it.work.threads),
            f"**{speed(it.work, it.our_median('samples_per_second'))}**" if it.our_runs() else "absent",
            best or "none",
            f"{it.ratio(best):.2f}x" if it.ratio(best) else "",
            f"{share:.0%}" if share else "",
            *(peer_cell(it, peer.name) for peer in peers),
        ])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def peer_cell(comparison, name):
    if comparison.rate(name):
        return speed(comparison.work, comparison.rate(name))
    reason = comparison.missing.get(name, "unequal")
    return reason if reason in ("absent", "unequal") else "failed"


def speed(work, rate):
    """Rows per second, or microseconds for a latency, in three digits where there are as many."""
    if work.mode == "latency":
        return digits(1e6 * work.batch / rate)
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if rate >= size:
            return digits(rate / size) + unit
    return digits(rate)


def digits(value):
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f}"


def check_lines(record):
    """The largest deviation of each program over all networks, or the reason why it has none."""
    if not record["checks"]:
        return "The programs' losses were not compared."
    worst, unchecked = {}, {}
    for deviations in record["checks"].values():
        for name, found in deviations.items():
            if isinstance(found, float):
                worst[name] = max(worst.get(name, 0.0), found)
            else:
                unchecked[name] = found
    measured = ", ".join(f"{name} {found:.1e}" for name, found in worst.items())
    lines = [f"Largest difference from the reference's losses and predictions (f64): {measured}."]
    lines += [f"Not compared: {name} ({reason})." for name, reason in unchecked.items() if reason != "absent"]
    return "  \n".join(lines)


def missing_lines(record):
    reasons = {(name, reason) for it in record["comparisons"] for name, reason in it.missing.items()}
    return "\n".join(f"- {name}: {reason}" for name, reason in sorted(reasons))
