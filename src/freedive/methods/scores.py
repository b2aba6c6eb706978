"""Scores: what runs of one model gave, over folds or seeds: mean, spread, confidence, comparison of two models."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..errors import unknown
from ..train.screen import number


class Comparison(NamedTuple):
    """Whether two models differ in a result: by how much, the t of it, and how likely such a t is by chance."""

    difference: float
    t: float
    p: float


class Scores:
    """The results of runs, a place a run.

    `scores["accuracy"]` has one number a run. `histories` are those of the trainings, `models` the trained models,
    `what` says what was varied: "folds" or "seeds".

    Args:
        what: what the runs differ in.
        values: name -> (runs,).
        populations: the members that were trained, in order.
        test_share: rows tested by rows learned from, of runs whose rows overlap; 0 where they are independent.

    >>> scores = Scores("seeds", {"accuracy": np.array([0.9, 0.92, 0.94])}, [])
    >>> scores
    Scores(3 seeds: accuracy 0.9200 ± 0.0200)
    >>> low, high = scores.interval("accuracy")
    >>> round(low, 4), round(high, 4)
    (0.8703, 0.9697)
    """

    def __init__(self, what: str, values: dict[str, np.ndarray], populations: list[Any], test_share: float = 0.0):
        self.what, self.values, self.populations, self.test_share = what, values, populations, test_share

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.values:
            raise unknown("result", name, self.values)
        return self.values[name]

    def __len__(self) -> int:
        return len(next(iter(self.values.values())))

    @property
    def histories(self) -> list[Any]:
        """The histories of the trainings; runs of equal shape share one, with each run's results in it."""
        return [population.history for population in self.populations]

    @property
    def models(self) -> list[Any]:
        """The trained models, in order."""
        return [population.member(i) for population in self.populations for i in range(population.n)]

    def mean(self, name: str) -> float:
        """The mean of a result."""
        return float(np.mean(self[name]))

    def deviation(self, name: str) -> float:
        """The standard deviation of a result between runs (n - 1)."""
        return float(np.std(self[name], ddof=1)) if len(self) > 1 else 0.0

    def interval(self, name: str, level: float = 0.95) -> tuple[float, float]:
        """Where the mean of a result lies with this confidence, by Student's t.

        Runs over folds learn from rows that overlap, so their variance is corrected: (1/n + tested / learned) s^2.

        Reference: C. Nadeau and Y. Bengio, "Inference for the generalization error", 2003,
        https://doi.org/10.1023/A:1024068626366
        """
        from scipy import stats

        if not 0 < level < 1:
            raise ValueError(f"Scores.interval(level={level!r}): expected a number between 0 and 1")
        reach = stats.t.ppf((1 + level) / 2, len(self) - 1) * self._error(self[name]) if len(self) > 1 else math.inf
        return self.mean(name) - float(reach), self.mean(name) + float(reach)

    def compare(self, other: Scores, name: str) -> Comparison:
        """Whether another model does better on the same folds or seeds: a paired t-test, corrected as `interval` is.

        Args:
            other: the scores of the other model, on as many runs with the same `seed`.
            name: the result.
        """
        from scipy import stats

        if len(self) != len(other) or self.what != other.what or len(self) < 2:
            raise ValueError(
                f"Scores.compare: expected the same two or more {self.what}. Received {len(self)} {self.what} and "
                f"{len(other)} {other.what}"
            )
        differences = other[name] - self[name]
        mean, error = float(differences.mean()), self._error(differences)
        t = mean / error if error else math.copysign(math.inf, mean) if mean else 0.0
        return Comparison(mean, t, float(2 * stats.t.sf(abs(t), len(self) - 1)))

    def _error(self, values: np.ndarray) -> float:
        return float(np.std(values, ddof=1) * math.sqrt(1 / len(values) + self.test_share))

    def __repr__(self) -> str:
        shown = ", ".join(f"{n} {number(self.mean(n))} ± {number(self.deviation(n))}" for n in self.values)
        return f"{type(self).__name__}({len(self)} {self.what}: {shown})"
