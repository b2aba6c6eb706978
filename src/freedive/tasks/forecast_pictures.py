"""Pictures of forecasts: the past, what was foretold, how sure it was, and what came."""

from __future__ import annotations

import base64
import io
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.series import TimeSeries, later
from ..report import page
from ..report.page import Section
from ..train.callbacks.curves import COLOURS, save
from .reading.series import After

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 4  # variables in a picture


def forecast_figure(
    task: Any, window: TimeSeries, truth: Any = None, path: str | os.PathLike[str] | None = None
) -> Figure:
    """A panel for each of the first variables.

    Args:
        task: a fitted `Forecaster`.
        window: the past that it looks at.
        truth: what came, (steps, variables), where it is known.
        path: where to save the picture too.
    """
    import matplotlib.pyplot as plt
    from matplotlib.dates import ConciseDateFormatter

    outputs = task.outputs(window)
    ahead = task.target.decoded(outputs)[-1].reshape(task.horizon, -1)
    sides = task.target.bounds(outputs)[-1].reshape(task.horizon, ahead.shape[1], -1) if len(task.quantiles) else None
    past, future = axis(window, task.horizon)
    names = window.names[:MOST]
    figure, grid = plt.subplots(len(names), 1, figsize=(8, 0.6 + 2 * len(names)), squeeze=False, layout="constrained")
    for place, (name, ax) in enumerate(zip(names, grid[:, 0], strict=True)):
        ax.plot(past, window.values[:, place], color=COLOURS["train"], linewidth=1.2, label="past")
        if truth is not None:
            came = np.asarray(truth).reshape(len(truth), -1)[: task.horizon, place]
            ax.plot(future[: len(came)], came, color="#888888", linewidth=1.2, label="what came")
        ax.plot(future, ahead[:, place], color=COLOURS["val"], linewidth=1.6, label="forecast")
        if sides is not None:
            low, high = sides[:, place, 0], sides[:, place, -1]
            ax.fill_between(future, low, high, color=COLOURS["val"], alpha=0.25, linewidth=0, label="interval")
        ax.set_ylabel(name)
        ax.spines[["top", "right"]].set_visible(False)
        if window.times is not None:
            ax.xaxis.set_major_formatter(ConciseDateFormatter(ax.xaxis.get_major_locator()))
    grid[0, 0].legend(frameon=False, fontsize=9, ncols=4, loc="lower left", bbox_to_anchor=(0, 1))
    if path is not None:
        save(figure, path)
        plt.close(figure)
    return figure


def axis(window: TimeSeries, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Where past and future stand: their times, or steps from now on."""
    steps = np.arange(1, horizon + 1)
    if window.times is None:
        return np.arange(1 - len(window), 1), steps
    return window.times, later(window.times[-1], window.step, steps)


def forecast_section(task: Any, series: TimeSeries) -> Section:
    """A part of the report: the last forecast whose truth is known."""
    import matplotlib.pyplot as plt

    end = len(series) - task.horizon
    window = series.part(end - task.reader.length, end)
    figure = forecast_figure(task, window, series.values[end:])
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110)
    plt.close(figure)
    address = "data:image/png;base64," + base64.b64encode(picture.getvalue()).decode()
    shown = f'<div class="wide"><img class="plot" src="{address}" alt="forecast"></div>'
    numbers = page.table(*task.target.table([After("", task.reader.said_ahead(window))], task.outputs(window)))
    count = len(window.names)
    some = f"; the first {MOST} of {count} variables, of which all stand in the numbers below" if count > MOST else ""
    drawn = page.figure(shown, f"the last {task.horizon} steps of the test, and the window before{some}")
    return Section("A forecast", drawn + page.details("Its steps in numbers", numbers))
