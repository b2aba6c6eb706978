"""The space of a search: what each parameter may be, drawn at random, laid out as a grid, or told to Optuna."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...config import Configured, PositiveInt, finite


class Real(Configured):
    """Numbers between two bounds.

    Args:
        low, high: the bounds.
        log: whether each order of magnitude is as likely as the next, for rates and decays.
        count: how many points a grid has along it.

    >>> Real(1e-4, 1e-1, log=True, count=4).grid("rate")
    [0.0001, 0.001, 0.01, 0.1]
    """

    low: float
    high: float
    log: bool = False
    count: PositiveInt | None = None

    def __post_init__(self):
        super().__post_init__()
        check_bounds(self)

    def draw(self, rng: np.random.Generator) -> float:
        """One at random."""
        if self.log:
            return float(math.exp(rng.uniform(math.log(self.low), math.log(self.high))))
        return float(rng.uniform(self.low, self.high))

    def near(self, value: float, rng: np.random.Generator) -> float:
        """A number near another: 0.8 or 1.25 times it."""
        return float(np.clip(value * rng.choice([0.8, 1.25]), self.low, self.high))

    def grid(self, name: str) -> list[Any]:
        """`count` points from low to high."""
        if self.count is None:
            raise ValueError(
                f"tune(space={{{name!r}: {self!r}}}): a grid needs points: give count=5, or a list of values"
            )
        spaced = np.geomspace if self.log else np.linspace
        return [float(f"{v:.12g}") for v in spaced(self.low, self.high, self.count)]

    def suggest(self, trial: Any, name: str) -> float:
        """Optuna's choice."""
        return trial.suggest_float(name, self.low, self.high, log=self.log)

    def distribution(self) -> Any:
        """What Optuna calls it."""
        from optuna.distributions import FloatDistribution

        return FloatDistribution(self.low, self.high, log=self.log)

    def part(self, value: Any) -> float:
        """Where a value lies, from 0 to 1; for pictures."""
        scale = math.log if self.log else float
        low, high = scale(self.low), scale(self.high)
        return (scale(value) - low) / (high - low)


class Whole(Configured):
    """Whole numbers between two bounds, both included; arguments as for `Real`.

    >>> Whole(1, 3).grid("layers"), Whole(16, 256, log=True, count=3).grid("units")
    ([1, 2, 3], [16, 64, 256])
    """

    low: int
    high: int
    log: bool = False
    count: PositiveInt | None = None

    def __post_init__(self):
        super().__post_init__()
        check_bounds(self)

    def draw(self, rng: np.random.Generator) -> int:
        """One at random."""
        if self.log:
            drawn = math.exp(rng.uniform(math.log(self.low - 0.5), math.log(self.high + 0.5)))
            return int(np.clip(round(drawn), self.low, self.high))
        return int(rng.integers(self.low, self.high + 1))

    def grid(self, name: str) -> list[Any]:
        """All of them, or `count` points."""
        if self.count is None:
            return list(range(self.low, self.high + 1))
        spaced = np.geomspace if self.log else np.linspace
        return sorted({round(v) for v in spaced(self.low, self.high, self.count)})

    def suggest(self, trial: Any, name: str) -> int:
        """Optuna's choice."""
        return trial.suggest_int(name, self.low, self.high, log=self.log)

    def distribution(self) -> Any:
        """What Optuna calls it."""
        from optuna.distributions import IntDistribution

        return IntDistribution(self.low, self.high, log=self.log)

    def part(self, value: Any) -> float:
        """Where a value lies, from 0 to 1; for pictures."""
        scale = math.log if self.log else float
        return (scale(value) - scale(self.low)) / max(scale(self.high) - scale(self.low), 1e-12)


class Choice(Configured):
    """One of some values; a list in a space means it."""

    values: Any

    def __post_init__(self):
        super().__post_init__()
        self.values = list(self.values)
        if not self.values:
            raise ValueError("expected one value or more. Received an empty list")

    def draw(self, rng: np.random.Generator) -> Any:
        """One at random."""
        return self.values[int(rng.integers(len(self.values)))]

    def grid(self, name: str) -> list[Any]:
        """All of them."""
        return list(self.values)

    def suggest(self, trial: Any, name: str) -> Any:
        """Optuna's choice; it knows values by their place."""
        return self.values[trial.suggest_int(name, 0, len(self.values) - 1)]

    def distribution(self) -> Any:
        """What Optuna calls it."""
        from optuna.distributions import IntDistribution

        return IntDistribution(0, len(self.values) - 1)

    def part(self, value: Any) -> float:
        """Where a value lies, from 0 to 1; for pictures."""
        return self.values.index(value) / max(len(self.values) - 1, 1)


def meant(values: Any, told: Any) -> Any:
    """What a value in a study's file stands for: JSON has no tuples.

    >>> meant(Choice([(16,), (32, 16)]), [32, 16]), meant(Real(0, 1), 0.5)
    ((32, 16), 0.5)
    """
    choices = values.values if isinstance(values, Choice) else ()
    return next((choice for choice in choices if json.loads(json.dumps(choice)) == told), told)


def check_bounds(range_: Any) -> None:
    """Finite bounds in order; of a logarithmic range above zero."""
    low, high = finite(range_.low), finite(range_.high)
    if not low < high or (range_.log and low <= 0):
        least = " above 0" if range_.log else ""
        raise ValueError(f"{range_!r}: expected low < high{least}")


Space = dict[str, Real | Whole | Choice]


def read_space(given: Any) -> Space:
    """A space as people write it, with lists as choices; anything else is refused.

    >>> read_space({"units": [16, 32]})
    {'units': Choice(values=[16, 32])}
    """
    if not isinstance(given, Mapping) or not given:
        raise ValueError(f"tune(space=...): expected a dict, parameter -> Real, Whole or a list. Received: {given!r}")
    space: Space = {}
    for name, values in given.items():
        if isinstance(values, (list, Choice)):
            space[name] = values if isinstance(values, Choice) else Choice(values)
        elif isinstance(values, (Real, Whole)):
            space[name] = values
        else:
            raise TypeError(
                f"tune(space={{{name!r}: ...}}): expected Real(low, high), Whole(low, high) or a list of values. "
                f"Received: {values!r}"
            )
    return space


def drawn(space: Space, rng: np.random.Generator) -> dict[str, Any]:
    """Parameters at random."""
    return {name: values.draw(rng) for name, values in space.items()}


def grid(space: Space) -> list[dict[str, Any]]:
    """All points of a grid, the last parameter changing first.

    >>> grid(read_space({"a": [1, 2], "b": ["x", "y"]}))[:3]
    [{'a': 1, 'b': 'x'}, {'a': 1, 'b': 'y'}, {'a': 2, 'b': 'x'}]
    """
    axes = [values.grid(name) for name, values in space.items()]
    return [dict(zip(space, point, strict=True)) for point in itertools.product(*axes)]
