"""The recent past of a series as windows on one scale, with the calendar of what comes."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection
from typing import Annotated, Any, ClassVar, NamedTuple, Self

import numpy as np

from ...config import PositiveInt, list_of, real, text
from ...data.errors import DataFileError
from ...data.series import TimeSeries, as_series, later
from ...preprocessing import calendar_features, calendar_parts, timeseries_windows
from ...preprocessing.scaling import spread
from ..told import ANYWHERE, SERIES, table_as
from .base import Path, Reader, Rows


class After(NamedTuple):
    """What the steps after a file's series are called.

    file: its path.
    times: of every step; None where the file has none.
    """

    file: str
    times: list[str] | None


class Past(Reader):
    """Windows of a series: (x - mean) * scale, with the calendar of the window and of what follows it.

    Args:
        length, horizon: steps of a window and of its forecast.
        names: of the variables.
        mean, scale: of each, from the steps that were learned from.
        parts: of the calendar, see `preprocessing.calendar_features`; none for none.
        step: from one time to the next, as `TimeSeries.step` says it.
        time: the column of times.
        gaps: "error" or "fill".
        flat: whether a series is one array (time,).
    """

    example: ClassVar[str] = "series.csv"
    ways: ClassVar[Collection[str]] = (*ANYWHERE, *SERIES)

    length: PositiveInt
    horizon: PositiveInt
    names: Annotated[Any, list_of(text)]
    mean: Annotated[Any, list_of(real)]
    scale: Annotated[Any, list_of(real)]
    parts: Annotated[Any, list_of(text)] = ()
    step: str = ""
    time: str | None = None
    gaps: str = "error"
    flat: bool = False

    @classmethod
    def learned(cls, series: TimeSeries, length: int, horizon: int, calendar: bool, **more: Any) -> Self:
        """The reader for series like this one."""
        mean, scale = series.values.mean(axis=0), 1 / spread(series.values)
        parts = calendar_parts(series.times) if calendar and series.times is not None else ()
        found = (series.names, mean.tolist(), scale.tolist(), parts, series.step)
        return cls(length, horizon, *found, flat=series.flat, **more)

    def series(self, X: Any) -> TimeSeries:
        """A series as it was learned: its variables in their order, long enough for a window."""
        found = as_series(X, self.reading.get("time", self.time), self.reading.get("gaps", self.gaps))
        if self.flat and found.flat:
            found = dataclasses.replace(found, names=self.names)  # one variable, whatever it is called
        absent = [name for name in self.names if name not in found.names]
        if absent:
            raise ValueError(f"series: no variable {absent[0]!r}. It has: {', '.join(found.names)}")
        if len(found) < self.length:
            raise ValueError(f"series: {len(found)} steps, but a window has {self.length}: give as many, or more")
        order = [found.names.index(name) for name in self.names]
        return dataclasses.replace(found, values=found.values[:, order], names=self.names)

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """float32 values with mean 0 and deviation 1."""
        return ((values - np.array(self.mean)) * np.array(self.scale)).astype(np.float32)

    def encoded(self, X: Any) -> Any:
        """Every window of a series, (windows, length, variables), the last one at its end; views of it."""
        series = self.series(X)
        windows = timeseries_windows(self.scaled(series.values), sequence_length=self.length)
        if not self.parts:
            return windows
        if series.times is None:
            raise ValueError("series: it was learned with times, so times are needed: give a table that has them")
        features = calendar_features(np.concatenate([series.times, self.ahead(series)]), self.parts)
        return [windows, timeseries_windows(features, sequence_length=self.length + self.horizon)]

    def ahead(self, series: TimeSeries) -> np.ndarray:
        """The times of the steps after a series that has times."""
        return later(np.asarray(series.times)[-1], self.step or series.step, np.arange(1, self.horizon + 1))

    def said_ahead(self, series: TimeSeries) -> list[str] | None:
        """The times of the steps after a series, as people write them, UTC with a Z; None where it has none."""
        if series.times is None:
            return None
        times = spoken(self.ahead(series))
        return [f"{time}{'' if ':' in time else ' 00:00'}Z" for time in times] if series.utc else times

    def read(self, path: Path) -> Rows:
        """The last window of a file."""
        try:
            series = self.series(table_as(path, self.reading)).part(-self.length, None)
        except DataFileError:
            raise
        except ValueError as error:
            raise DataFileError(path, str(error)) from None
        times = self.said_ahead(series)
        return Rows([After(os.fspath(path), times)], self.encoded(series), [])

    def labelled(self, path: Path, column: str | None) -> tuple[Any, Any]:
        series = self.series(table_as(path, self.reading))
        x = self.encoded(series)
        known = len(series) - self.length - self.horizon + 1
        return ([part[:known] for part in x] if isinstance(x, list) else x[:known]), series


def spoken(times: np.ndarray) -> list[str]:
    """Times as people write them, all alike: without hours, or seconds, where none has any.

    >>> spoken(np.array(["2024-01-01", "2024-02-01"], "datetime64[s]"))
    ['2024-01-01', '2024-02-01']
    """
    for unit in ("D", "m", "s", "ms", "us"):
        shorter = times.astype(f"datetime64[{unit}]")
        if (shorter == times).all():
            break
    return [str(time).replace("T", " ") for time in shorter]
