"""What becomes of the numbers: a table for people, JSON for programs."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from .workloads import WORKLOADS, Workload

SUMMARY = (
    "row",
    "freedive",
    "best peer",
    "its time",
    "ratio",
    "to reach",
    "share of rate",
    "first ever",
    "warm",
    "memory",
)
HEADERS = ("row", "peer", "time", "least", "ratio", "cold", "first ever", "compile", "memory", "loss", "accuracy", "")
APART, CLOSE = 0.5, 0.05  # a loss further from the median of its row than that part of it, and than CLOSE, is flagged
EXPLAINED = """
time: the median of a step, or of a call; ratio: how many times that of freedive.
share of rate: matrix products a second in freedive's step, of those measured in products alone in the same run.
cold: from the start of the process to the end of its first epoch or call, with the caches of compiled programs filled
by a process before it; first ever: with empty ones. In the upper table: freedive's, as part of the best peer's.
compile: what the first epoch takes more than later ones. memory: the highest of the process, the data set apart; in the
upper table as part of the leanest peer's.
loss, accuracy: on the data that was learned, at the end of the same number of epochs. LOSS APART: it is not what the
others have, so the time does not count.
"""


def measured(found: Mapping[str, Any], key: str) -> dict[str, float]:
    """peer -> a number, of the peers beside freedive that have it and whose loss agrees."""
    agreed = {p: f for p, f in found.items() if p != "freedive" and not apart(found, p)}
    return {p: f[key] for p, f in agreed.items() if f.get(key) is not None}


def best(found: Mapping[str, Any], key: str = "step") -> str | None:
    """The peer with the least of a number."""
    peers = measured(found, key)
    return min(peers, key=peers.__getitem__) if peers else None


def apart(found: Mapping[str, Any], peer: str) -> bool:
    """Whether a peer's loss is not what the others have: then its time says nothing."""
    losses = {p: f["loss"] for p, f in found.items() if f.get("loss") is not None}
    if peer not in losses:
        return False
    middle = statistics.median(losses.values())
    return not abs(losses[peer] - middle) <= max(CLOSE, APART * abs(middle))


def ratio(found: Mapping[str, Any], peer: str | None) -> float | None:
    """How many times freedive's time a peer takes."""
    own, other = (found.get(p, {}).get("step") for p in ("freedive", peer))
    return other / own if own and other else None


def summary(results: Mapping[str, Any]) -> list[list[str]]:
    """A line a row: freedive beside the best peer, and what is to be reached."""
    table = []
    for name, row in results["rows"].items():
        found, workload = row["peers"], WORKLOADS[name]
        own, peer = found.get("freedive", {}), best(found)
        share = row["work"] / own["step"] / row["rate"] if shares(row, workload) and "step" in own else None
        part = {}
        for key in ("cold_ever", "cold", "memory"):
            other = best(found, key)
            part[key] = own[key] / found[other][key] if other and own.get(key) else None
        times = ratio(found, peer)
        table.append([
            name, duration(own.get("step")), peer or "", duration(found[peer]["step"]) if peer else "",
            "LOSS APART" if apart(found, "freedive") else "" if times is None else f"{times:.2f}x",
            f"{workload.target:g}x", "" if share is None else f"{share:.0%}",
            *("" if value is None else f"{value:.2f}" for value in part.values()),
        ])  # fmt: skip
    return table


def shares(row: Mapping[str, Any], workload: Workload) -> bool:
    """Whether the share of the machine's rate says something."""
    return workload.bound == "compute" and bool(row.get("work")) and bool(row.get("rate"))


def details(results: Mapping[str, Any]) -> list[list[str]]:
    """For every row its peers, the fastest first."""
    table = []
    for name, row in results["rows"].items():
        found = row["peers"]
        for peer in sorted(found, key=lambda p: found[p].get("step", float("inf"))):
            table.append([name, peer, *cells(found, peer)])
    return table


def cells(found: Mapping[str, Any], peer: str) -> list[str]:
    """What stands behind a peer's name."""
    f, times = found[peer], ratio(found, peer)
    if "error" in f:
        return [f"failed: {f['error']}", *[""] * (len(HEADERS) - 3)]
    return [
        duration(f["step"]), duration(f["least"]), "" if times is None or peer == "freedive" else f"{times:.2f}x",
        duration(f.get("cold")), duration(f.get("cold_ever")), duration(f["compile"]),
        f"{f['memory'] / 2**20:,.0f} MiB", number(f.get("loss")), number(f.get("accuracy")),
        "LOSS APART" if apart(found, peer) else "best peer" if peer == best(found) else "",
    ]  # fmt: skip


def number(value: float | None) -> str:
    """Four digits, or nothing."""
    return "" if value is None else f"{value:.4g}"


def duration(seconds: float | None) -> str:
    """Seconds in the unit that suits them.

    >>> duration(0.0000119), duration(0.0212), duration(3.21)
    ('11.9 us', '21.2 ms', '3.21 s')
    """
    if seconds is None:
        return ""
    factor, unit = next(((f, u) for f, u in ((1e6, "us"), (1e3, "ms")) if seconds * f < 1000), (1, "s"))
    return f"{seconds * factor:.3g} {unit}"


def markdown(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as pages have it, in columns that can also be read as text."""
    widths = [max(len(row[i]) for row in (headers, *rows)) for i in range(len(headers))]
    made = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in (headers, *rows)]
    made.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(row) + " |" for row in made)


def page(results: Mapping[str, Any]) -> str:
    """All of it: both tables, what was measured, and on what."""
    rows = [f"{name}: {WORKLOADS[name].says}; time of a {WORKLOADS[name].unit}" for name in results["rows"]]
    rates = [row["rate"] for row in results["rows"].values() if row.get("rate")]
    machine = [f"{key}: {value}" for key, value in results["machine"].items()]
    machine += [f"matrix products: {statistics.median(rates) / 1e9:,.0f} GFLOP/s in float32"] if rates else []
    used = {f"{package} {version}" for found in results["versions"].values() for package, version in found.items()}
    parts = (
        markdown(SUMMARY, summary(results)), markdown(HEADERS, details(results)), EXPLAINED.strip(),
        as_list(rows), as_list([*machine, ", ".join(sorted(used))]),
    )  # fmt: skip
    return "\n\n".join(parts)


def as_list(lines: Sequence[str]) -> str:
    """Lines with a mark before each."""
    return "\n".join(f"- {line}" for line in lines)
