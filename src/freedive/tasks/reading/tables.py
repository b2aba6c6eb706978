"""Rows of named columns, numbers and categories mixed, as numbers that a network likes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np

from ...config import real, text
from ...data.errors import DataFileError
from ...data.tables import read_table
from ...errors import unknown
from .base import Path, Reader, Rows, numbered, suffix
from .numbers import TABLES, TARGETS


def column_list(value: Any) -> tuple[dict[str, Any], ...]:
    """Columns as JSON: {"name", "mean", "scale"} for numbers, {"name", "values"} for categories."""
    return tuple(_column(dict(column)) for column in value)


def _column(given: dict[str, Any]) -> dict[str, Any]:
    if given.keys() == {"name", "values"}:
        return {"name": text(given["name"]), "values": [text(v) for v in given["values"]]}
    if given.keys() == {"name", "mean", "scale"}:
        return {"name": text(given["name"]), "mean": real(given["mean"]), "scale": real(given["scale"])}
    raise ValueError(f"expected columns with name and values, or name, mean and scale. Received: {sorted(given)}")


class Columns(Reader):
    """Tables by the names of their columns, in any order.

    A number becomes (number - mean) * scale, a missing one 0; a category becomes one number for each of its values, a
    missing or new one all zeros.

    Args:
        columns: {"name", "mean", "scale"} or {"name", "values"} for each.

    >>> Columns.learned({"legs": np.array([2.0, 4.0]), "diet": np.array(["meat", "plants"])}).width
    3
    """

    example: ClassVar[str] = "table.csv"

    columns: Annotated[Any, column_list]

    @classmethod
    def learned(cls, columns: Mapping[str, np.ndarray]) -> Columns:
        """The reader for tables like this one, with means and scales of its rows."""
        return cls([_learned(name, cells) for name, cells in columns.items()])

    @property
    def width(self) -> int:
        """The numbers that a row becomes."""
        return sum(len(column.get("values", (0,))) for column in self.columns)

    def encoded(self, X: Mapping[str, np.ndarray]) -> np.ndarray:
        """float32 (rows, width)."""
        return np.concatenate([_encoded(column, X[column["name"]]) for column in self.columns], axis=1)

    def read(self, path: Path) -> Rows:
        table = self._table(path)
        spare = sorted(set(table) - {column["name"] for column in self.columns})
        notes = [f"{path}: not looked at: {', '.join(spare)}"] if spare else []
        x = self.encoded(table)
        return Rows(numbered(path, len(x)), x, notes)

    def labelled(self, path: Path, column: str | None) -> tuple[Any, Any]:
        table = self._table(path)
        name = column or next((name for name in table if name.lower() in TARGETS), None)
        if name is None:
            raise DataFileError(path, "no column of classes is called as usual; name it: --target COLUMN")
        if name not in table:
            raise DataFileError(path, str(unknown("column", name, table)))
        return self.encoded(table), table[name]

    def _table(self, path: Path) -> Mapping[str, np.ndarray]:
        if suffix(path) not in TABLES:
            raise DataFileError(path, "expected a table in a .csv file")
        table = read_table(path)
        for column in self.columns:
            if column["name"] not in table.columns:
                raise DataFileError(path, f"has no column {column['name']!r}. It has: {', '.join(table.columns)}")
            if "mean" in column and table.kinds[column["name"]] not in ("integer", "real", "boolean"):
                kind = table.kinds[column["name"]]
                raise DataFileError(path, f"the column {column['name']!r} holds {kind}; expected numbers")
        if not len(table):
            raise DataFileError(path, "no rows")
        return table.columns


def _learned(name: str, cells: np.ndarray) -> dict[str, Any]:
    if cells.dtype.kind in "OUS":
        return {"name": name, "values": sorted({str(cell) for cell in cells if cell is not None})}
    numbers = cells.astype(np.float64)
    spread = float(np.nanstd(numbers))
    return {"name": name, "mean": float(np.nanmean(numbers)), "scale": 1 / spread if spread else 1.0}


def _encoded(column: Mapping[str, Any], cells: np.ndarray) -> np.ndarray:
    if "values" in column:
        values = np.array(column["values"], dtype=object)
        return np.array([[cell is not None and str(cell) == value for value in values] for cell in cells], np.float32)
    numbers = (cells.astype(np.float64) - column["mean"]) * column["scale"]
    return np.nan_to_num(numbers, nan=0.0).astype(np.float32)[:, None]
