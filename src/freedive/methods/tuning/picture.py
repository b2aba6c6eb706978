"""The picture of a study: its trials as lines over the parameters, and how the best result improved."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ...train.callbacks.curves import COLOURS, save

BEHIND = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}  # of words on lines

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .study import Study, Trial


def draw(study: Study, path: Any = None) -> Figure:
    """Parallel coordinates to the left, the best so far to the right; see `Study.plot`."""
    import matplotlib.pyplot as plt

    trials = [trial for trial in study.trials if math.isfinite(trial.worth)]
    if not trials:
        raise ValueError("Study.plot: there is nothing to draw: no trial has a finite result")
    width = 1.6 * (len(study.space) + 1) + 1.5
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(width + 4.4, 3.8), width_ratios=[width, 4.4], layout="constrained"
    )
    draw_lines(study, trials, left)
    draw_progress(study, trials, right)
    if path is not None:
        save(figure, path)
        plt.close(figure)
    return figure


def draw_lines(study: Study, trials: list[Trial], ax: Any) -> None:
    """A line a trial, over an axis a parameter and one for the result; the better, the darker."""
    import matplotlib.pyplot as plt

    scores = np.array([trial.score for trial in trials])
    low, high = float(scores.min()), float(scores.max())
    span = max(high - low, 1e-12)
    rank = np.argsort(np.argsort([trial.worth for trial in trials])) / max(len(trials) - 1, 1)
    colours = plt.get_cmap("viridis_r")(0.05 + 0.95 * rank)
    places = range(len(study.space) + 1)
    for i in np.argsort(rank):  # the best on top
        trial = trials[i]
        heights = [ranges.part(trial.parameters[name]) for name, ranges in study.space.items()]
        heights.append((trial.score - low) / span)
        best = rank[i] == 1
        ax.plot(places, heights, color=COLOURS["val"] if best else colours[i], linewidth=2.4 if best else 0.9,
                alpha=1.0 if best else 0.75, label="the best" if best else None)  # fmt: skip
    for place in places:
        ax.axvline(place, color="0.75", linewidth=0.8, zorder=0)
    for place, (name, ranges) in enumerate(study.space.items()):
        for at, text in marks(name, ranges):
            ax.annotate(text, (place, at), xytext=(-3, 0), textcoords="offset points", ha="right", va="center",
                        fontsize=7.5, color="0.2", bbox=BEHIND, zorder=4)  # fmt: skip
    for at, value in ((0.0, low), (1.0, high)):
        ax.annotate(f"{value:.4g}", (len(study.space), at), xytext=(4, 0), textcoords="offset points", va="center",
                    fontsize=7.5, color="0.35")  # fmt: skip
    ax.set_xticks(list(places), [*study.space, study.monitor])
    ax.set_yticks([])
    ax.set(xlim=(-0.35, len(study.space) + 0.45), ylim=(-0.06, 1.06))
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.set_title(f"{len(trials)} trials, the darker the better", fontsize=11)
    ax.legend(frameon=False, fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.06))


def marks(name: str, ranges: Any) -> list[tuple[float, str]]:
    """What is written beside an axis: its ends, or all of a few values."""
    values = list(getattr(ranges, "values", None) or [ranges.low, ranges.high])
    values = values if len(values) <= 8 else [values[0], values[-1]]
    return [(ranges.part(v), f"{v:.4g}" if isinstance(v, float) else str(v)) for v in values]


def draw_progress(study: Study, trials: list[Trial], ax: Any) -> None:
    """The result of every trial, and the best up to it."""
    from matplotlib.ticker import MaxNLocator

    numbers, scores = [trial.number for trial in trials], [trial.score for trial in trials]
    best = study.sign * np.maximum.accumulate([trial.worth for trial in trials])
    ax.plot(numbers, scores, "o", color=COLOURS["train"], markersize=3.5, alpha=0.55, label="trial")
    ax.step(numbers, best, where="post", color=COLOURS["val"], linewidth=1.8, label="the best so far")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="trial", title=study.monitor.replace("_", " "))
    ax.title.set_fontsize(11)
    ax.grid(True, color="0.92", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=9)
