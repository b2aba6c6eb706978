"""Times as numbers that a network likes: the place in the day, the week, the month and the year on a circle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import unknown


def calendar_features(times: Any, parts: Sequence[str] = ("hour", "weekday", "month")) -> np.ndarray:
    """The sine and cosine of where each time stands in its day, week, month or year.

    (sin 2 pi p, cos 2 pi p), with p from 0 to 1 over the period, so that its end is near its beginning.

    Args:
        times: (n,) datetime64, or what numpy reads as such. NaT gives zeros.
        parts: "minute" (of the hour), "hour" (of the day), "weekday" (of the week), "day" (of the month), "month" (of
            the year).

    Returns:
        float32 (n, 2 * parts), sine and cosine of each part in turn.

    >>> calendar_features(["2024-01-01T00:00", "2024-01-01T06:00"], ["hour"]).round(3).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    for part in parts:
        if part not in PARTS:
            raise unknown("part of the calendar", part, PARTS)
    instants = np.asarray(times, "datetime64[s]")
    known = ~np.isnat(instants)
    filled = np.where(known, instants, np.datetime64("2000-01-01", "s"))
    angles = [2 * np.pi * PARTS[part](filled) for part in parts]
    circles = [wave(angle) for angle in angles for wave in (np.sin, np.cos)]
    features = np.stack(circles, axis=-1) if circles else np.zeros((len(instants), 0))
    return (features * known[:, None]).astype(np.float32)  # (n, 2 * parts)


def calendar_parts(times: Any) -> tuple[str, ...]:
    """The parts of the calendar in which times differ and that come round again among them.

    A part tells something of times that are at least twice its period apart from first to last, and that do not all
    stand at one place in it.

    >>> calendar_parts(np.arange("2024-01-01", "2024-03-01", dtype="datetime64[h]"))
    ('hour', 'weekday')
    """
    instants = np.asarray(times, "datetime64[s]")
    instants = instants[~np.isnat(instants)]
    if not len(instants):
        return ()
    span = float((instants.max() - instants.min()) / np.timedelta64(1, "s"))
    return tuple(part for part, place in PARTS.items() if span >= 2 * PERIODS[part] and np.ptp(place(instants)) > 1e-9)


def _within(unit: str) -> Callable[[np.ndarray], np.ndarray]:
    """From times to their place in a unit of fixed length, 0 to 1."""
    return lambda times: (times - times.astype(f"datetime64[{unit}]")) / np.timedelta64(1, unit)


def _weekday(times: np.ndarray) -> np.ndarray:
    days = times.astype("datetime64[D]").astype(np.int64)
    return ((days + 3) % 7) / 7  # 1970-01-01 was a Thursday; Monday is 0


def _day(times: np.ndarray) -> np.ndarray:
    return (times.astype("datetime64[D]") - times.astype("datetime64[M]")).astype(np.int64) / 31


def _day_of_year(times: np.ndarray) -> np.ndarray:
    years = times.astype("datetime64[Y]")
    return (times.astype("datetime64[D]") - years).astype(np.int64) / 366


PARTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "minute": _within("h"),
    "hour": _within("D"),
    "weekday": _weekday,
    "day": _day,
    "month": _day_of_year,  # the time of the year, smoother than its twelfths
}
PERIODS = {"minute": 3600, "hour": 86400, "weekday": 7 * 86400, "day": 31 * 86400, "month": 364 * 86400}  # seconds
