"""Rows of named columns however people hold them: a dict, a data frame, a structured array, a plain one."""

from __future__ import annotations

import datetime
import decimal
import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .tables import INT64, Table, in_utc, kind_of_texts, objects, on_the_clock, to_seconds, valued

MAYBE_TIMES = ("datetime64", "datetime", "date", "period", "string")  # pandas' words for what an index holds
KIND_OF_DTYPE = {"b": "boolean", "i": "integer", "u": "integer", "f": "real", "M": "date"}


def as_table(data: Any, where: str = "x") -> Table:
    """A table from whatever holds rows of columns; nothing is copied that need not be.

    Args:
        data: a `Table`, a dict of columns, a pandas or polars data frame, a table of pyarrow's, a list of dicts (one a
            row), a structured array, or an array (rows, columns), whose columns are then called column_0, column_1, ...
        where: what messages call it.

    Texts that are all dates, such as 2024-01-31, are dates, as they are in a text file.

    Raises:
        TypeError: anything else, or cells that are neither numbers, texts, truth values nor dates.
        ValueError: columns of different lengths, or a column that is called twice.

    >>> table = as_table({"age": [36, None], "name": ["Ada", "Alan"]})
    >>> table.kinds, table["age"].tolist()
    ({'age': 'real', 'name': 'category'}, [36.0, nan])
    """
    if isinstance(data, Table):
        return data
    columns = _columns(data, where)
    lengths = {name: len(cells) for name, cells in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{where}: the columns have different lengths: {lengths}")
    found = {name: column_of(cells, f"{where}[{name!r}]") for name, cells in columns.items()}
    table = Table(
        {name: cells for name, (cells, _) in found.items()}, {name: kind for name, (_, kind) in found.items()}
    )
    for name, kind in table.kinds.items():
        if kind == "date" and (clock := _clock(columns[name])) is not None:
            table.clocks[name] = clock
    return table


def column_of(cells: Any, where: str = "column") -> tuple[np.ndarray, str]:
    """(one column as `Table.columns` holds it, what it holds as `Table.kinds` says it).

    >>> column_of([True, None, False])
    (array([True, None, False], dtype=object), 'boolean')
    """
    array = _array(cells)
    if array.ndim != 1:
        raise ValueError(f"{where}: expected one value a row. Received shape {array.shape}")
    if array.dtype.kind == "m":
        array = array / np.timedelta64(1, "s")
    if array.dtype.kind in KIND_OF_DTYPE:
        return array, KIND_OF_DTYPE[array.dtype.kind]
    values = [None if missing(value) else value for value in array.tolist()]
    given = [value for value in values if value is not None]
    if array.dtype.kind == "U" or (given and all(isinstance(value, str) for value in given)):
        return _texts(values)
    return _mixed(values, given, where)


def _array(cells: Any) -> np.ndarray:
    """One column as numpy's; times with a zone as Python's, which pandas gives, and polars when it is asked."""
    if getattr(getattr(cells, "dtype", None), "time_zone", None):
        return objects(cells.to_list())
    return cells.to_numpy() if hasattr(cells, "to_numpy") else np.asarray(cells)


def _clock(cells: Any) -> np.ndarray | None:
    """What the clocks said at the place of a column of dates; None where that is not known, or the same."""
    array = _array(cells)
    return None if array.dtype.kind == "M" else on_the_clock([None if missing(v) else v for v in array.tolist()])


def missing(value: Any) -> bool:
    """Whether a cell holds nothing: None, NaN, NaT, or pandas' NA."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, (float, np.floating, np.datetime64)) and value != value


def is_empty(cells: np.ndarray) -> bool:
    """Whether no cell of a column holds anything.

    >>> is_empty(np.array([np.nan, np.nan])), is_empty(np.array(["", None], object))
    (True, False)
    """
    return bool(np.isnat(cells).all()) if cells.dtype.kind == "M" else all(map(missing, cells.tolist()))


def with_index(data: Any) -> Any:
    """A data frame, or one column of it, of pandas' as a dict of columns, its index among them where that holds times.

    The index is called by its name, or "time"; where a column is called so, "index".

    >>> with_index([1.0, 2.0])
    [1.0, 2.0]
    """
    index: Any = getattr(data, "index", None)
    if not hasattr(index, "nlevels"):  # none of pandas'
        return data
    columns = _columns(data if hasattr(data, "columns") else {data.name or "value": data}, "series")
    times = index.to_timestamp() if hasattr(index, "to_timestamp") else index  # of periods, their begins
    if index.inferred_type not in MAYBE_TIMES or column_of(times, "index")[1] != "date":
        return columns
    name = str(index.name or "time")
    return {name if name not in columns else "index": times} | columns


# what people hand over ------------------------------------------------------------------------------------------------
def _columns(data: Any, where: str) -> dict[str, Any]:
    """Name -> cells, in whatever form they come."""
    if isinstance(data, Mapping):
        return {str(name): cells for name, cells in data.items()}
    arrow = hasattr(data, "column_names")
    if arrow or (hasattr(data, "columns") and hasattr(data, "to_numpy")):  # pyarrow, pandas, polars
        keys = data.column_names if arrow else data.columns
        names = [str(name) for name in keys]
        twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
        if twice is not None:
            raise ValueError(f"{where}: the data frame has two columns called {twice!r}. Give each a name of its own")
        return {name: data[key] for name, key in zip(names, keys, strict=True)}
    if isinstance(data, Sequence) and len(data) and isinstance(data[0], Mapping):
        return rows_to_columns(data)
    if hasattr(data, "toarray") and not hasattr(data, "__array__"):
        raise TypeError(f"{where}: a sparse matrix; give it as .toarray()")
    array = np.asarray(data)
    if array.dtype.names is not None and array.ndim == 1:
        return {name: array[name] for name in array.dtype.names}
    if array.ndim != 2:
        raise ValueError(
            f"{where}: expected rows of columns: a dict of columns, a data frame, or an array (rows, columns). "
            f"Received shape {array.shape}"
        )
    return {f"column_{place}": array[:, place] for place in range(array.shape[1])}


def rows_to_columns(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Dicts, one a row, as lists, one a column; a name that a row lacks is missing there.

    >>> rows_to_columns([{"a": 1}, {"a": 2, "b": "x"}])
    {'a': [1, 2], 'b': [None, 'x']}
    """
    rows = list(rows)
    names = dict.fromkeys(str(name) for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _texts(values: list[str | None]) -> tuple[np.ndarray, str]:
    """A column of texts, by the rule for those of a file; only, what is written as a text is no number."""
    kind = kind_of_texts([value for value in values if value is not None], ("date",))
    return valued(values, kind), kind


def _mixed(values: list[Any], given: list[Any], where: str) -> tuple[np.ndarray, str]:
    """A column of Python's own values."""
    if given and all(isinstance(value, (bool, np.bool_)) for value in given):
        return objects(values) if len(given) < len(values) else np.array(values, bool), "boolean"
    values = [float(value) if isinstance(value, decimal.Decimal) else value for value in values]
    given = [value for value in values if value is not None]
    if given and all(isinstance(value, numbers.Integral) and value in INT64 for value in given):
        if len(given) == len(values):
            return np.array(values, np.int64), "integer"
        if any(float(value) != value for value in given):  # floats, of which some stand for several such numbers
            return _texts([value if value is None else str(value) for value in values])
    if not given or all(isinstance(value, numbers.Real) for value in given):
        return np.array([_number(value, where) for value in values], np.float64), "real"
    if all(isinstance(value, (datetime.date, np.datetime64)) for value in given):
        return to_seconds([np.datetime64("NaT") if v is None else in_utc(v) for v in values]), "date"
    if all(isinstance(value, (str, numbers.Real)) for value in given):
        return _texts([value if value is None else str(value) for value in values])
    odd = next(v for v in given if not isinstance(v, (str, numbers.Real, datetime.date, np.datetime64)))
    raise TypeError(
        f"{where}: every cell of the argument must be a string, a number, a truth value or a date, of one kind in a "
        f"column. Received {odd!r:.60} of type {type(odd).__name__}"
    )


def _number(value: Any, where: str) -> float:
    """A number of Python's, NaN where there is none."""
    try:
        return np.nan if value is None else float(value)
    except OverflowError:
        raise ValueError(f"{where}: a number of {len(str(value))} digits is too large for float64") from None
