"""Four series in time: airline passengers, sunspots, CO2, El Nino. Embedded."""

from __future__ import annotations

import dataclasses

import numpy as np

from ..errors import unknown
from ..preprocessing.split import train_test_split
from .embedded import open_arrays


@dataclasses.dataclass(frozen=True)
class Series:
    """Values at times.

    Attributes:
        name: of the series.
        unit: of the values.
        times: (n,) datetime64, by year, month or day.
        values: (n,) float32; missing ones are NaN.
    """

    name: str
    unit: str
    times: np.ndarray
    values: np.ndarray


# name -> (array in the file, unit, time of the first value, time from one to the next)
SERIES: dict[str, tuple[str, str, str, np.timedelta64]] = {
    "airline": ("airline", "thousand passengers a month", "1949-01", np.timedelta64(1, "M")),
    "sunspots": ("sunspots_yearly", "sunspots, mean of the year", "1700", np.timedelta64(1, "Y")),
    "co2": ("co2_weekly", "parts per million at Mauna Loa, week", "1958-03-29", np.timedelta64(7, "D")),
    "elnino": ("elnino_monthly", "degrees Celsius of the sea, mean of the month", "1950-01", np.timedelta64(1, "M")),
}


def load_data(name: str = "airline", test_size: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """The values of a series, the last ones for testing.

    Args:
        name: "airline", "sunspots", "co2" or "elnino".
        test_size: fraction or number of the values to test with.

    Returns:
        (train, test): float32 (n,), in the order of time; "co2" has NaN where a week is missing.

    >>> train, test = load_data("airline")
    >>> train.shape, test.shape, train[:3].tolist()
    ((115,), (29,), [112.0, 118.0, 132.0])
    """
    train, test = train_test_split(load_raw(name).values, test_size=test_size, shuffle=False)
    return train, test


def load_raw(name: str = "airline") -> Series:
    """A whole series with its times.

    >>> series = load_raw("co2")
    >>> series.times[0], series.values[0]
    (np.datetime64('1958-03-29'), np.float32(316.1))
    """
    if name not in SERIES:
        raise unknown("series", name, SERIES)
    key, unit, first, step = SERIES[name]
    values = open_arrays("series")[key].reshape(-1)  # months of a year lie in a row
    return Series(name, unit, np.datetime64(first) + np.arange(len(values)) * step, values)
