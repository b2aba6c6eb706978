"""What becomes of the numbers: a table for people, JSON for programs."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from .workloads import WORKLOADS

HEADERS = ("row", "peer", "time", "freedive is", "cold", "first ever", "compile", "memory", "loss", "accuracy", "")
APART, CLOSE = 0.5, 0.05  # a loss further from the median of its row than that part of it, and than CLOSE, is flagged


def family(peer: str) -> str:
    """The peer without its steps per execution."""
    return peer.split("@")[0]


def best(found: Mapping[str, Any]) -> str | None:
    """The fastest peer beside freedive whose loss agrees; None where there is none."""
    peers = {p: f for p, f in found.items() if p not in ("freedive",) and "step" in f and not apart(found, p)}
    return min(peers, key=lambda p: peers[p]["step"]) if peers else None


def apart(found: Mapping[str, Any], peer: str) -> bool:
    """Whether a peer's loss is not what the others have: then its time says nothing."""
    losses = {p: f["loss"] for p, f in found.items() if f.get("loss") is not None}
    if peer not in losses:
        return False
    middle = statistics.median(losses.values())
    return not abs(losses[peer] - middle) <= max(CLOSE, APART * abs(middle))


def lines(results: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """The table's rows: for every workload its peers, the fastest first."""
    table = []
    for row, found in results.items():
        own = found.get("freedive", {}).get("step")
        for peer in sorted(found, key=lambda p: found[p].get("step", float("inf"))):
            table.append([row, peer, *cells(found, peer, own)])
    return table


def cells(found: Mapping[str, Any], peer: str, own: float | None) -> list[str]:
    """What stands behind a peer's name."""
    f = found[peer]
    if "error" in f:
        return [f"failed: {f['error']}", *[""] * (len(HEADERS) - 3)]
    ratio = "" if own is None or peer == "freedive" else f"{f['step'] / own:.2f}x"
    return [
        duration(f["step"]), ratio, duration(f["cold"]), duration(f.get("cold_ever")), duration(f["compile"]),
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
    for factor, unit in ((1e6, "us"), (1e3, "ms"), (1, "s")):
        if seconds * factor < 1000 or unit == "s":
            return f"{seconds * factor:.3g} {unit}"
    raise AssertionError


def markdown(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as pages have it, in columns that can also be read as text."""
    widths = [max(len(row[i]) for row in (headers, *rows)) for i in range(len(headers))]
    made = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in (headers, *rows)]
    made.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(row) + " |" for row in made)


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """All of it."""
    explained = [
        f"{row}: {WORKLOADS[row].says}; time of a {WORKLOADS[row].unit}" for row in results if row in WORKLOADS
    ]
    return markdown(HEADERS, lines(results)) + "\n\n" + "\n".join(explained)
