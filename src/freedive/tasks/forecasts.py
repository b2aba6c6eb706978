"""What a forecast is to answer: all variables at all steps of the horizon, and how far they are off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np

from .. import losses
from ..config import PositiveInt
from ..preprocessing import timeseries_windows
from .reading.series import After, Past
from .targets import STANDARDISED, Target, numbers


def _past(value: Any) -> Past:
    if not isinstance(value, Past):
        raise TypeError(f"expected the reader of the series. Received: {value!r:.100}")
    return value


def _levels(values: Any) -> list[float]:
    return sorted(numbers(values))


class Forecasts(Target):
    """The steps after a window, on the scale of the series.

    Args:
        past: the reader of the series.
        season: steps after which the series is much the same, for the naive forecast.
        naive: of each variable, how far it is on average from its value a season before, in the steps learned from.
        quantiles: that the network gives for every number, in rising order; none for its mean.
    """

    metrics: ClassVar[tuple[Any, ...]] = ()
    main: ClassVar[str] = "skill"
    scale_of_learning: ClassVar[str] = STANDARDISED
    words: ClassVar[Mapping[str, str]] = {
        "inside": "inside the interval",
        "mse": "MSE, standardised",
        "mae": "MAE, standardised",
    }

    past: Annotated[Any, _past]
    season: PositiveInt
    naive: Annotated[Any, numbers]
    quantiles: Annotated[Any, _levels] = ()

    @property
    def loss(self) -> Any:  # type: ignore[override]
        """Squares, or the pinball loss of the quantiles."""
        return losses.Quantile(self.quantiles) if len(self.quantiles) else "mse"

    @property
    def middle(self) -> int:
        """The place of the quantile that is the answer: the one next to a half."""
        return int(np.argmin(np.abs(np.array(self.quantiles) - 0.5)))

    def encoded(self, labels: Any) -> np.ndarray:
        """What follows each window of a series: float32 (windows, horizon, variables)."""
        series = self.past.series(labels)
        need = self.past.length + self.past.horizon
        if len(series) < need:
            raise ValueError(
                f"series: {len(series)} steps, but a window of {self.past.length} and its forecast of "
                f"{self.past.horizon} need {need}. Give more, or a shorter length or horizon"
            )
        following = self.past.scaled(series.values[self.past.length :])
        return timeseries_windows(following, sequence_length=self.past.horizon)

    def decoded(self, outputs: Any) -> np.ndarray:
        """(windows, horizon, variables) in the units of the series; of quantiles, the middle one."""
        outputs = np.asarray(outputs, np.float64)
        if len(self.quantiles):
            outputs = outputs[..., self.middle]
        values = outputs / np.array(self.past.scale) + np.array(self.past.mean)
        return values[..., 0] if self.past.flat else values

    def bounds(self, outputs: Any) -> np.ndarray:
        """(windows, horizon, variables, quantiles) in the units of the series, each at least the one before."""
        outputs = np.sort(np.asarray(outputs, np.float64), axis=-1)
        values = outputs / np.array(self.past.scale)[:, None] + np.array(self.past.mean)[:, None]
        return values[..., 0, :] if self.past.flat else values

    def scored(self, outputs: Any, y: Any) -> dict[str, Any]:
        """Errors on the scale of the windows (mse, mae), and against the naive forecast (mase; skill = 1 - mase)."""
        y, given = np.asarray(y, np.float64), np.asarray(outputs)[: len(y)].astype(np.float64)
        result: dict[str, Any] = {"rows": len(y)}
        if len(self.quantiles):
            sides = np.sort(given, axis=-1)
            result["inside"] = float(np.mean((y >= sides[..., 0]) & (y <= sides[..., -1])))
            given = given[..., self.middle]
        error = np.abs(given - y)
        naive = np.array(self.naive) * np.array(self.past.scale)
        mase = float(np.mean(error.mean(axis=(0, 1)) / np.where(naive > 0, naive, 1)))
        squares = float((error**2).mean())
        return {**result, "mse": squares, "mae": float(error.mean()), "mase": mase, "skill": 1 - mase}

    def told(self, result: dict[str, Any], noun: str) -> tuple[str, str, str]:
        found, beside, sentence = super().told(result, noun)
        meaning = "1 is perfect, 0 no closer than the values a season before"
        return found, beside, f"{sentence} ({meaning}),"

    def table(self, names: Sequence[After], outputs: Any) -> tuple[list[str], list[list[str]]]:
        shape = (len(names), self.past.horizon, len(self.past.names), 1)
        values, parts = self.decoded(outputs).reshape(shape), [""]
        if len(self.quantiles):
            sides = np.delete(self.bounds(outputs).reshape(*shape[:3], -1), self.middle, axis=-1)
            values = np.concatenate([values, sides], axis=-1)
            parts += [f" {part:.3g}" for place, part in enumerate(self.quantiles) if place != self.middle]
        cells = np.stack([fixed(values[:, :, place]) for place in range(shape[2])], axis=2).reshape(*shape[:2], -1)
        said = all(name.times is not None for name in names)
        count = [str(step + 1) for step in range(self.past.horizon)]
        rows = [
            [name.file] * (len(names) > 1) + [when, *row]
            for name, steps in zip(names, cells.tolist(), strict=True)
            for when, row in zip((said and name.times) or count, steps, strict=True)
        ]
        heads = [f"{name}{part}" for name in self.past.names for part in parts]
        return ["file"] * (len(names) > 1) + ["time" if said else "step", *heads], rows

    def as_json(self, names: Sequence[After], outputs: Any) -> list[dict[str, Any]]:
        answers = self.decoded(outputs).tolist()
        return [
            {"file": name.file, **({"times": name.times} if name.times is not None else {}), "forecast": answer}
            for name, answer in zip(names, answers, strict=True)
        ]


def fixed(values: np.ndarray) -> np.ndarray:
    """Numbers as texts of one precision: five digits of the largest.

    >>> fixed(np.array([1234.5, -0.25])).tolist(), fixed(np.array([1e7])).tolist()
    (['1234.5', '-0.2'], ['10000000'])
    """
    largest = float(np.abs(values).max())
    decimals = max(0, 4 - int(np.floor(np.log10(largest)))) if np.isfinite(largest) and largest else 0
    return np.vectorize(lambda value: f"{value:.{decimals}f}", otypes=[object])(values)
