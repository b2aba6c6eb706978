"""The ratios as a picture: for every row how many times freedive's time each family of peers takes, at its best."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .report import apart, ratio
from .workloads import WORKLOADS

COLOURS = ("#c8553d", "#e9a178", "#8d99ae", "#2a6f97", "#61a5c2", "#a9d6e5", "#588157", "#a3b18a")


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

    table, rows = families(results), list(results["rows"])
    height = 0.8 / max(1, len(table))
    figure = Figure(figsize=(8, 1.5 + len(rows) * max(0.3, 0.13 * len(table))), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for i, (family, ratios) in enumerate(table.items()):
        places = [rows.index(name) - 0.4 + (i + 0.5) * height for name in ratios]
        axes.barh(places, list(ratios.values()), height, label=family, color=COLOURS[i % len(COLOURS)])
    for i, name in enumerate(rows):
        target = WORKLOADS[name].target
        axes.plot([target, target], [i - 0.45, i + 0.45], color="black", linewidth=1, label="" if i else "to reach")
    axes.axvline(1, color="#888888", linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}x")
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel("time of a step or call, as many times that of freedive")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=5, frameon=False)
    figure.savefig(path, dpi=120)
