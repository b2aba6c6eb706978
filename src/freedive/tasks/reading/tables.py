"""Rows of named columns (numbers, categories, dates) as numbers that a network likes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, ClassVar

import numpy as np

from ...config import text
from ...data.errors import DataFileError
from ...data.frames import as_table
from ...data.table_files import READERS
from ...data.tables import Table
from ...errors import unknown
from ...preprocessing import TableEncoder
from ..told import ANYWHERE, table_as
from .base import Path, Reader, Rows, numbered, suffix
from .numbers import TARGETS


def _encoder(value: Any) -> TableEncoder:
    if not isinstance(value, TableEncoder):
        raise TypeError(f"expected a TableEncoder. Received: {value!r:.100}")
    return value


def _names(value: Any) -> tuple[str, ...]:
    return tuple(text(name) for name in value)


class Columns(Reader):
    """Tables by the names of their columns, in any order: see `preprocessing.TableEncoder`.

    Args:
        encoder: what is done with the columns that are looked at.
        names: of all columns of the rows that it was learned from.

    >>> Columns.learned({"legs": np.array([2.0, 4.0]), "diet": np.array(["meat", "plants"])}).width
    2
    """

    example: ClassVar[str] = "table.csv"
    ways: ClassVar[Collection[str]] = ANYWHERE

    encoder: Annotated[Any, _encoder]
    names: Annotated[Any, _names]

    @classmethod
    def learned(cls, columns: Any, **options: Any) -> Columns:
        """The reader for tables like this one; options are those of `TableEncoder.learned`."""
        table = as_table(columns)
        return cls(TableEncoder.learned(table, **options), list(table.columns))

    @property
    def width(self) -> int:
        """The numbers that a row becomes."""
        return self.encoder.width

    @property
    def row_shape(self) -> tuple[int | None, ...] | None:
        return (self.width,)

    @property
    def named(self) -> bool:
        """Whether the columns had names, rather than places in an array."""
        return any(name != f"column_{place}" for place, name in enumerate(self.names))

    def is_one(self, X: Any) -> bool:
        """Never told: `as_table` says what a table is."""
        return False

    def encoded(self, X: Any) -> np.ndarray:
        """float32 (rows, width)."""
        return self.encoder.encoded(X)

    def read(self, path: Path) -> Rows:
        table = self._table(path)
        spare = sorted(set(table.columns) - {column.name for column in self.encoder.columns})
        notes = [f"{path}: not looked at: {', '.join(spare)}"] if spare else []
        x = self._encoded(path, table)
        return Rows(numbered(path, range(len(x))), x, notes)

    def labelled(self, path: Path, column: str | None) -> tuple[Any, Any]:
        table = self._table(path)
        name = label_column(path, table, column)
        return self._encoded(path, table), table[name]

    def _encoded(self, path: Path, table: Table) -> np.ndarray:
        try:
            return self.encoded(table)
        except ValueError as error:
            raise DataFileError(path, str(error).removeprefix("x: ")) from None

    def _table(self, path: Path) -> Table:
        if suffix(path) not in READERS:
            raise DataFileError(path, f"expected a table in a file that ends in {', '.join(READERS)}")
        table = table_as(path, self.reading)
        if not len(table):
            raise DataFileError(path, "no rows")
        return table


def label_column(path: Path, table: Table, column: str | None) -> str:
    """The name of the column that holds the labels: the one that was named, or one that is called as usual."""
    name = column or next((name for name in table.columns if name.lower() in TARGETS), None)
    if name is None:
        listed = ", ".join(table.columns)
        raise DataFileError(path, f"no column of labels is called as usual; name it: --target COLUMN. It has: {listed}")
    if name not in table.columns:
        raise DataFileError(path, str(unknown("column", name, table.columns)))
    return name
