"""Series: what comes next."""

from __future__ import annotations

import dataclasses
import os
from typing import Annotated, Any

import numpy as np

from ..config import PositiveInt, integer, list_of, one_of, positive, real
from ..data.series import TimeSeries, as_series, later
from ..networks.series import NETWORKS, Shape
from .base import Learned, Settings, Task
from .baselines import Baseline, seasonal_naive
from .forecast_baselines import forecast_baselines
from .forecasts import Forecasts
from .network_options import check_options
from .reading.series import Past

STEPS = 2500  # that a network learns for, about
CHOSEN, MOST_ASIDE = 10, 0.25  # the least windows that choose the epoch, the most of a series that is kept for them
SEASONS = {"second": 60, "minute": 1440, "hour": 24, "day": 7, "week": 52, "month": 12}  # steps, for steps of 1 unit
RATES = {"linear": 5e-3, "recurrent": 2e-3, "tcn": 2e-3, "patches": 5e-4}


class Forecaster(Task):
    """Foretell the next steps of a series of one or several variables.

    Args:
        horizon: how many steps.
        length: of the past that is looked at; None: three and a half horizons, at most a third of the series.
        network: "linear", "recurrent", "tcn" or "patches", see `networks.series`.
        options: arguments of the network by name.
        quantiles: such as (0.1, 0.5, 0.9), for intervals; none unless given.
        calendar: whether the hour, weekday, day and month of every step are told, where times are known and differ.
        season: steps after which the series is much the same, for the naive forecast; None: by the step, 24 of an hour.
        time: the column of times; by default the only one that holds dates.
        gaps: what happens to steps and values that are missing: "error", or "fill" by straight lines.
        validation: the part of the series, its end, that chooses the epoch; at least so much that ten windows end in
            it, and nothing where that is more than a quarter.

    `fit` takes an array (time,) or (time, variables), or a table with a column of times; its numbers are the variables.
    Its `validation_data` is another series X, or (X, X), of which every window is forecast.

    >>> wave = np.sin(np.arange(200) / 3)
    >>> task = Forecaster(12, epochs=30, verbose=0).fit(wave)
    >>> task.predict().shape, task.score(wave) > 0.5
    ((12,), True)
    """

    noun = "windows"

    horizon: PositiveInt = 24
    _: dataclasses.KW_ONLY
    length: PositiveInt | None = None
    network: Annotated[str, one_of(*NETWORKS)] = "linear"
    options: Any = None
    quantiles: Annotated[Any, list_of(real)] = ()
    calendar: bool = False
    season: PositiveInt | None = None
    time: str | None = None
    gaps: Annotated[str, one_of("error", "fill")] = "error"

    latest = Learned()  # the last window of the series that was learned from

    def check_parameters(self) -> None:
        super().check_parameters()
        check_options("Forecaster", NETWORKS[self.network], self.options)

    def checked(self, X: Any, y: Any) -> tuple[TimeSeries, TimeSeries]:
        if y is not None and y is not X:
            raise ValueError("Forecaster.fit(y=...): a series is its own target; give it as X alone")
        series = as_series(X, self.time, "keep" if self.gaps == "fill" else self.gaps)
        return series, series

    def parted(self, X: TimeSeries, y: Any, validation_data: Any = None, groups: Any = None) -> tuple[Any, Any]:
        """The beginning of a series, and its end with a window before it; each filled by itself."""
        if groups is not None:
            raise ValueError("Forecaster.fit(groups=...): the times of a series are of no groups; it is parted by time")
        length, steps = self.window(X), len(X)
        cut = steps - (aside(steps, self.horizon, self.validation) if validation_data is None else 0)
        need = length + self.horizon
        if cut < need:
            raise ValueError(
                f"Forecaster.fit: the series has {steps} steps, {cut} to learn from, but a window of {length} "
                f"and its forecast of {self.horizon} need {need}. Give more, or a shorter length or horizon"
            )
        learned, held = X.parted(cut, length)
        if isinstance(validation_data, tuple) and len(validation_data) == 2:
            validation_data, _ = validation_data  # (X, X), as other tasks take it
        chosen = (held if cut < steps else None) if validation_data is None else validation_data
        return (learned, learned), None if chosen is None else (chosen, chosen)

    def learn(self, X: TimeSeries, y: Any, every: TimeSeries) -> None:
        length = self.window(every)
        self.reader = Past.learned(X, length, self.horizon, self.calendar, time=self.time, gaps=self.gaps)
        season = self.season or usual_season(X.step)
        season = season if season < len(X) else 1
        naive = np.abs(X.values[season:] - X.values[:-season]).mean(axis=0).tolist()
        self.target = Forecasts(self.reader, season, naive, list(self.quantiles))
        self.latest = every.filled().part(-length, None)

    def window(self, series: TimeSeries) -> int:
        """How many steps of the past are looked at."""
        return self.length or max(1, min(int(3.5 * self.horizon), len(series) // 3))

    def pairs(self, X: Any, y: Any) -> tuple[Any, Any]:
        """(windows, what follows each of them) of a series, as the network takes them."""
        x, y = super().pairs(X, X)
        return ([part[: len(y)] for part in x] if isinstance(x, list) else x[: len(y)]), y

    def make_network(self, x: Any, y: Any) -> Any:
        past = self.reader
        shape = Shape(past.length, self.horizon, len(past.names), len(self.target.quantiles), 2 * len(past.parts))
        return NETWORKS[self.network](shape, **(self.options or {}))

    def usual(self, rows: int) -> Settings:
        epochs = int(np.clip(STEPS * 32 / rows, 5, 60))
        return Settings(epochs=epochs, batch_size=32, learning_rate=RATES[self.network])

    # use ------------------------------------------------------------------------------------------------------------
    def predict(self, X: Any = None, horizon: int | None = None) -> np.ndarray:
        """The steps after a series.

        Args:
            X: the series, of which the end is looked at; by default the one that was learned from.
            horizon: how many steps, by default those of `fit`. Of more, forecasts are taken for the past of the next.

        Returns:
            (horizon, variables); (horizon,) where the series is an array (time,).
        """
        wanted = self.horizon if horizon is None else positive(integer(horizon))
        series, found = self.recent(X), []
        while sum(map(len, found)) < wanted:
            ahead = self.target.decoded(super().outputs(series))[-1]
            found.append(ahead)
            series = self.moved(series, ahead.reshape(self.horizon, -1))
        return np.concatenate(found)[:wanted]

    def intervals(self, X: Any = None) -> np.ndarray:
        """(horizon, variables, quantiles) of the steps after a series; needs `quantiles`."""
        if not len(self.quantiles):
            raise ValueError("Forecaster.intervals: fit it with quantiles=(0.1, 0.5, 0.9) first")
        return self.target.bounds(self.outputs(self.recent(X)))[-1]

    def naive(self, X: Any = None) -> np.ndarray:
        """(horizon, variables): the last season of a series again."""
        return seasonal_naive(self.recent(X).values, self.horizon, min(self.target.season, self.reader.length))

    def evaluate(self, X: Any, y: Any = None) -> dict[str, Any]:
        """Errors over all windows of a series whose forecasts lie in it: mse, mae, mase, skill = 1 - mase."""
        return super().evaluate(X, X)

    def score(self, X: Any, y: Any = None) -> float:
        """1 - mase: 0 for as good as last season again, 1 for perfect."""
        return super().score(X, X)

    def backtest(self, X: Any, folds: int = 3) -> list[dict[str, Any]]:
        """Learn anew from ever more of a series, and be tested each time on the part that follows.

        Args:
            X: the whole series.
            folds: how many times; the series is cut into one part more, of equal lengths.

        Returns:
            Of each time, what `evaluate` says, with "steps" that were learned from.
        """
        series, _ = self.checked(X, None)
        size, results = len(series) // (folds + 1), []
        for fold in range(1, folds + 1):
            cut = fold * size
            task = type(self)(**self.get_params()).fit(series.part(None, cut))
            _, tested = series.part(None, cut + size).parted(cut, task.reader.length)
            results.append({"steps": cut, **task.evaluate(tested)})
        return results

    def plot(self, X: Any = None, truth: Any = None, path: str | os.PathLike[str] | None = None) -> Any:
        """Draw the end of a series and its forecast, with intervals where there are; see `forecast_picture`."""
        from .forecast_pictures import forecast_figure

        return forecast_figure(self, self.recent(X), truth, path)

    def baselines(self, X: Any, y: Any, X_test: Any, y_test: Any) -> list[Baseline]:
        self.check_fitted()
        return forecast_baselines(self, X_test)

    def sections(self, X: Any, outputs: Any, y: Any) -> list[Any]:
        from .forecast_pictures import forecast_section

        return [forecast_section(self, self.reader.series(X))]

    def recent(self, X: Any) -> TimeSeries:
        """The last window of a series."""
        self.check_fitted()
        if X is None and self.latest is None:
            raise ValueError("Forecaster: a file holds no series. Give its recent past: predict(X)")
        return self.reader.series(self.latest if X is None else X).part(-self.reader.length, None)

    def moved(self, series: TimeSeries, ahead: np.ndarray) -> TimeSeries:
        """A window moved on by the steps of a forecast."""
        values = np.concatenate([series.values, ahead])[-len(series) :]
        times = series.times
        if times is not None:
            times = np.concatenate([times, later(times[-1], series.step, np.arange(1, len(ahead) + 1))])[-len(series) :]
        return dataclasses.replace(series, values=values, times=times)


def aside(steps: int, horizon: int, part: float) -> int:
    """How many of a series' last steps choose the epoch: those of too few windows would choose by chance.

    >>> aside(1000, 24, 0.1), aside(200, 24, 0.1), aside(100, 24, 0.1)
    (100, 33, 0)
    """
    wanted = max(round(steps * part), horizon + CHOSEN - 1)
    return wanted if part and (wanted <= steps * MOST_ASIDE or wanted == round(steps * part)) else 0


def usual_season(step: str) -> int:
    """Steps after which a series is much the same: a day of minutes or hours, a week of days, a year of months; else 1.

    >>> usual_season("1 hour"), usual_season("15 minute"), usual_season("3 month end"), usual_season("")
    (24, 96, 4, 1)
    """
    if not step:
        return 1
    count, unit, *_ = step.split()
    return max(1, SEASONS.get(unit, 1) // int(count))
