"""The rows of a batch, from an array of many."""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
from jax.custom_batching import custom_vmap

from . import native

LEAST = 64  # numbers of a row: fewer are found sooner than a call is made
MOST = 1 << 16  # numbers of a batch: more of them are worth another processor, which XLA takes
WHOLE = (f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
TYPES = frozenset(("float32", "float64", "float16", "bfloat16", "bool", *WHOLE))


def rows_of(array: Any, rows: Any, unique: bool = False) -> jax.Array:
    """array[rows] for an array (n, ...) and rows (count,) in 0..n-1: (count, ...).

    Small batches of long rows are copied by one native call on a CPU that has it: XLA looks for the place of every
    number, and wakes other processors for that, which takes longer.

    Args:
        array: where the rows are.
        rows: which ones, whole numbers.
        unique: whether no row is there twice.

    >>> rows_of(jax.numpy.arange(6).reshape(3, 2), jax.numpy.array([2, 0])).tolist()
    [[4, 5], [0, 1]]
    """
    size = math.prod(array.shape[1:])
    suits = array.ndim > 1 and LEAST <= size <= MOST // max(1, rows.size) and array.dtype.name in TYPES
    return native.by_native(suits, _copied, functools.partial(_gathered, unique=unique), array, rows)


def _gathered(array: Any, rows: Any, unique: bool = False) -> jax.Array:
    return array.at[rows].get(mode="promise_in_bounds", unique_indices=unique)


@custom_vmap
def _copied(array: Any, rows: Any) -> jax.Array:
    found = jax.ShapeDtypeStruct((len(rows), *array.shape[1:]), array.dtype)
    return jax.ffi.ffi_call("freedive_rows", found)(array, rows.astype("int32"))


@_copied.def_vmap
def _several(_: int, own: Any, array: Any, rows: Any) -> tuple[jax.Array, bool]:
    """Of members that share the array, all rows at once; else array code."""
    if own[0]:
        return jax.vmap(_gathered, [0, 0 if own[1] else None])(array, rows), True
    return rows_of(array, rows.reshape(-1)).reshape(*rows.shape, *array.shape[1:]), True
