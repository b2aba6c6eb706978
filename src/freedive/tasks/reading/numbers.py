"""Rows of numbers from .npy, .npz and .csv files, in the shape that a model takes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np

from ...config import integer
from ...data.errors import DataFileError
from ...data.numpy_files import read_numpy
from ...errors import show_shape, unknown
from .base import Path, Reader, Rows, numbered, suffix

TARGETS = ("y", "label", "labels", "class", "target")
TABLES = (".csv", ".tsv", ".txt")


def sample_shape(value: Any) -> tuple[int | None, ...]:
    """The shape of one row, None where a size is free."""
    return tuple(None if size is None else integer(size) for size in value)


class Numbers(Reader):
    """Arrays as they are.

    Args:
        shape: of one row, without the batch axis.

    >>> Numbers((16,))
    Numbers(shape=(16,))
    """

    shape: Annotated[Any, sample_shape]

    @property
    def row_shape(self) -> tuple[int | None, ...] | None:
        return tuple(self.shape)

    def read(self, path: Path) -> Rows:
        arrays = arrays_in(path)
        x = self.fitted(path, chosen(path, arrays, None, ("x", "x_test", "test_x")))
        return Rows(numbered(path, range(len(x))), x, [])

    def encoded(self, X: Any) -> np.ndarray:
        """An array whose rows have the shape of the model's."""
        return self.fitted("X", np.asarray(X))

    def labelled(self, path: Path, column: str | None) -> tuple[Any, Any]:
        arrays = dict(arrays_in(path, column))
        y = chosen(path, arrays, column, (*TARGETS, "y_test", "test_y"))
        arrays = {name: array for name, array in arrays.items() if array is not y}
        x = self.fitted(path, chosen(path, arrays, None, ("x", "x_test", "test_x")))
        if len(x) != len(y):
            raise DataFileError(path, f"{len(x)} rows, but {len(y)} labels")
        return x, y

    def fitted(self, path: Path, x: np.ndarray) -> np.ndarray:
        """An array as rows of the model's shape: rows, one row, or rows that were made flat."""
        if x.dtype.kind not in "biuf":
            raise DataFileError(path, f"an array of {x.dtype}; expected numbers")
        for candidate in (x, x[None], x[..., None], x[None, ..., None]):
            if fits(candidate.shape[1:], self.shape):
                break
        else:
            candidate = self._unflattened(path, x)
        if not len(candidate):
            raise DataFileError(path, "no rows")
        if candidate.dtype.kind == "f" and not np.isfinite(candidate).all():
            raise DataFileError(path, "there are numbers that are missing or infinite")
        return candidate

    def _unflattened(self, path: Path, x: np.ndarray) -> np.ndarray:
        whole = None if None in self.shape else math.prod(self.shape)
        if whole is None or x.ndim not in (1, 2) or x.shape[-1] != whole:
            raise DataFileError(
                path, f"shape {show_shape(x.shape)}; the model takes rows of shape {show_shape(self.shape)}"
            )
        return x.reshape(-1, *self.shape)


def fits(shape: Sequence[int | None], wanted: Sequence[int | None]) -> bool:
    return len(shape) == len(wanted) and all(w is None or s == w for s, w in zip(shape, wanted, strict=True))


# files ----------------------------------------------------------------------------------------------------------------
def arrays_in(path: Path, target: str | None = None) -> Mapping[str, np.ndarray]:
    """The arrays of a file by name; a table gives "x", and its column of classes if it has one."""
    kind = suffix(path)
    if kind in (".npy", ".npz"):
        return read_numpy(path)
    if kind in TABLES:
        return _table_arrays(path, target)
    raise DataFileError(path, f"a file {kind or 'without an ending'}; expected .npy, .npz or .csv")


def chosen(path: Path, arrays: Mapping[str, np.ndarray], name: str | None, usual: Sequence[str]) -> np.ndarray:
    """The array of that name, of a usual name, or the only one."""
    if name is not None:
        if name not in arrays:
            raise DataFileError(path, str(unknown("array or column", name, arrays)))
        return arrays[name]
    found = next((n for n in usual if n in arrays), None)
    if found is None and len(arrays) == 1 and "y" not in usual:
        found = next(iter(arrays))
    if found is None:
        listed = ", ".join(map(repr, arrays)) or "nothing"
        raise DataFileError(path, f"holds {listed}; expected an array called {' or '.join(map(repr, usual[:2]))}")
    return arrays[found]


def _table_arrays(path: Path, target: str | None) -> Mapping[str, np.ndarray]:
    from ...data.tables import read_table

    table = read_table(path, header=has_header(path))
    target = target or next((name for name in table.columns if name.lower() in TARGETS), None)
    labels = {} if target is None else {target: table[target]}
    table = table if target is None else table.drop(target)
    odd = next((name for name, kind in table.kinds.items() if kind not in ("integer", "real", "boolean")), None)
    if odd is not None:
        raise DataFileError(path, f"the column {odd!r} holds {table.kinds[odd]}; expected numbers")
    if not len(table.columns) or not len(table):
        raise DataFileError(path, "no rows of numbers")
    return {"x": np.stack([np.asarray(c, np.float32) for c in table.columns.values()], axis=1), **labels}


def has_header(path: Path) -> bool:
    """Whether the first line of a table has names rather than numbers."""
    from ...data.opening import read_lines

    first = next(iter(read_lines(path)), "")
    cells = [cell.strip().strip('"') for separator in ",\t;|" if separator in first for cell in first.split(separator)]
    return not any(_is_number(cell) for cell in cells or [first.strip()])


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
