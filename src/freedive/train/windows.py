"""Windows of a series without their copies: rows that overlap in memory rest on the device as the series they are cut
from, and the compiled run gathers those of a batch.

Nothing has to be asked for: `preprocessing.timeseries_windows`, or `numpy.lib.stride_tricks.sliding_window_view`, makes
views, and an array whose rows overlap is recognised by its strides. A series of n steps and windows of L take n numbers
and not n times L.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import GetAttrKey, register_pytree_with_keys_class
from numpy.lib.stride_tricks import as_strided

from ..ops.gathering import rows_of


@register_pytree_with_keys_class
@dataclasses.dataclass(frozen=True)
class Windows:
    """Row i is base[i * step : i * step + length], with time as the axis `axis` of a row's array (rows, ...).

    >>> rows = np.lib.stride_tricks.sliding_window_view(np.arange(5), 3)
    >>> found = Windows.of(rows)
    >>> found.base.tolist(), found.length, found.take(jnp.array([1])).tolist()
    ([0, 1, 2, 3, 4], 3, [[1, 2, 3]])
    """

    base: Any  # (time, ...)
    length: int
    step: int
    axis: int

    @classmethod
    def of(cls, rows: Any) -> Windows | None:
        """What an array's rows are cut from; None where they do not overlap."""
        if not isinstance(rows, np.ndarray) or rows.ndim < 2 or len(rows) < 2:
            return None
        first, *strides = rows.strides
        for axis, stride in enumerate(strides, 1):
            length = rows.shape[axis]
            step, odd = divmod(first, stride) if stride else (0, 0)
            if not odd and 0 < step < length:
                others = [i for i in range(1, rows.ndim) if i != axis]
                shape = ((len(rows) - 1) * step + length, *(rows.shape[i] for i in others))
                base = as_strided(rows, shape, (stride, *(rows.strides[i] for i in others)), writeable=False)
                return cls(base, length, step, axis)
        return None

    def take(self, rows: Any) -> jax.Array:
        """Some rows; traced."""
        times = (rows * self.step)[:, None] + jnp.arange(self.length)
        return jnp.moveaxis(jnp.asarray(self.base).at[times].get(mode="promise_in_bounds"), 1, self.axis)

    def view(self) -> np.ndarray:
        """The rows as a numpy array that overlaps itself."""
        windows = np.lib.stride_tricks.sliding_window_view(self.base, self.length, axis=0)[:: self.step]
        return np.moveaxis(windows, -1, self.axis)

    def tree_flatten_with_keys(self) -> Any:
        """The base as a leaf; its name says how it is cut, so that a resumed run can tell."""
        key = GetAttrKey(f"windows of {self.length} every {self.step}")
        return ((key, self.base),), (self.length, self.step, self.axis)

    @classmethod
    def tree_unflatten(cls, fixed: Any, leaves: Any) -> Windows:
        return cls(*leaves, *fixed)


def is_windows(value: Any) -> bool:
    """Whether a node of a tree stands for windows."""
    return isinstance(value, Windows)


def on_device(tree: Any) -> Any:
    """Arrays of rows on the device; those that overlap as the series they are cut from."""

    def put(rows: Any) -> Any:
        found = Windows.of(rows)
        return jnp.asarray(rows) if found is None else dataclasses.replace(found, base=jnp.asarray(found.base))

    return jax.tree.map(put, tree)


def take(tree: Any, rows: Any, unique: bool = False) -> Any:
    """Some rows of every array; traced. `unique`: none is there twice."""

    def one(array: Any) -> Any:
        return array.take(rows) if is_windows(array) else rows_of(array, rows, unique)

    return jax.tree.map(one, tree, is_leaf=is_windows)


def part(tree: Any, start: Any, size: int) -> Any:
    """`size` rows of every array from `start` on; traced."""

    def one(array: Any) -> Any:
        if is_windows(array):
            return array.take(start + jnp.arange(size))
        return jax.lax.dynamic_slice_in_dim(array, start, size)

    return jax.tree.map(one, tree, is_leaf=is_windows)


def without_overlap(array: np.ndarray) -> np.ndarray:
    """The numbers that an array's rows are cut from, each once; the array itself where they do not overlap."""
    found = Windows.of(array)
    return array if found is None else found.base
