"""Tables in Parquet files, read by pyarrow: what they announce is bounded before anything of it is read."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..errors import installed_by
from .errors import DataFileError
from .frames import as_table
from .opening import FREE_BYTES, PACKED, Path, open_file
from .tables import Table, to_seconds

CELL = 8  # bytes that a cell takes in memory; a text that stands in many rows is held once
SINGLE = ("boolean", "integer", "floating", "decimal", "date", "timestamp", "duration", "null")  # types of one value
TEXT = ("string", "large_string")


def read_parquet(path: Path) -> Table:
    """A table in a Parquet file; needs pyarrow (`pip install ".[tables]"`).

    Raises:
        DataFileError: the file is cut, damaged or no Parquet; it announces far more rows than so many bytes hold; or
            a column holds lists, records or bytes where one value a row is expected.
        ImportError: without pyarrow.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ImportError(
            f"{os.fspath(path)}: Parquet is read by pyarrow, which is not installed: {installed_by('tables')}"
        ) from None
    with open_file(path) as file:
        try:
            about = pyarrow.parquet.read_metadata(file)
            schema = about.schema.to_arrow_schema()
            check(path, schema, about)
            texts = [field.name for field in schema if _is(field.type, TEXT)]
            table = pyarrow.parquet.ParquetFile(file, metadata=about, read_dictionary=texts).read()
            columns = {name: cells(column) for name, column in zip(table.column_names, table.columns, strict=True)}
            clocks = {name: clock(table[name]) for name in table.column_names if known_zone(table[name].type)}
        except (pyarrow.ArrowException, OSError, MemoryError, UnicodeDecodeError) as error:
            raise DataFileError(path, f"no Parquet file that can be read: {str(error)[:200]}") from None
    found = as_table(columns, os.fspath(path))
    found.clocks.update(clocks)
    return found


def check(path: Path, schema: Any, about: Any) -> None:
    """Refuse what is no table of single values, and more rows than a file of this size may unpack to."""
    known: set[str] = set()
    for field in schema:
        if field.name in known:
            raise DataFileError(path, f"two columns are called {field.name!r}")
        known.add(field.name)
        kind = field.type.value_type if _is(field.type, ("dictionary",)) else field.type
        if not _is(kind, SINGLE + TEXT):
            detail = (
                f"the column {field.name!r} holds {kind!s:.60}, expected one number, text, truth value or date a row"
            )
            raise DataFileError(path, detail)
    counts = [about.row_group(place).num_rows for place in range(about.num_row_groups)]
    if min(counts, default=0) < 0 or sum(counts) != about.num_rows:
        raise DataFileError(path, f"it announces {about.num_rows:,} rows, but its parts {sum(counts):,}")
    if not about.num_rows:
        raise DataFileError(path, "the table is empty")
    size = os.path.getsize(path)
    if about.num_rows * len(schema) * CELL > FREE_BYTES + PACKED * size:
        raise DataFileError(
            path,
            f"{about.num_rows:,} rows of {len(schema)} columns are announced in {size:,} bytes; if it is no bomb, "
            "read it with pandas.read_parquet and hand over the frame",
        )


def cells(column: Any) -> Any:
    """A column as numpy has it, None where a cell is missing; equal texts are one object."""
    import pyarrow

    if _is(column.type, ("decimal",)):
        column = column.cast(pyarrow.float64())
    if not _is(column.type, ("dictionary",)):
        return column.to_numpy()
    parts = [np.zeros(0, object)]
    for chunk in column.chunks:
        values = np.array([*chunk.dictionary.to_pylist(), None], object)
        places = chunk.indices.cast(pyarrow.int64()).fill_null(len(values) - 1)
        parts.append(values[places.to_numpy()])
    return np.concatenate(parts)


def known_zone(kind: Any) -> bool:
    """Whether a type is of times with a zone that this machine knows."""
    import pyarrow

    try:
        return bool(kind.tz) and len(clock(pyarrow.array([0], kind))) == 1
    except (AttributeError, pyarrow.ArrowException):
        return False


def clock(column: Any) -> np.ndarray:
    """What the clocks said at the place of a column of times with a zone."""
    import pyarrow.compute

    local: Any = pyarrow.compute.local_timestamp(column)  # pyright: ignore[reportAttributeAccessIssue]
    return to_seconds(local.to_numpy(zero_copy_only=False))


def _is(kind: Any, names: tuple[str, ...]) -> bool:
    """Whether a type of pyarrow's is one of those that its `pyarrow.types.is_...` tell."""
    import pyarrow.types

    return any(getattr(pyarrow.types, f"is_{name}")(kind) for name in names)
