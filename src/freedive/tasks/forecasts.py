"""What a forecast is to answer: all variables at all steps of the horizon, and how far they are off."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np

from .. import losses
from ..config import PositiveInt
from ..preprocessing import timeseries_windows
from ..report.scores import spelt
from .reading.series import Past
from .targets import Target, numbers

TOLD = {  # of a forecast's errors, what needs more words than its name
    "inside": "inside the interval",
    "mse": "MSE, standardised",
    "mae": "MAE, standardised",
}


def _past(value: Any) -> Past:
    if not isinstance(value, Past):
        raise TypeError(f"expected the reader of the series. Received: {value!r:.100}")
    return value


class Forecasts(Target):
    """The steps after a window, on the scale of the series.

    Args:
        past: the reader of the series.
        season: steps after which the series is much the same, for the naive forecast.
        naive: of each variable, how far it is on average from its value a season before, in the steps learned from.
        quantiles: that the network gives for every number; none for its mean.
    """

    metrics: ClassVar[tuple[Any, ...]] = ()
    main: ClassVar[str] = "skill"

    past: Annotated[Any, _past]
    season: PositiveInt
    naive: Annotated[Any, numbers]
    quantiles: Annotated[Any, numbers] = ()

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

    def tiles(self, result: dict[str, Any]) -> list[tuple[str, str]]:
        told = {name: value for name, value in result.items() if isinstance(value, float)}
        return [(f"test {TOLD.get(name, spelt(name))}", f"{value:.4g}") for name, value in told.items()]

    def table(self, names: Any, outputs: Any) -> tuple[list[str], list[list[str]]]:
        shape = (self.past.horizon, len(self.past.names))
        values = self.decoded(outputs)[-1].reshape(*shape, 1)
        parts = [""]
        if len(self.quantiles):
            sides = np.delete(self.bounds(outputs)[-1].reshape(*shape, -1), self.middle, axis=-1)
            values = np.concatenate([values, sides], axis=-1)
            parts += [f" {part:.3g}" for place, part in enumerate(self.quantiles) if place != self.middle]
        heads = [f"{name}{part}" for name in self.past.names for part in parts]
        rows = [[str(i + 1), *(f"{value:.5g}" for value in row)] for i, row in enumerate(values.reshape(shape[0], -1))]
        return ["step", *heads], rows

    def as_json(self, names: Any, outputs: Any) -> list[dict[str, Any]]:
        answers = self.decoded(outputs).tolist()
        return [{"file": name, "forecast": answer} for name, answer in zip(names, answers, strict=True)]
