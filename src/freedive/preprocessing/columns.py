"""One column of a table as numbers that a network likes, learned from the rows it is trained on, kept as JSON."""

from __future__ import annotations

import collections
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

import numpy as np

from ..config import Configured, Family, real, text
from ..data.frames import missing
from ..data.tables import MISSING, READ, kind_of_texts, to_seconds, valued
from ..data.writing import composed
from .calendar import calendar_features, calendar_parts

KNOTS = 101  # quantiles that are kept of a column of numbers
LARGEST = float(np.finfo(np.float32).max)


def _reals(value: Any) -> tuple[float, ...]:
    return tuple(real(number) for number in value)


def _values(value: Any) -> tuple[str | None, ...]:
    return tuple(None if one is None else text(one) for one in value)


def _parts(value: Any) -> tuple[str, ...]:
    return tuple(text(part) for part in value)


class Column(Configured):
    """How the cells of one column become numbers.

    Args:
        name: of the column.
        gaps: whether cells were missing among those it was learned from: then a number says so of each cell.
    """

    family: ClassVar[Family | None] = Family("column")
    kinds: ClassVar[tuple[str, ...]] = ()  # of a table's column, as `Table.kinds` says them

    name: str
    gaps: bool

    @property
    def size(self) -> int | None:
        """How many ids the column becomes one of; None where it becomes numbers."""
        return None

    @property
    def features(self) -> tuple[str, ...]:
        """What each number is called."""
        return (self.name,)

    def read(self, cells: np.ndarray, where: str) -> np.ndarray:
        """Texts, None where one is missing, as values of the kind that the column was learned from.

        Raises:
            ValueError: a text is none of that kind; names its row.
        """
        return cells

    def encoded(self, cells: np.ndarray) -> np.ndarray:
        """float32 (rows, features)."""
        raise NotImplementedError

    def _valued(self, cells: np.ndarray, where: str, kinds: tuple[str, ...]) -> np.ndarray:
        """Texts as values of the first kind that suits all, else of the last."""
        texts = [None if missing(cell) or cell.strip() in MISSING else cell.strip() for cell in cells.tolist()]
        kind = kind_of_texts([text for text in texts if text is not None], kinds)
        return valued(texts, kind if kind in kinds else kinds[-1], f"{where}: column {self.name!r}")


class NumberColumn(Column):
    """x' = (x - mean) * scale, or with knots the normal deviate of x' quantile; a missing cell is the mean, 0.

    Args:
        mean, scale: of the rows it was learned from.
        knots: quantiles 0, 1/(n-1), ..., 1 of those rows; none for the plain way. What lies between them is read off
            the straight line, what lies outside is the nearest one.

    >>> column = NumberColumn.learned("age", np.array([36.0, np.nan, 40.0]))
    >>> column.encoded(np.array([36.0, np.nan])).tolist()
    [[-1.0, 0.0], [0.0, 1.0]]
    """

    kinds: ClassVar[tuple[str, ...]] = ("integer", "real", "boolean")

    mean: float
    scale: float
    knots: Annotated[Any, _reals] = ()

    @classmethod
    def learned(cls, name: str, cells: np.ndarray, quantiles: bool = False) -> Self:
        """The column for cells like these."""
        numbers = as_numbers(cells)
        known = numbers[~np.isnan(numbers)]
        if not len(known):
            raise ValueError(f"column {name!r} holds no value at all: leave it out")
        refuse_infinite(name, numbers)
        spread = float(known.std()) if known.min() < known.max() else 0.0
        knots = np.quantile(known, np.linspace(0, 1, KNOTS)) if quantiles and spread else ()
        return cls(name, len(known) < len(numbers), float(known.mean()), 1 / spread if spread else 1.0, knots)

    @property
    def features(self) -> tuple[str, ...]:
        return (self.name, f"{self.name} is missing") if self.gaps else (self.name,)

    def read(self, cells: np.ndarray, where: str) -> np.ndarray:
        return self._valued(cells, where, ("boolean", "real"))

    def encoded(self, cells: np.ndarray) -> np.ndarray:
        numbers = as_numbers(cells)
        refuse_infinite(self.name, numbers, self.scale)
        absent = np.isnan(numbers)
        scaled = self._deviates(numbers) if self.knots else (numbers - self.mean) * self.scale
        known = np.where(absent, 0.0, scaled)
        return np.stack([known, absent] if self.gaps else [known], axis=-1).astype(np.float32)

    def _deviates(self, numbers: np.ndarray) -> np.ndarray:
        """Normal deviates; of equal knots, the middle of the places that they take."""
        from scipy.special import ndtri

        places, knots = np.linspace(0, 1, len(self.knots)), np.asarray(self.knots)
        low, high = np.interp(numbers, knots, places), 1 - np.interp(-numbers, -knots[::-1], places)
        return ndtri(np.clip((low + high) / 2, 1e-3, 1 - 1e-3))


