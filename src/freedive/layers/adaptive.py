"""Adaptive pooling: as many windows as are asked for, whatever the size of the input.

Along each axis, window i of n covers the places from floor(i size / n) to ceil((i + 1) size / n); windows may differ
in size by one and overlap. A window of several axes is one window along each, so the axes are pooled in turn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax.numpy as jnp
from jax import lax

from ..core.layer import Layer
from .spatial import DataFormat, expect_rank, from_last, per_axis, to_last


def windows(x: Any, axis: int, count: int, reduce: Callable[..., Any]) -> Any:
    """`count` windows along one axis, each reduced.

    >>> windows(jnp.arange(5.0), 0, 2, jnp.max).tolist()
    [2.0, 4.0]
    """
    size = x.shape[axis]
    if size % count == 0:
        tiles = x.reshape(*x.shape[:axis], count, size // count, *x.shape[axis + 1 :])
        return reduce(tiles, axis=axis + 1)
    edges = [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]
    return jnp.stack([reduce(lax.slice_in_dim(x, a, b, axis=axis), axis=axis) for a, b in edges], axis)


class _AdaptivePooling(Layer):
    rank: ClassVar[int]
    reduce: ClassVar[Callable[..., Any]]

    output_size: Any
    data_format: DataFormat = None

    def __post_init__(self):
        super().__post_init__()
        per_axis(self, self.rank, "output_size")

    def call(self, x: Any) -> Any:
        expect_rank(self, x, self.rank)
        x = to_last(self, x)
        for axis, count in enumerate(self.output_size, start=1):
            x = windows(x, axis, count, type(self).reduce)
        return from_last(self, x)


class AdaptiveAveragePooling1D(_AdaptivePooling):
    """The means of as many windows of a sequence as are asked for.

    Args:
        output_size: the number of windows.
        data_format: "channels_last", (batch, steps, channels), or "channels_first".

    Input: (batch, steps, channels). Output: (batch, output_size, channels).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.AdaptiveAveragePooling1D(2)(np.arange(6.0).reshape(1, 6, 1)).ravel().tolist()
    [1.0, 4.0]
    """

    rank: ClassVar[int] = 1
    reduce = jnp.mean


class AdaptiveAveragePooling2D(_AdaptivePooling):
    """The means of as many windows of an image as are asked for, so that images of any size give the same shape.

    Args:
        output_size: the number of windows along each axis; one number for both.
        data_format: "channels_last", (batch, height, width, channels), or "channels_first".

    Input: (batch, height, width, channels). Output: (batch, *output_size, channels).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.AdaptiveAveragePooling2D((2, 3))(np.ones((1, 7, 9, 4))).shape
    (1, 2, 3, 4)
    """

    rank: ClassVar[int] = 2
    reduce = jnp.mean


class AdaptiveAveragePooling3D(_AdaptivePooling):
    """The means of as many windows of a volume as are asked for; arguments as for `AdaptiveAveragePooling2D`.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.AdaptiveAveragePooling3D(2)(np.ones((1, 5, 7, 9, 4))).shape
    (1, 2, 2, 2, 4)
    """

    rank: ClassVar[int] = 3
    reduce = jnp.mean


class AdaptiveMaxPooling1D(_AdaptivePooling):
    """The largest values of as many windows of a sequence as are asked for; arguments as for the averages.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.AdaptiveMaxPooling1D(2)(np.arange(6.0).reshape(1, 6, 1)).ravel().tolist()
    [2.0, 5.0]
    """

    rank: ClassVar[int] = 1
    reduce = jnp.max


class AdaptiveMaxPooling2D(_AdaptivePooling):
    """The largest values of as many windows of an image as are asked for; arguments as for the averages.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.AdaptiveMaxPooling2D(3)(np.ones((1, 7, 9, 4))).shape
    (1, 3, 3, 4)
    """

    rank: ClassVar[int] = 2
    reduce = jnp.max


class AdaptiveMaxPooling3D(_AdaptivePooling):
    """The largest values of as many windows of a volume as are asked for; arguments as for the averages.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.AdaptiveMaxPooling3D(2)(np.ones((1, 5, 7, 9, 4))).shape
    (1, 2, 2, 2, 4)
    """

    rank: ClassVar[int] = 3
    reduce = jnp.max
