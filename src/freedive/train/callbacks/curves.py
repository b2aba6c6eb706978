"""The picture of a history: how its results went over the epochs."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import unknown
from ...files.atomic import write_atomic
from .watcher import direction

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .history import History

# Dark for training, light for validation: apart in grey too, and for the colour-blind.
COLOURS = {"train": "#1f3a5f", "val": "#e07b39"}
PANEL = (5.2, 3.6)  # inches
ACROSS = 3  # panels in a row
PICTURES = (".png", ".svg", ".pdf", ".jpg", ".jpeg")  # endings of files, and of no result


def draw(history: History, metrics: str | Sequence[str] | None, ax: Any, path: str | os.PathLike[str] | None) -> Figure:
    """Draw a history on axes that are there, or on a new figure; see `History.plot`."""
    import matplotlib.pyplot as plt

    names = families(history, metrics)
    if ax is None:
        columns = 2 if len(names) == 4 else min(len(names), ACROSS)
        rows = -(-len(names) // columns)
        size = (PANEL[0] * columns, PANEL[1] * rows)
        figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
        axes = list(grid.flat)
        for unused in axes[len(names) :]:
            unused.remove()
    else:
        axes = list(np.ravel(np.asarray(ax, object)))
        if len(axes) not in (1, len(names)):
            raise ValueError(f"History.plot(ax=...): {len(names)} panels {names}, received {len(axes)} axes")
        axes, figure = axes * (len(names) if len(axes) == 1 else 1), axes[0].figure
    for panel, name in zip(axes, names, strict=False):
        draw_family(history, panel, name)
    if path is not None:
        save(figure, path)
        if ax is None:
            plt.close(figure)  # it was for the file; the caller still has it
    return figure


def families(history: History, metrics: str | Sequence[str] | None) -> list[str]:
    """The results to draw, the loss first, each standing for its validation too."""
    known = list(dict.fromkeys(name.removeprefix("val_") for name in history.scalars()))
    if not known:
        raise ValueError("History.plot: there is nothing to draw yet. Train first")
    if metrics is None:
        return sorted(known, key=lambda name: name != "loss")
    wanted = [os.fspath(metrics)] if isinstance(metrics, (str, os.PathLike)) else list(metrics)
    for name in wanted:
        if name.removeprefix("val_") not in known and name.lower().endswith(PICTURES):
            raise ValueError(f"History.plot({name!r}): first come names of results. To save it, pass path={name!r}")
        if name.removeprefix("val_") not in known:
            raise unknown("result", name, history.scalars())
    return list(dict.fromkeys(name.removeprefix("val_") for name in wanted))


def draw_family(history: History, ax: Axes, name: str) -> None:
    """A result and its validation in one panel."""
    from matplotlib.ticker import MaxNLocator

    lines = {"train": ("-", name, "training"), "val": ("--", f"val_{name}", "validation")}
    for kind, (style, full, label) in lines.items():
        if full in history.history:
            epochs, values = history.curve(full)
            marker = "o" if len(values) == 1 else None  # a line of one point is nothing to see
            ax.plot(np.add(epochs, 1), values, style, color=COLOURS[kind], linewidth=1.8, marker=marker, label=label)
            if f"{full}_members" in history.history:
                draw_band(ax, epochs, np.array(history.history[f"{full}_members"]), COLOURS[kind])
    shown = next(full for _, full, _ in reversed(lines.values()) if full in history.history)
    if direction(shown) is not None and np.isfinite(history.history[shown]).any() and len(history.epoch) > 1:
        mark_best(history, ax, shown)
    ax.set_title(name.replace("_", " "), fontsize=11)
    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, steps=[1, 2, 5, 10]))
    ax.grid(True, color="0.92", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    if len(ax.get_lines()) > 1:
        ax.legend(frameon=False, fontsize=9)


def draw_band(ax: Axes, epochs: list[int], members: np.ndarray, colour: str) -> None:
    """One standard deviation of the members to either side of their mean; members is (epochs, members)."""
    mean, deviation = members.mean(1), members.std(1)
    ax.fill_between(np.add(epochs, 1), mean - deviation, mean + deviation, color=colour, alpha=0.18, linewidth=0)


def mark_best(history: History, ax: Axes, name: str) -> None:
    """A circle and a thin line at the best epoch, with its value in the legend."""
    epoch, value = history.best(name)
    ax.axvline(epoch + 1, color="0.6", linewidth=0.8, linestyle=":")
    label = f"best {value:.4g} in epoch {epoch + 1}"
    ax.plot(
        [epoch + 1], [value], "o", markersize=7, markerfacecolor="white", markeredgecolor="black", label=label, zorder=3
    )


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a picture whole or not at all, in the format that the file's ending names."""
    ending = os.path.splitext(os.fspath(path))[1].lstrip(".").lower() or "png"
    picture = io.BytesIO()
    figure.savefig(picture, format=ending, dpi=150)
    write_atomic(path, picture.getvalue())
