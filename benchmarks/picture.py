"""The ratios as a picture: for every row how many times freedive's time each family of peers takes, at its best.

A bar reaches from 1 to the best peer, so its end is what freedive gains or, to the left, loses; a dot is a family.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .report import apart, ratio
from .workloads import WORKLOADS

COLOURS = ("#c8553d", "#e9a178", "#3d405b", "#2a6f97", "#4fb3d9", "#7a5195", "#588157", "#a3b18a", "#b08968")


def families(results: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """family -> row -> its best ratio; "keras-tf" and "keras-tf@50" are one family."""
    table: dict[str, dict[str, float]] = {}
    for name, row in results["rows"].items():
        found = row["peers"]
        for peer in found:
            times = ratio(found, peer)
            if peer != "freedive" and times is not None and not apart(found, peer):
                own = table.setdefault(peer.split("@")[0], {})
                own[name] = min(times, own.get(name, times))
    return table


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Write the picture as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullLocator

    table, rows = families(results), list(results["rows"])
    figure = Figure(figsize=(8, 1.4 + 0.32 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for i, name in enumerate(rows):
        least = min((ratios[name] for ratios in table.values() if name in ratios), default=1.0)
        axes.barh(i, least - 1, 0.62, left=1, color="#d9dde3", label="" if i else "the best peer")
        target = WORKLOADS[name].target
        axes.plot([target] * 2, [i - 0.4, i + 0.4], color="black", linewidth=1.2, label="" if i else "to reach")
    for (family, ratios), colour in zip(table.items(), COLOURS, strict=False):
        places = [rows.index(name) for name in ratios]
        axes.plot(list(ratios.values()), places, "o", markersize=5, color=colour, label=family)
    axes.axvline(1, color="#888888", linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}x")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel("time of a step or call, as many times that of freedive")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=5, frameon=False)
    figure.savefig(path, dpi=120)