class CategoryColumn(Column):
    """A category as an id: its place among the values, from 1; 0 for what was not among them.

    Texts are values as they are written. Only where a column was read as another kind than it was learned from (a file
    that holds "yes" and "no" alone has truth values), a cell is the value that reads as it.

    Args:
        values: those that have an id of their own; None stands for a missing cell, where there were such.
        normal: whether texts are compared in Unicode's normal form C, in which a letter and its accent are one; files
            from before have it off.

    >>> column = CategoryColumn.learned("diet", np.array(["meat", "plants", "meat"]))
    >>> column.encoded(np.array(["plants", "stones"])).tolist()
    [[2.0], [0.0]]
    """

    kinds: ClassVar[tuple[str, ...]] = ("category", "boolean", "integer", "real", "date", "text")

    values: Annotated[Any, _values]
    normal: bool = True
    older: ClassVar[Mapping[str, Any]] = {"normal": False}

    @classmethod
    def learned(cls, name: str, cells: np.ndarray, least: int = 1) -> Self:
        """The column for cells like these; values that stand in fewer than `least` of them share the id 0."""
        counts = collections.Counter(composed(_spelt(cell)) for cell in _listed(cells))
        values = sorted((v for v, count in counts.items() if count >= least), key=lambda v: (v is not None, v))
        return cls(name, None in counts, values)

    @property
    def size(self) -> int:
        return len(self.values) + 1

    def encoded(self, cells: np.ndarray) -> np.ndarray:
        places = {value: place for place, value in enumerate(self.values, 1)}
        read = [_read(value) for value in self.values]
        counts = collections.Counter(read)
        alike = {key: place for place, key in enumerate(read, 1) if counts[key] == 1}

        def place(cell: Any) -> int:
            spelt = composed(_spelt(cell)) if self.normal else _spelt(cell)
            if spelt in places:
                return places[spelt]
            return places.get(_read(cell), 0) if isinstance(cell, str) else alike.get(spelt, 0)

        found = _listed(cells)
        known = {cell: place(cell) for cell in set(found)}
        return np.array([known[cell] for cell in found], np.float32)[:, None]


class DateColumn(Column):
    """A date as its time, standardised, and as the sine and cosine of its parts; a missing one is zeros.

    Args:
        mean, scale: of the seconds since 1970.
        parts: of the calendar, see `calendar_features`.

    >>> days = np.array(["2024-01-01", "2024-01-03"], "datetime64[D]")
    >>> DateColumn.learned("day", days).encoded(days).tolist()
    [[-1.0], [1.0]]
    """

    kinds: ClassVar[tuple[str, ...]] = ("date",)

    mean: float
    scale: float
    parts: Annotated[Any, _parts]

    def __post_init__(self):
        super().__post_init__()
        calendar_features([], self.parts)

    @classmethod
    def learned(cls, name: str, cells: np.ndarray) -> Self:
        """The column for cells like these."""
        seconds = NumberColumn.learned(name, _seconds(cells))
        return cls(name, seconds.gaps, seconds.mean, seconds.scale, calendar_parts(cells))

    @property
    def features(self) -> tuple[str, ...]:
        waves = [f"{self.name} {part} {wave}" for part in self.parts for wave in ("sine", "cosine")]
        return (*NumberColumn(self.name, self.gaps, 0.0, 1.0).features, *waves)

    def read(self, cells: np.ndarray, where: str) -> np.ndarray:
        return self._valued(cells, where, ("date",))

    def encoded(self, cells: np.ndarray) -> np.ndarray:
        time = NumberColumn(self.name, self.gaps, self.mean, self.scale).encoded(_seconds(cells))
        return np.concatenate([time, calendar_features(cells, self.parts)], axis=1)


def refuse_infinite(name: str, numbers: np.ndarray, scale: float = 1.0) -> None:
    """Refuse a column with a number that is infinite, or is so in float32, itself or scaled."""
    if (wrong := np.abs(numbers) > LARGEST / max(scale, 1.0)).any():
        row = int(wrong.argmax())
        large = "" if np.isinf(numbers[row]) else ", which is too large for float32"
        raise ValueError(f"column {name!r} holds {numbers[row]} in row {row}{large}. Fill it in, or leave the row out")


def as_numbers(cells: np.ndarray) -> np.ndarray:
    """Cells as float64, missing ones as NaN.

    >>> as_numbers(np.array([True, None], object))
    array([ 1., nan])
    """
    if cells.dtype.kind != "O":
        return cells.astype(np.float64)
    return np.array([np.nan if missing(cell) else float(cell) for cell in cells.tolist()], np.float64)


def _seconds(cells: np.ndarray) -> np.ndarray:
    instants = to_seconds(cells)
    count = instants.astype(np.int64) / (1 if np.datetime_data(instants.dtype)[0] == "s" else 10**6)
    return np.where(np.isnat(instants), np.nan, count)


def _spelt(cell: Any) -> str | None:
    """A cell as the text that its value goes by: whole numbers without a point, so that 3.0 and 3 are one."""
    if missing(cell):
        return None
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _listed(cells: np.ndarray) -> list[Any]:
    """Cells as Python's own values."""
    return (to_seconds(cells) if cells.dtype.kind == "M" else cells).tolist()


def _read(value: str | None) -> str | None:
    """What a text says, as the text that such a value goes by: "yes" and True are one, "3.0" and 3."""
    return value if value is None else _spelt(valued([value], kind_of_texts([value], READ)).tolist()[0])
