"""Permutation importance: how much worse a model is where one column tells it nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..config import argument, integer, positive
from ..core.layer import Layer
from ..data.frames import as_table
from ..data.tables import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_SHOWN = 20  # columns in a picture


class Importance(NamedTuple):
    """What each column is worth: by how much the score falls when its cells are dealt out anew among the rows.

    names: of the columns, the most important first.
    mean, deviation: (columns,) of the fall, over the repeats.
    score: of the rows as they are.
    """

    names: tuple[str, ...]
    mean: np.ndarray
    deviation: np.ndarray
    score: float

    def plot(self, path: str | os.PathLike[str] | None = None, ax: Any = None) -> Figure:
        """Draw a bar for each column, the most important on top.

        Args:
            path: where to save the picture too.
            ax: matplotlib axes to draw on; by default a new figure.
        """
        import matplotlib.pyplot as plt

        from ..train.callbacks.curves import COLOURS, save

        shown = slice(0, MOST_SHOWN)
        names = self.names[shown]
        made = ax is None
        if made:
            _, ax = plt.subplots(figsize=(6.0, 1.2 + 0.28 * len(names)), layout="constrained")
        places = np.arange(len(names))
        ax.barh(places, self.mean[shown], xerr=self.deviation[shown], color=COLOURS["train"], ecolor=COLOURS["val"])
        ax.set_yticks(places, names)
        ax.invert_yaxis()
        ax.axvline(0, color="#888888", linewidth=0.8)
        ax.set(xlabel=f"fall of the score, {self.score:.4g}, without the column")
        ax.spines[["top", "right"]].set_visible(False)
        if path is not None:
            save(ax.figure, path)
            if made:
                plt.close(ax.figure)
        return ax.figure


def permutation_importance(
    score: Callable[[Any, Any], float], x: Any, y: Any, repeats: int = 5, seed: int = 0
) -> Importance:
    """How much the score of a model falls when one column at a time is shuffled.

    A column that another one repeats seems to be worth little, because the model still has the other.

    Args:
        score: (x, y) -> a number, higher for better: `model.score`, of rows that the model was not trained on.
        x: an array (rows, columns), or whatever `data.as_table` takes; then `score` is given a `Table`.
        y: targets.
        repeats: shuffles of each column.
        seed: of the shuffles.

    Reference: L. Breiman, "Random forests", 2001, https://doi.org/10.1023/A:1010933404324.

    >>> x = np.random.default_rng(0).normal(size=(100, 2))
    >>> found = permutation_importance(lambda x, y: -np.mean((y - x[:, 1]) ** 2), x, x[:, 1])
    >>> found.names, bool(found.mean[0] > 1), float(found.mean[1])
    (('column_1', 'column_0'), True, 0.0)
    """
    argument("permutation_importance", "repeats", repeats, integer, positive)
    if not callable(score) or isinstance(score, Layer):
        hint = ", such as lambda x, y: model.evaluate(x, y)[1]" * isinstance(score, Layer)
        raise TypeError(
            f"permutation_importance(score=...): expected a function of (x, y){hint}. Received: {score!r:.60}"
        )
    table = as_table(x)
    given = x if isinstance(x, np.ndarray) and x.dtype.names is None else table
    whole, rng = float(score(given, y)), np.random.default_rng(seed)
    falls = np.empty((len(table.columns), repeats))
    for place, name in enumerate(table.columns):
        for repeat in range(repeats):
            falls[place, repeat] = whole - float(score(shuffled(given, place, name, rng), y))
    order = np.argsort(-falls.mean(1), kind="stable")
    names = list(table.columns)
    return Importance(tuple(names[i] for i in order), falls.mean(1)[order], falls.std(1)[order], whole)


def shuffled(x: Any, place: int, name: str, rng: np.random.Generator) -> Any:
    """A copy of rows in which one column is dealt out anew."""
    order = rng.permutation(len(x))
    if isinstance(x, Table):
        return Table({**x.columns, name: x.columns[name][order]}, x.kinds)
    copy = x.copy()
    copy[:, place] = x[order, place]
    return copy
