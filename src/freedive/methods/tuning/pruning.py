"""Pruning: trials that do worse than the median of those before them are not trained to their end.

stop trial t after epoch e  where  best result of t up to e  is worse than  median over completed trials of theirs at e
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np

from ...config import Configured, PositiveInt, non_negative


class Median(Configured):
    """Stop trials whose best result so far is worse than the median of what completed trials had at that epoch.

    Trials of a round train side by side, and are compared with those of the rounds before; the words and their meaning
    are those of Optuna's `MedianPruner`, with epochs for steps.

    Args:
        startup: completed trials that there must be before any is stopped.
        warmup: epochs of a trial in which it is not stopped.
        interval: epochs between two looks.

    Reference: T. Akiba et al., "Optuna: a next-generation hyperparameter optimization framework", 2019,
    https://arxiv.org/abs/1907.10902

    >>> Median(startup=2).stops([[0.3, 0.2]], [[0.5, 0.6], [0.4, 0.7]], epoch=2, sign=1)
    [0]
    """

    startup: PositiveInt = 5
    warmup: Annotated[int, non_negative] = 0
    interval: PositiveInt = 1

    def rungs(self, epochs: int) -> list[int]:
        """The epochs after which trials are looked at, and the last."""
        return [*range(max(self.warmup, 1), epochs, self.interval), epochs]

    def stops(
        self, curves: Sequence[Sequence[float]], completed: Sequence[Sequence[float]], epoch: int, sign: int
    ) -> list[int]:
        """The places of the curves that end here.

        Args:
            curves: the results of trials under way, epoch by epoch.
            completed: those of trials that have come to their end.
            epoch: how many epochs are done.
            sign: 1 where more is better, -1 where less is.
        """
        there = [sign * curve[epoch - 1] for curve in completed if len(curve) >= epoch]
        there = [value for value in there if np.isfinite(value)]
        if len(there) < self.startup:
            return []
        middle, values = float(np.median(there)), sign * np.array([curve[:epoch] for curve in curves], float)
        best = np.where(np.isfinite(values), values, -np.inf).max(axis=1)
        return np.flatnonzero(best < middle).tolist()


def read_pruning(given: Any) -> Median | None:
    """None, "median", or a `Median`."""
    if given is None or isinstance(given, Median):
        return given
    if given == "median":
        return Median()
    raise ValueError("expected None, 'median', or methods.Median(startup, warmup, interval)")
