"""Tables of numbers, categories and dates as arrays that a network likes, by what was learned from training rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Self

import numpy as np

from ..config import Configured, Family, one_of
from ..data.frames import as_table, is_empty
from ..data.tables import Table, objects
from ..errors import nearest, unknown
from .columns import CategoryColumn, Column, DateColumn, NumberColumn, as_numbers

FAMILY = Family("preprocessing")


def _columns(value: Any) -> tuple[Column, ...]:
    columns = tuple(value)
    names = [column.name for column in columns if isinstance(column, Column)]
    if len(names) < len(columns) or len(set(names)) < len(names) or not columns:
        raise ValueError("expected columns with names of their own, such as TableEncoder.learned(x) makes")
    return columns


class TableEncoder(Configured):
    """Rows of named columns as float32 (rows, width): first all numbers, then an id for every category.

    Numbers are standardised (or made normal by their quantiles), a missing one is the mean beside a number that says
    so; a category is the id of its value, with one for missing cells and one for values not seen before; a date is its
    time and its places in day, week, month and year. Columns are found by their names, in any order.

    Args:
        columns: a `Column` for each; `learned` makes them from training rows.

    >>> encoder = TableEncoder.learned({"legs": [2.0, 4.0, None], "diet": ["meat", "plants", "meat"]})
    >>> encoder.width, encoder.sizes, encoder.features
    (3, (3,), ('legs', 'legs is missing', 'diet'))
    >>> encoder.encoded({"diet": ["stones"], "legs": [3.0]}).tolist()
    [[0.0, 0.0, 0.0]]
    """

    family: ClassVar[Family | None] = FAMILY
    columns: Annotated[Any, _columns]

    @classmethod
    def learned(
        cls,
        x: Any,
        numbers: str = "standard",
        categories: Sequence[str] = (),
        least: int = 1,
    ) -> Self:
        """The encoder for tables like this one.

        Args:
            x: training rows, whatever `as_table` takes.
            numbers: "standard" (mean 0, deviation 1) or "quantile" (normal, whatever the column's distribution).
            categories: names of columns of numbers that are categories all the same, such as codes.
            least: a value of a category has an id of its own where it stands in so many rows.

        Columns of free text, of one value only or of none are left out; `left_out` names them.
        """
        one_of("standard", "quantile")(numbers)
        table = as_table(x)
        for name in categories:
            if name not in table.columns:
                raise unknown("column", name, table.columns)
        kept = {name: cells for name, cells in table.columns.items() if _tells(table, name) or name in categories}
        if not kept:
            raise ValueError(f"no column tells rows apart: {', '.join(f'{n} ({k})' for n, k in table.kinds.items())}")

        def learn(name: str, cells: np.ndarray) -> Column:
            if name in categories or table.kinds[name] == "category":
                return CategoryColumn.learned(name, cells, least)
            if table.kinds[name] == "date":
                return DateColumn.learned(name, cells)
            return NumberColumn.learned(name, cells, numbers == "quantile")

        return cls([learn(name, cells) for name, cells in kept.items()])

    @property
    def width(self) -> int:
        """The numbers that a row becomes, ids included."""
        return len(self.features)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of each category, how many ids it has: for `CategoryEmbedding` and `FeatureTokenizer`."""
        return tuple(column.size for column in self.columns if column.size is not None)

    @property
    def features(self) -> tuple[str, ...]:
        """What each number of a row is called."""
        return tuple(feature for column in self._ordered() for feature in column.features)

    def encoded(self, x: Any, where: str = "x") -> np.ndarray:
        """float32 (rows, width). Texts are read as what their column held when it was learned.

        Raises:
            ValueError: a column that is not there, or holds another kind of values; names it, of a text its row too.
        """
        table = as_table(x, where)
        names = [column.name for column in self.columns]
        absent = [name for name in names if name not in table.columns]
        if absent:
            near = [f"; {close!r} is near" for close in nearest(absent[0], table.columns, 1)]
            there = f"there is no column {', '.join(map(repr, absent))}{''.join(near)}"
            raise ValueError(f"{where}: {there}. The model was trained on: {', '.join(names)}")
        return np.concatenate([self._cells(column, table, where) for column in self._ordered()], axis=1)

    def left_out(self, x: Any) -> list[str]:
        """The columns of a table that are not looked at."""
        return [name for name in as_table(x).columns if name not in {column.name for column in self.columns}]

    def _ordered(self) -> list[Column]:
        """Numbers before ids."""
        return sorted(self.columns, key=lambda column: column.size is not None)

    def _cells(self, column: Column, table: Table, where: str) -> np.ndarray:
        cells, kind = table[column.name], table.kinds[column.name]
        if is_empty(cells):  # of no kind, so of every one
            cells, kind = objects([None] * len(cells)), "text"
        if kind in ("category", "text"):
            cells = column.read(cells, where)
        elif kind not in column.kinds:
            expected = " or ".join(column.kinds[:2])
            raise ValueError(f"{where}: column {column.name!r} holds {kind}, but {expected} when it was learned")
        return column.encoded(cells)


FAMILY.add(TableEncoder)


def _tells(table: Table, name: str) -> bool:
    """Whether a column can tell rows apart: it has two values, or one that is missing here and there; no free text."""
    cells, kind = table[name], table.kinds[name]
    if kind == "text":
        return False
    if kind in ("integer", "real", "boolean"):
        numbers = as_numbers(cells)
        known = numbers[~np.isnan(numbers)]
        return bool(len(known)) and (len(known) < len(numbers) or known.min() < known.max())
    if kind == "date":
        return not np.isnat(cells).all() and len(np.unique(cells)) > 1
    return len(set(cells.tolist())) > 1
