"""Series in time from tables and arrays: steps of one length, in order, none twice and none missing, or told where."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import counted
from .frames import as_table, with_index
from .tables import Table, to_seconds

UNITS = {
    "week": 604800,
    "day": 86400,
    "hour": 3600,
    "minute": 60,
    "second": 1,
    "millisecond": 1e-3,
    "microsecond": 1e-6,
}
SECOND = np.timedelta64(1, "s")
JITTER = 0.05  # of a step, that is no other step
MOST_FILLED = 10  # steps for each that is there
SHORTEST_DAY = 23 * 3600  # seconds, where clocks are put forward
DAY = np.timedelta64(1, "D")
NUMBERS = ("integer", "real", "boolean")


@dataclasses.dataclass(frozen=True)
class TimeSeries:
    """Values at equal steps of time.

    values: (time, variables) float64.
    names: of the variables.
    times: (time,) datetime64[s], [us] where one has a part of a second; None where nothing is known of them.
    step: "3 hour", "1 month", "3 month end", "100 millisecond": from one time to the next; "" where there are no times.
    flat: whether it was given as one array (time,).
    utc: whether the times had a zone and are those of UTC.
    """

    values: np.ndarray
    names: tuple[str, ...]
    times: np.ndarray | None = None
    step: str = ""
    flat: bool = False
    utc: bool = False

    def __len__(self) -> int:
        return len(self.values)

    def part(self, start: int | None, stop: int | None) -> TimeSeries:
        """Some steps of it."""
        times = None if self.times is None else self.times[start:stop]
        return dataclasses.replace(self, values=self.values[start:stop], times=times)

    def filled(self) -> TimeSeries:
        """With straight lines where values are missing."""
        return dataclasses.replace(self, values=whole(self.values, self.names, self.times, "fill"))

    def parted(self, cut: int, before: int) -> tuple[TimeSeries, TimeSeries]:
        """What comes before a step, and what follows it, with some steps before it.

        Missing values are filled, and none before the cut by what comes after it: a line there would tell the future.

        >>> first, second = TimeSeries(np.array([[1.0], [np.nan], [np.nan], [4.0]]), ("a",)).parted(2, before=1)
        >>> first.values[:, 0].tolist(), second.values[:, 0].tolist()
        ([1.0, 1.0], [1.0, 2.5, 4.0])
        """
        first, second = self.part(None, cut).filled(), self.part(cut - before, None)
        values = np.concatenate([first.values[cut - before :], second.values[before:]])
        return first, dataclasses.replace(second, values=values).filled()


def as_series(data: Any, time: str | None = None, gaps: str = "error") -> TimeSeries:
    """A series from an array (time,) or (time, variables), or from a table with a column, or an index, of times.

    Args:
        data: the array, or whatever `as_table` takes, or one column of pandas'. An index of pandas' that holds times is
            a column of them.
        time: the column of times; by default the only one that holds dates. Columns of numbers are the variables.
        gaps: what happens to steps and values that are missing: "error", "fill" by straight lines, or "keep" as nan.

    Raises:
        ValueError: a time that stands twice, steps or values that are missing, no numbers; says where.

    >>> days = np.arange("2024-01-01", "2024-01-05", dtype="datetime64[D]")
    >>> as_series({"day": days, "sold": [3.0, 4.0, 2.0, 5.0]}).step
    '1 day'
    """
    if isinstance(data, TimeSeries):
        return dataclasses.replace(data, values=whole(data.values, data.names, data.times, gaps))
    flat = hasattr(data, "index") and getattr(data, "ndim", 0) == 1  # one column of a frame
    if not flat and not hasattr(data, "columns") and not isinstance(data, (dict, Table)):
        array = np.asarray(data)
        if array.dtype.kind in "biuf" and array.ndim in (1, 2):
            table = array.astype(np.float64).reshape(len(array), -1)
            names = tuple(f"value_{i}" for i in range(table.shape[1])) if array.ndim == 2 else ("value",)
            return TimeSeries(whole(table, names, None, gaps), names, flat=array.ndim == 1)
    table = as_table(with_index(data), "series")
    time = time_column(table, time)
    names = tuple(name for name, kind in table.kinds.items() if kind in NUMBERS and name != time)
    if not names:
        raise ValueError(f"series: no column of numbers. It has: {', '.join(table.columns)}")
    values = np.stack([np.asarray(table[name], np.float64) for name in names], axis=1)
    if time is None:
        return TimeSeries(whole(values, names, None, gaps), names, flat=flat)
    said, utc = told(table, time)
    times, values, step = regular(said, values, time, gaps)
    return TimeSeries(whole(values, names, times, gaps), names, times, step, flat, utc)


def time_column(table: Table, name: str | None) -> str | None:
    """The column of times: the one that was named, or the only one that holds dates; None where there is none."""
    dates = [column for column, kind in table.kinds.items() if kind == "date"]
    if name is not None:
        if table.kinds.get(name) != "date":
            table[name]  # an unknown name is an error here
            raise ValueError(f"series: the column {name!r} holds {table.kinds[name]}, expected dates and times")
        return name
    if len(dates) > 1:
        raise ValueError(f"series: several columns hold dates, {', '.join(dates)}; say which by time=")
    return dates[0] if dates else None


def told(table: Table, name: str) -> tuple[np.ndarray, bool]:
    """The times of a column, and whether they are those of UTC where it has a zone: they are of steps below a day; of
    days and more they are what the clocks said, which DST shifts in UTC."""
    times, clock = table[name], table.clocks.get(name)
    if clock is None:
        return times, False
    steps, others = (np.diff(np.sort(a)) for a in (times, clock))
    days = len(steps) and np.median(steps / SECOND) >= SHORTEST_DAY
    by_clock = bool(days and len(np.unique(others)) <= len(np.unique(steps)))
    return (clock, False) if by_clock else (times, True)


def regular(cells: np.ndarray, values: np.ndarray, name: str, gaps: str) -> tuple[np.ndarray, np.ndarray, str]:
    """(times in order, values, step): each time once, all steps of one length."""
    times = to_seconds(cells)
    if np.isnat(times).any():
        raise ValueError(f"series: column {name!r} has no time in row {int(np.isnat(times).argmax())}")
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    same = np.flatnonzero(times[1:] == times[:-1])
    if len(same):
        first, second = order[same[0]], order[same[0] + 1]
        raise ValueError(
            f"series: the time {shown(times[same[0]])} stands twice, in rows {first} and {second} of column {name!r} "
            f"({len(same)} such rows in all). Keep one row a time; several series in one table are several columns"
        )
    if len(times) < 2:
        return times, values, ""
    places, count, unit = placed(times)
    holes = np.flatnonzero(np.diff(places) != 1)
    step = f"{count} {unit}"
    if len(holes) and gaps == "error":
        absent = int(places[holes[0] + 1] - places[holes[0]] - 1)
        number = counted(absent, "steps") if absent else "parts of steps"
        verb, total = "is" if absent == 1 else "are", int(places[-1] + 1 - len(places))
        raise ValueError(
            f"series: after {shown(times[holes[0]])} (row {order[holes[0]]}) {number} of {step} "
            f"{verb} missing, {total} in all. Put them in, or pass gaps='fill' "
            "(--set gaps=fill)"
        )
    if places[-1] >= MOST_FILLED * len(places):
        raise ValueError(
            f"series: {len(times):,} times are spread over {int(places[-1]) + 1:,} steps of {step}, the usual one: "
            "nearly all would be filled in. Resample them first"
        )
    if len(holes):
        every = np.arange(int(places[-1]) + 1)
        values = np.stack([between(every, places, column) for column in values.T], axis=1)
        longest = int(np.argmax(times - times.astype("datetime64[M]")))  # no month clips its day
        times = later(times[longest], step, every - int(places[longest]))
    return times, values, step


def between(every: np.ndarray, places: np.ndarray, column: np.ndarray) -> np.ndarray:
    """The values at every step: on the line between those less than a step away; nan where a step is missing."""
    right = np.searchsorted(places, every)
    there = (places[right] == every) | (places[right] - places[right - 1] <= 1)
    return np.where(there, np.interp(every, places, column), np.nan)


def placed(times: np.ndarray) -> tuple[np.ndarray, int, str]:
    """(the number of steps from the first time to each, how many units a step has, the unit): the usual step counts."""
    months = times.astype("datetime64[M]")
    days, last = times - months, lasts(months) + (times - times.astype("datetime64[D]"))
    of_months = len(np.unique(months)) == len(months) and (days == np.minimum(days.max(), last)).all()
    units = (months - months[0] if of_months else times - times[0]).astype(np.int64)
    second = 1 if np.datetime_data(times.dtype)[0] == "s" else 10**6
    ticks = {name: ticks for name, seconds in UNITS.items() if (ticks := round(seconds * second))}
    steps, counts = np.unique(np.diff(units), return_counts=True)
    usual = int(steps[counts.argmax()])
    if not of_months:
        if 2 * counts[steps % usual == 0].sum() < counts.sum():  # chance made it the most frequent
            usual = shared(np.diff(units), ticks)
            whole_steps = np.round(units / usual)
            units = whole_steps * usual if (abs(units - whole_steps * usual) <= JITTER * usual).all() else units
        unit = next(name for name, length in ticks.items() if usual % length == 0)
        return units / usual, usual // ticks[unit], unit
    count, unit = (usual // 12, "year") if usual % 12 == 0 else (usual, "month")
    return units / usual, count, f"{unit} end" if (days == last).all() else unit


def shared(steps: np.ndarray, units: Mapping[str, int]) -> int:
    """The step that times of which no two need be equally far apart have: half of them nearly so.

    Args:
        steps: from each time to the next.
        units: of which a step is rather some than none, the longest first, in what steps are counted in.

    >>> shared(np.array([597, 602, 599, 1203]), {"hour": 3600, "minute": 60, "second": 1})
    600
    """
    middle = float(np.median(steps))
    nearest = [max(1, round(middle / unit)) * unit for unit in units.values()]
    step = next((near for near in nearest if abs(near - middle) <= JITTER * middle), round(middle))
    if 2 * (abs(steps - step) <= JITTER * step).sum() < len(steps):
        least, most = steps.min() / units["second"], steps.max() / units["second"]
        raise ValueError(
            f"series: the times have no step of their own: they are {least:,g} to {most:,g} seconds apart, "
            f"half of them {middle / units['second']:,g} or less. Resample them first"
        )
    return step


def later(start: np.datetime64, step: str, steps: Sequence[int] | np.ndarray) -> np.ndarray:
    """Times so many steps after a start; a day that a month does not have is its last.

    >>> later(np.datetime64("2024-01-31", "s"), "1 day", [1]).astype(str).tolist()
    ['2024-02-01T00:00:00']
    >>> later(np.datetime64("2024-02-29", "s"), "1 month end", [1]).astype("M8[D]").astype(str).tolist()
    ['2024-03-31']
    """
    count, unit, *end = step.split()
    moved = np.asarray(steps, np.int64) * int(count)
    if unit in UNITS:
        seconds = UNITS[unit]
        one = np.timedelta64(seconds, "s") if seconds >= 1 else np.timedelta64(round(seconds * 10**6), "us")
        return to_seconds(start) + moved * one
    months = start.astype("datetime64[M]") + moved * (12 if unit == "year" else 1)
    clock, days = start - start.astype("datetime64[D]"), start.astype("datetime64[D]") - start.astype("datetime64[M]")
    last = lasts(months)
    return months.astype("datetime64[s]") + (last if end else np.minimum(days, last)) + clock


def lasts(months: np.ndarray) -> np.ndarray:
    """From the first day of each month to its last."""
    return (months + 1).astype("datetime64[D]") - months.astype("datetime64[D]") - DAY


def whole(values: np.ndarray, names: Sequence[str], times: np.ndarray | None, gaps: str) -> np.ndarray:
    """Values without holes: filled by straight lines where asked, or left; else an error."""
    if gaps not in ("error", "fill", "keep"):
        raise ValueError(f"series(gaps={gaps!r}): expected 'error', 'fill' or 'keep'")
    wrong = ~np.isfinite(values)
    if gaps == "keep" or not wrong.any():
        return values
    row, column = np.argwhere(wrong)[0]
    if gaps == "error" or wrong.all(axis=0).any():
        where = f"row {row}" if times is None else shown(times[row])
        raise ValueError(
            f"series: {values[row, column]} at {where} of {names[column]!r}, and {int(wrong.sum())} such values in "
            "all. Fill them in, or pass gaps='fill' (--set gaps=fill)"
        )
    steps = np.arange(len(values))
    filled = [np.interp(steps, steps[~w], column[~w]) for column, w in zip(values.T, wrong.T, strict=True)]
    return np.stack(filled, axis=1)


def shown(time: Any) -> str:
    """A time as people write it: without seconds that are none."""
    return str(time).replace("T", " ").removesuffix(":00").removesuffix(" 00:00")
