"""Values of pictures at places between their pixels: gathers, vectorised over the batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def _reflected(index: Any, size: int) -> Any:
    index = index % (2 * size)
    return jnp.minimum(index, 2 * size - 1 - index)


INDEX: dict[str, Callable[[Any, int], Any]] = {  # where an index outside is looked up
    "constant": lambda index, size: jnp.clip(index, 0, size - 1),  # and replaced afterwards
    "nearest": lambda index, size: jnp.clip(index, 0, size - 1),
    "reflect": _reflected,
    "wrap": lambda index, size: index % size,
}


def affine(
    images: Any,
    matrix: Any,
    shift: Any,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0.0,
) -> jax.Array:
    """Pictures whose value at p, seen from the centre, is the old one at matrix p + shift.

    Args:
        images: (batch, height, width, channels).
        matrix: ((rows from rows, rows from columns), (columns from rows, columns from columns)), numbers or (batch,).
        shift: (rows, columns), numbers or (batch,).
        interpolation, fill_mode, fill_value: as for `sample`.

    >>> x = jnp.arange(4.0).reshape(1, 2, 2, 1)
    >>> affine(x, ((1.0, 0.0), (0.0, 1.0)), (-1.0, 0.0))[0, :, :, 0].tolist()
    [[0.0, 0.0], [0.0, 1.0]]
    """
    batch, height, width, _ = images.shape
    middle = ((height - 1) / 2, (width - 1) / 2)
    y = jnp.arange(height, dtype=jnp.float32)[:, None] - middle[0]  # (height, 1)
    x = jnp.arange(width, dtype=jnp.float32) - middle[1]  # (width,)

    def each(number: Any) -> jax.Array:
        return jnp.broadcast_to(jnp.asarray(number, jnp.float32), (batch,))[:, None, None]

    rows, columns = (
        each(a) * y + each(b) * x + each(c + m) for (a, b), c, m in zip(matrix, shift, middle, strict=True)
    )
    return sample(images, rows, columns, interpolation, fill_mode, fill_value)


def sample(images: Any, rows: Any, columns: Any, interpolation: str, fill_mode: str, fill_value: float) -> Any:
    """The values of pictures at places between their pixels.

    Args:
        images: (batch, height, width, channels).
        rows, columns: the places, floats of shape (batch, new height, new width).
        interpolation: "nearest" or "bilinear".
        fill_mode: what lies outside: "constant" (fill_value), "nearest" (aaaa|abcd|dddd), "reflect"
            (dcba|abcd|dcba) or "wrap" (abcd|abcd|abcd).
        fill_value: for "constant".
    """
    batch, height, width, channels = images.shape
    pixels = images.reshape(batch, height * width, channels)

    def at(row: Any, column: Any) -> Any:  # whole numbers (batch, h, w) -> (batch, h, w, channels)
        place = INDEX[fill_mode](row, height) * width + INDEX[fill_mode](column, width)
        # One gather of whole pixels; a batch of 32 pictures of 32x32x3 takes 0.1 ms of a CPU for each of four corners.
        found = jnp.take_along_axis(pixels, place.reshape(batch, -1, 1), axis=1, mode="promise_in_bounds")
        found = found.reshape(*place.shape, channels)
        if fill_mode != "constant":
            return found
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        return jnp.where(inside[..., None], found, jnp.asarray(fill_value, images.dtype))

    if interpolation == "nearest":
        return at(jnp.round(rows).astype(jnp.int32), jnp.round(columns).astype(jnp.int32))
    top, left = jnp.floor(rows), jnp.floor(columns)
    down, right = (rows - top)[..., None], (columns - left)[..., None]
    i, j = top.astype(jnp.int32), left.astype(jnp.int32)
    upper = at(i, j) * (1 - right) + at(i, j + 1) * right
    lower = at(i + 1, j) * (1 - right) + at(i + 1, j + 1) * right
    return (upper * (1 - down) + lower * down).astype(images.dtype)
