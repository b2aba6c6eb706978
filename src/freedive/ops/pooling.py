"""Pooling over any number of spatial axes, channels last: the largest or the mean value of every window.

Where windows lie side by side (strides equal to the size, the common case) the input is cut into tiles by a reshape;
where they overlap, it is seen through one strided slice for each place in the window. Both are plain array code that
XLA fuses; its own window reduction has a gradient that takes about twice the time of a whole small network on a CPU.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .conv import Sizes, explicit_padding, output_size, spread, tap_slice, taps


def max_pool(x: jax.Array, size: Sizes, strides: Sizes | None = None, padding: str = "valid") -> jax.Array:
    """The largest value of every window.

    Args:
        x: (batch, *sizes, channels).
        size: of the window along each axis.
        strides: its step; the size unless given.
        padding: "valid", or "same" for ceil(size / stride) windows.

    Returns:
        (batch, *new sizes, channels). The gradient goes to the first of several largest values.

    >>> max_pool(jnp.arange(5.0).reshape(1, 5, 1), (2,)).ravel().tolist()
    [1.0, 3.0]
    """
    windows, _ = cut(x, size, strides, padding, _lowest(x.dtype))
    return windows(largest_of_tiles, largest_of_slices)


def average_pool(x: jax.Array, size: Sizes, strides: Sizes | None = None, padding: str = "valid") -> jax.Array:
    """The mean value of every window; padding does not count.

    Args:
        x: (batch, *sizes, channels).
        size: of the window along each axis.
        strides: its step; the size unless given.
        padding: "valid", or "same" for ceil(size / stride) windows.

    Returns:
        (batch, *new sizes, channels).

    >>> average_pool(jnp.arange(5.0).reshape(1, 5, 1), (2,), padding="same").ravel().tolist()
    [0.5, 2.5, 4.0]
    """
    windows, counts = cut(x, size, strides, padding, 0)
    return windows(lambda tiles, axes: tiles.sum(axes), sum) / counts.astype(x.dtype)


def read_by(sizes: Sizes, size: Sizes, strides: Sizes | None) -> tuple[int, ...]:
    """How many places of each axis are in a whole window.

    >>> read_by((11, 12), (2, 2), None), read_by((11,), (3,), (2,))
    ((10, 12), (11,))
    """
    strides = spread(size if strides is None else strides, len(size))
    return tuple((n - k) // s * s + k for n, k, s in zip(sizes, size, strides, strict=True))


def cut(x: jax.Array, size: Sizes, strides: Sizes | None, padding: str, fill: float) -> tuple[Callable, np.ndarray]:
    """(a function that reduces every window, given how to reduce tiles and slices; how many values each window has)."""
    strides = spread(size if strides is None else strides, len(size))
    sizes, once = x.shape[1:-1], (1,) * len(size)
    pads = explicit_padding(padding, sizes, size, strides, once)
    places = [output_size(*each) for each in zip(sizes, size, strides, pads, strict=True)]
    if tuple(size) == strides:  # what lies beyond the last whole window is cut off
        pads = [(a, k * n - s - a) for (a, _), k, n, s in zip(pads, size, places, sizes, strict=True)]
    x = lax.pad(x, jnp.asarray(fill, x.dtype), [(0, 0, 0), *((a, b, 0) for a, b in pads), (0, 0, 0)])

    def windows(of_tiles: Callable, of_slices: Callable) -> jax.Array:
        if tuple(size) != strides:
            return of_slices([tap_slice(x, tap, places, strides, once) for tap in taps(size)])
        tiles = x.reshape(x.shape[0], *(n for pair in zip(places, size, strict=True) for n in pair), x.shape[-1])
        return of_tiles(tiles, tuple(range(2, tiles.ndim - 1, 2)))  # (batch, place, tap, place, tap, ..., channels)

    inside = [
        [min(n * s - a + k, end) - max(n * s - a, 0) for n in range(places_)]
        for places_, k, s, (a, _), end in zip(places, size, strides, pads, sizes, strict=True)
    ]
    return windows, functools.reduce(np.multiply.outer, inside, np.ones(1, "int64"))[..., None]


def _lowest(dtype: Any) -> Any:
    """What is no larger than any number of this type."""
    return np.array(-np.inf if jnp.issubdtype(dtype, jnp.floating) else jnp.iinfo(dtype).min, dtype)


# the largest, with a gradient that is one comparison -----------------------------------------------------------------
@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def largest_of_tiles(tiles: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    """The largest value along the tap axes, which are every second one of those in the middle.

    Where nothing is differentiated, by XLA's window reduction, in which all processors take part.
    """
    places, size = tiles.shape[1:-1:2], tiles.shape[2:-1:2]
    x = tiles.reshape(tiles.shape[0], *map(operator.mul, places, size), tiles.shape[-1])
    window = (1, *size, 1)
    return lax.reduce_window(x, _lowest(x.dtype), lax.max, window, window, "VALID")


@largest_of_tiles.defjvp
def _largest_of_tiles_jvp(axes, primals, tangents):
    (tiles,), (change,) = primals, tangents
    y = tiles.max(axes)
    count = math.prod(tiles.shape[axis] for axis in axes)
    number = np.arange(count, dtype="int8" if count < 127 else "int32")
    number = number.reshape([n if axis in axes else 1 for axis, n in enumerate(tiles.shape)])
    hit = jnp.where(tiles == jnp.expand_dims(y, axes), number, number.dtype.type(count))
    first = jnp.expand_dims(hit.min(axes), axes)
    return y, jnp.where(first == number, change, 0).sum(axes)


@jax.custom_jvp
def largest_of_slices(slices: list[jax.Array]) -> jax.Array:
    """The largest of several arrays, place by place."""
    return functools.reduce(jnp.maximum, slices)


@largest_of_slices.defjvp
def _largest_of_slices_jvp(primals, tangents):
    (slices,), (changes,) = primals, tangents
    y = functools.reduce(jnp.maximum, slices)
    change = jnp.zeros_like(y)
    for part, d_part in zip(reversed(slices), reversed(changes), strict=True):  # the first one is put last, and stays
        change = jnp.where(part == y, d_part, change)
    return y, change
