"""History: what `fit` returns."""

from __future__ import annotations

import csv
import html
import io
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from ...errors import counted, unknown
from ...files.atomic import write_text_atomic
from ..guard import Nonfinite
from ..screen import number
from .base import Callback, Edge
from .diagnosis import Diagnosis, diagnose
from .watcher import direction

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Best(NamedTuple):
    """The epoch, counted from 0, in which a result was best, and the result."""

    epoch: int
    value: float


class History(Callback):
    """The results of every epoch.

    `history` has a list of numbers for each result, `epoch` the epochs, counted from 0, `params` the run's numbers,
    `model` the model, and `nonfinite` the steps that made NaN or infinity.

    Keeps the run compiled: it never pauses it.

    >>> import freedive as fd
    >>> history = fd.callbacks.History()
    >>> history.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.6})
    >>> history.on_epoch_end(1, {"loss": 0.4, "val_loss": 0.7})
    >>> history.history["loss"]
    [0.5, 0.4]
    >>> history
    History(2 epochs, the last: loss 0.4000, val_loss 0.7000)
    >>> history.best("val_loss")
    Best(epoch=0, value=0.6)
    """

    edge: ClassVar[Edge | None] = "never"

    def __init__(self) -> None:
        super().__init__()
        self._reset()

    def _reset(self) -> None:
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []
        self.nonfinite: list[Nonfinite] = []
        self.run: Any = None  # what the executor told of it, once it is over
        self._epochs: dict[str, list[int]] = {}  # those that have a result: with validation_freq not all

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
            self._epochs.setdefault(name, []).append(epoch)

    def on_nonfinite(self, failure: Nonfinite) -> None:
        self.nonfinite.append(failure)

    def get_state(self) -> dict[str, Any]:
        failures = [list(failure) for failure in self.nonfinite]
        return {"history": self.history, "epoch": self.epoch, "epochs": self._epochs, "nonfinite": failures}

    def set_state(self, state: dict[str, Any]) -> None:
        self.history, self.epoch, self._epochs = state["history"], state["epoch"], state["epochs"]
        self.nonfinite = [Nonfinite(*failure) for failure in state["nonfinite"]]

    # reading ----------------------------------------------------------------------------------------------------------
    def curve(self, name: str) -> tuple[list[int], list[Any]]:
        """The epochs in which there was a result, counted from 0, and the results."""
        if name not in self.history:
            raise unknown("result", name, self.history)
        values = self.history[name]
        return self._epochs.get(name, self.epoch[: len(values)]), values

    def best(self, monitor: str = "val_loss", mode: str = "auto") -> Best:
        """When a result was best, and how good it was.

        Args:
            monitor: the name of the result.
            mode: "min", "max", or "auto": what the name says.

        Raises:
            ValueError: there is no such result, or its name does not say whether less is better.
        """
        epochs, values = self.curve(monitor)
        goal = direction(monitor) if mode == "auto" else mode
        if goal not in ("min", "max"):
            raise ValueError(f'History.best({monitor!r}, mode={mode!r}): pass mode="min" or mode="max"')
        if not np.isfinite(values).any():
            raise ValueError(f"History.best({monitor!r}): none of its numbers is finite")
        at = int(np.nanargmin(values) if goal == "min" else np.nanargmax(values))
        return Best(epochs[at], values[at])

    def scalars(self) -> list[str]:
        """The names of the results that are numbers, not arrays."""
        return [name for name, values in self.history.items() if values and np.ndim(values[0]) == 0]

    def diagnose(self, metric: str | None = None, goal: float | None = None) -> Diagnosis:
        """Whether the training over-fitted, under-fitted or is fine, from its curves, and what to try.

        Over-fitting: val_loss rises after its best epoch by more than a twentieth and more than it jumps anyway, while
        loss falls; or training is better than validation by more than 0.05 in the metric (without one: val_loss more
        than twice the loss). Under-fitting: val_loss still falls by more than a hundredth an epoch at the end, or loss
        hardly fell, or the metric is below the goal in training.

        Args:
            metric: a result from 0 to 1; by default the first of which more is better.
            goal: what it is to reach.

        Raises:
            ValueError: there was no validation, or only one epoch.

        >>> import freedive as fd
        >>> history = fd.callbacks.History()
        >>> for epoch, (loss, held_out) in enumerate([(1.0, 1.0), (0.5, 0.7), (0.2, 0.9), (0.1, 1.2)]):
        ...     history.on_epoch_end(epoch, {"loss": loss, "val_loss": held_out})
        >>> print(history.diagnose().verdict)
        over-fitting
        """
        return diagnose(self, metric, goal)

    # showing ----------------------------------------------------------------------------------------------------------
    def plot(
        self, metrics: str | Sequence[str] | None = None, ax: Any = None, path: str | os.PathLike[str] | None = None
    ) -> Figure:
        """Draw the results over the epochs: training solid, validation dashed, the best epoch marked.

        Args:
            metrics: names of results, their validation included; by default the loss and all metrics, a panel each.
            ax: matplotlib axes to draw on: one for all, or one a panel.
            path: where to save the picture too (.png, .svg, .pdf).

        Returns:
            The matplotlib Figure.
        """
        from .curves import draw  # matplotlib is imported when something is drawn

        return draw(self, metrics, ax, path)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the results as a table, a row an epoch; the file is written whole or not at all."""
        columns = {name: dict(zip(*self.curve(name), strict=True)) for name in self.scalars()}
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["epoch", *columns])
        writer.writerows([epoch, *(column.get(epoch, "") for column in columns.values())] for epoch in self.epoch)
        write_text_atomic(path, text.getvalue())

    def __repr__(self) -> str:
        count = f"{len(self.epoch)} epoch{'' if len(self.epoch) == 1 else 's'}"
        last = ", ".join(f"{name} {number(self.history[name][-1])}" for name in self.scalars())
        return f"History({count}{', the last: ' * bool(last)}{last})"

    def _repr_html_(self) -> str:
        """A table: the last and the best value of each result, training and validation side by side."""
        rows = []
        for name in [n for n in self.scalars() if not n.startswith("val_")]:
            cells = [html.escape(name)]
            for which in (name, f"val_{name}"):
                cells += self._last_and_best(which) if which in self.history else ["", ""]
            rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
        heads = ("result", "training", "best (epoch)", "validation", "best (epoch)")
        head = "".join(f"<th>{text}</th>" for text in heads)
        title = f"<caption>{counted(len(self.epoch), 'epochs')}</caption>"
        return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"

    def _last_and_best(self, name: str) -> list[str]:
        last = number(self.history[name][-1])
        if direction(name) is None or not np.isfinite(self.history[name]).any():
            return [last, ""]
        best = self.best(name)
        return [last, f"{number(best.value)} ({best.epoch + 1})"]
