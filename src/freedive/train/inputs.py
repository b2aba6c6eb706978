"""What people hand to fit, evaluate and predict, as trees of arrays: checked once, before anything is compiled."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from ..errors import BadRowsError, show_shape
from .windows import Windows, without_overlap

READY = frozenset(map(np.dtype, ("float32", "float16", "int32", "int16", "int8", "uint16", "uint8", "bool")))


def arrays_of(data: Any, where: str) -> Any:
    """A tree of numpy or jax arrays from arrays, lists, dicts, data frames, or anything with __array__ or __dlpack__.

    Args:
        data: as given.
        where: how messages call it: "fit(x=...)".
    """
    if data is None:
        return None
    if isinstance(data, dict):
        return {key: arrays_of(value, f"{where}[{key!r}]") for key, value in data.items()}
    if isinstance(data, (list, tuple)) and data and _is_array(data[0]):
        if all(np.ndim(value) == 0 for value in data):  # a list of numbers that numpy made
            return one_array([float(value) for value in data] if hasattr(data[0], "detach") else data, where)
        return [arrays_of(value, f"{where}[{i}]") for i, value in enumerate(data)]
    return one_array(data, where)


def weights_of(given: Any, x: Any, where: str) -> Any:
    """Sample weights as `arrays_of` makes them; None among those of several outputs weighs every row of `x` as 1."""
    several = list(given.values()) if isinstance(given, dict) else given
    if isinstance(several, (list, tuple)) and any(w is None for w in several) and any(map(_is_array, several)):
        ones = np.ones(rows_of(x, where), np.float32)
        several = [ones if w is None else w for w in several]
        given = dict(zip(given, several, strict=True)) if isinstance(given, dict) else several
    return arrays_of(given, where)


def one_array(data: Any, where: str) -> Any:
    """One array of numbers."""
    if _is_ready(data):
        return data
    if hasattr(data, "toarray") and not hasattr(data, "__array__"):
        raise TypeError(f"{where}: a sparse matrix of {type(data).__module__.split('.')[0]}: give it as .toarray()")
    if hasattr(data, "detach"):  # a PyTorch tensor that may have a gradient
        data = data.detach().float() if "bfloat16" in str(data.dtype) else data.detach()
    if hasattr(data, "to_numpy"):  # pandas, polars
        data = data.to_numpy()
    elif (
        hasattr(data, "__dlpack__") and not isinstance(data, (np.ndarray, jax.Array)) and not hasattr(data, "__array__")
    ):
        data = np.from_dlpack(data)
    if np.ma.isMaskedArray(data) and np.ma.is_masked(data):
        raise TypeError(f"{where}: a masked array: fill in its missing values, .filled(...), or drop the rows")
    if isinstance(data, Tracer):
        raise TypeError(
            f"{where}: fit, evaluate and predict run compiled programs of their own: call them outside jax.jit"
        )
    if isinstance(data, jax.Array) and data.ndim and jnp.issubdtype(data.dtype, jnp.number) and data.dtype.kind != "c":
        return data
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ValueError(f"{where}: the rows have different lengths ({error}). Pad them: utils.pad_sequences") from None
    if array.dtype.name in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):
        array = array.astype(np.float32)
    if array.dtype.kind == "O":
        array = _numbers_in(array, where)
    if array.dtype.kind in "US":
        raise TypeError(
            f"{where}: expected numbers. Received text, as {array.ravel()[:1].tolist()}: encode it as numbers first"
        )
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{where}: expected numbers. Received an array of {array.dtype}")
    if array.ndim == 0:
        raise ValueError(f"{where}: expected an array with a batch axis. Received the single number {array}")
    return narrowed(array, where)


def narrowed(array: np.ndarray, where: str) -> np.ndarray:
    """64-bit numbers as 32-bit ones, where they fit, in this machine's order of bytes; windows of a series stay windows
    of one."""
    if array.dtype.itemsize > 4 and (found := Windows.of(array)) is not None:
        return dataclasses.replace(found, base=narrowed(found.base, where)).view()
    if array.dtype == np.float64 or (array.dtype.itemsize > 4 and array.dtype.kind == "f"):
        with np.errstate(over="ignore"):
            narrow = array.astype(np.float32)
        if array.size and np.isinf(narrow).any() and not np.isinf(array).any():
            at = np.argwhere(np.isinf(narrow))[0].tolist()
            raise ValueError(f"{where}: {array[tuple(at)]} at index {at} does not fit in float32. Scale the data")
        return narrow
    if array.dtype.itemsize > 4:
        beyond = (array > 2**31 - 1) | (array < -(2**31))
        if beyond.any():
            raise ValueError(f"{where}: {array[beyond][0]} does not fit in int32")
        return array.astype(np.int32)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _numbers_in(array: np.ndarray, where: str) -> np.ndarray:
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError):
        odd = next(v for v in array.ravel() if not isinstance(v, (int, float, np.number)))
        kind = type(odd).__name__
        hint = (
            "Pad the rows to one length: utils.pad_sequences" if kind in ("list", "ndarray") else "Encode it as numbers"
        )
        raise TypeError(
            f"{where}: expected numbers. Received an object array that holds {kind}: {odd!r:.60}. {hint}"
        ) from None


def _is_ready(data: Any) -> bool:
    """Whether it is an array as it should be; most are."""
    return type(data) is np.ndarray and data.ndim > 0 and data.dtype in READY


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") or hasattr(value, "__dlpack__") or hasattr(value, "to_numpy")


def rows_of(tree: Any, where: str) -> int:
    """The number of rows that all arrays of a tree share."""
    sizes = [len(a) for a in jax.tree.leaves(tree)]
    if not sizes or sizes[0] == 0:
        raise ValueError(f"{where}: there is no data: {'no array' if not sizes else 'arrays of 0 rows'}")
    if len(set(sizes)) > 1:
        raise ValueError(f"{where}: all arrays must have the same number of rows. Received: {sizes}")
    return sizes[0]


def check_rows(x: Any, y: Any, weights: Any, where: str) -> int:
    """The number of rows that x, y and weights share."""
    rows = rows_of(x, f"{where}(x=...)")
    for name, tree in (("y", y), ("sample_weight", weights)):
        for array in jax.tree.leaves(tree):
            if len(array) != rows:
                raise ValueError(f"{where}: x has {rows} rows and {name} has {len(array)}: they must be the same")
    return rows


def _squares(array: np.ndarray) -> Any:
    """The sum of squares: NaN and infinity stay in it, and it is the quickest pass over numbers that there is.

    Finite numbers may overflow in it; whoever asks looks again where it is not finite.
    """
    if array.dtype.char in "fd" and (array.flags.c_contiguous or array.flags.f_contiguous):
        flat = array.ravel(order="K")
        return np.vdot(flat, flat)
    return array.sum(dtype=np.float64)


def check_finite(tree: Any, where: str) -> None:
    """No NaN and no infinity; the first one is named by its place."""
    for array in jax.tree.leaves(tree):
        if array.dtype.kind == "f":
            array = np.asarray(array)
            if not math.isfinite(_squares(without_overlap(array))):
                at = np.argwhere(~np.isfinite(array))
                if len(at):
                    value, place = array[tuple(at[0])], ", ".join(map(str, at[0]))
                    raise BadRowsError(
                        f"{where}: {value} at index ({place}) of {show_shape(array.shape)}, and {len(at)} such values "
                        "in all. Fill them in, or leave such rows out (fit and evaluate do by on_bad='skip')",
                        ~np.isfinite(array),
                    )
